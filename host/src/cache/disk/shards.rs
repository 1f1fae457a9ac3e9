//! Tables by half of a key's hash, in shards that are locked for map operations only, so that few threads meet at one lock.
//!
//! The index and what is pending are such tables. Nothing that can panic runs under these locks, so a poisoned one is as
//! good as any.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;

/// A power of two.
pub(super) const SHARDS: usize = 64;

pub(super) struct Shards<T>(Vec<RwLock<HashTable<T>>>);

impl<T> Shards<T> {
    pub(super) fn new() -> Self {
        Self((0..SHARDS).map(|_| RwLock::new(HashTable::new())).collect())
    }

    /// The table where `half` belongs.
    pub(super) fn read(&self, half: u64) -> RwLockReadGuard<'_, HashTable<T>> {
        self.0[shard(half)].read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, for changes.
    pub(super) fn write(&self, half: u64) -> RwLockWriteGuard<'_, HashTable<T>> {
        self.0[shard(half)].write().unwrap_or_else(PoisonError::into_inner)
    }

    /// All tables, one locked after the other.
    pub(super) fn read_each(&self) -> impl Iterator<Item = RwLockReadGuard<'_, HashTable<T>>> {
        self.0.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same, for changes.
    pub(super) fn write_each(&self) -> impl Iterator<Item = RwLockWriteGuard<'_, HashTable<T>>> {
        self.0.iter().map(|shard| shard.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The table uses the top seven bits and the low ones, so the shard is chosen by those between.
fn shard(half: u64) -> usize {
    (half >> 40) as usize % SHARDS
}
