//! Which version of a filter an exchange meets, and whether it meets one at all.
//!
//! `version` names a build, `code_cache` keeps what was compiled of it, `condition` says which requests a chain enters a
//! filter for, `breaker` leaves a failing one alone, `tally` counts how exchanges end in a version, and `canary` tries the
//! next one on a part of them until a `rollback`. `outcome` is what a load did, `filter_state` how a version is.

pub(super) mod breaker;
pub(super) mod canary;
pub(super) mod code_cache;
pub(super) mod condition;
pub(super) mod filter_state;
pub(super) mod outcome;
pub(super) mod rollback;
pub(super) mod tally;
pub(super) mod version;
