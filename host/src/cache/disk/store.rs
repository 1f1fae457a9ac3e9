//! The store: records under hashed keys, written by one thread, read by everybody.
//!
//! What is put is found from that moment on, first in the queue and then in the log; what is removed is gone from that
//! moment on. It knows bytes only. Nothing here waits for the disk but what is `async`, and nothing fails: a store that
//! cannot be used is an empty one that says so in a metric.

use std::sync::Arc;

use bytes::Bytes;
use prometheus::Registry;

use super::record::{KeyHash, Kind};
use crate::config;

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
pub(in crate::cache) struct Later {
    key: KeyHash,
}

/// What became of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) enum Put {
    Queued,
    /// There is no room in the queue, or no disk; the key has nothing any more.
    Skipped,
}

/// The slices of one large body are kept by eviction while this is held.
#[derive(Debug)]
pub(in crate::cache) struct Kept {
    generation: u64,
}

/// The store of a node. Cloning shares it.
#[derive(Clone)]
pub(in crate::cache) struct Store(Arc<()>);

impl Store {
    /// Opens the folder, or begins without and tries again: see `forebay_disk_state`.
    pub(in crate::cache) fn open(config: &config::Disk, registry: &Registry) -> Result<Self, prometheus::Error> {
        let _ = (config, registry);
        Ok(Self(Arc::new(())))
    }

    /// The keyed hash of a key in parts; no two lists of parts run into each other.
    pub(in crate::cache) fn hash(&self, parts: &[&[u8]]) -> KeyHash {
        let _ = parts;
        KeyHash(0)
    }

    /// The key of one slice of a large body.
    pub(in crate::cache) fn slice_key(&self, generation: u64, number: u32) -> KeyHash {
        let _ = (generation, number);
        KeyHash(0)
    }

    /// Takes the place of what the key had.
    pub(in crate::cache) fn put(&self, key: KeyHash, kind: Kind, content: (Bytes, Bytes)) -> Put {
        let _ = (key, kind, content);
        Put::Skipped
    }

    /// The key has nothing from now on, also after a restart.
    pub(in crate::cache) fn remove(&self, key: KeyHash) {
        let _ = key;
    }

    /// What kind of record the key has; `None` where it has none.
    pub(in crate::cache) fn kind(&self, key: KeyHash) -> Option<Kind> {
        let _ = key;
        None
    }

    /// The record, where no disk must be waited for.
    pub(in crate::cache) fn read(&self, key: KeyHash) -> Reading {
        let _ = key;
        Reading::Absent
    }

    /// The record, as soon as the disk has brought it.
    pub(in crate::cache) async fn wait(&self, later: Later) -> Option<Record> {
        let _ = later.key;
        None
    }

    /// Is this still what the key has?
    pub(in crate::cache) fn is_latest(&self, key: KeyHash, mark: Mark) -> bool {
        let _ = (key, mark);
        false
    }

    /// Ready when so many bytes have room in the queue; `false` where there is no disk to write to.
    pub(in crate::cache) async fn room(&self, bytes: usize) -> bool {
        let _ = bytes;
        false
    }

    /// Keeps the slices of a body from eviction, for one who reads or writes it.
    pub(in crate::cache) fn keep(&self, generation: u64) -> Kept {
        Kept { generation }
    }
}
