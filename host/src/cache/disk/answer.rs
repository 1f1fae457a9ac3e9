//! What the store answers: a record, where it stood, and what became of a put.

use bytes::Bytes;

use super::index::Place;
use super::record::{KeyHash, Kind};

/// A record as it was put.
#[derive(Debug, Clone)]
pub(in crate::cache) struct Record {
    pub(in crate::cache) kind: Kind,
    pub(in crate::cache) meta: Bytes,
    pub(in crate::cache) body: Bytes,
    /// How often it was read before, up to a small number.
    pub(in crate::cache) reads: u8,
    pub(in crate::cache) mark: Mark,
}

/// Which of the records that a key has had over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) struct Mark(u128);

/// Sets the marks of what waits to be written apart from places.
const WAITING: u128 = 1 << 127;

impl Mark {
    /// Of what waits to be written under this number.
    pub(super) fn waiting(number: u64) -> Self {
        Self(WAITING | u128::from(number))
    }

    /// Of what lies there. No place is used twice.
    pub(super) fn at(place: Place) -> Self {
        Self(u128::from(place.segment) << 64 | u128::from(place.position))
    }
}

/// What a look at a key comes to.
#[derive(Debug)]
pub(in crate::cache) enum Reading {
    Here(Record),
    /// Nothing is stored under this key.
    Absent,
    /// The disk must be waited for: `Store::wait`.
    Later(Later),
}

/// A read that waits for the disk.
#[derive(Debug)]
pub(in crate::cache) struct Later(pub(super) KeyHash);

/// What became of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) enum Put {
    Queued,
    /// There is no room in the queue, or no disk; the key has nothing any more.
    Skipped,
}
