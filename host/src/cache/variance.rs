//! A rule that an origin gave for the queries under one path, as it was learned.

use crate::semantics::NoVarySearch;

#[derive(Debug)]
pub(super) struct Variance {
    pub(super) rule: NoVarySearch,
    /// Which lesson it was: never given twice.
    pub(super) number: u64,
}
