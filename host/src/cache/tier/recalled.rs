//! Where an entry was read, for whoever wants to know whether that is still what its key has.

use crate::cache::disk::{KeyHash, Mark};

/// Where an entry was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) struct Recalled {
    pub(in crate::cache) key: KeyHash,
    pub(in crate::cache) mark: Mark,
    /// Of the spec that it is a variant by; 0 where it is the only one of its key.
    pub(in crate::cache) generation: u64,
    /// Where its spec stands.
    pub(in crate::cache) primary: KeyHash,
    /// How often it was read before, up to a small number.
    pub(in crate::cache) reads: u8,
}
