//! What a filter author uses.
