//! The rewrite filter.
