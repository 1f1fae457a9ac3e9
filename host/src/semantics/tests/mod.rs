//! Tests that concern all of these rules at once. Those of one noun stand beside it.

mod arbitrary;
