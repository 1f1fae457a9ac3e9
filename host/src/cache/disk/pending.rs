//! What is not written yet, by key: the newest put, or that the key was given up.
//!
//! Looked at before the disk, so what was put is found at once and what was removed is gone at once. In shards whose locks
//! are held for map operations only.

use std::sync::RwLockWriteGuard;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use hashbrown::HashTable;

use super::answer::{Mark, Record};
use super::bounds::Room;
use super::index::READS_MAX;
use super::record::{KeyHash, Kind};
use super::shards::Shards;

pub(super) struct Pending {
    shards: Shards<Slot>,
}

struct Slot {
    key: KeyHash,
    number: u64,
    what: What,
}

pub(super) enum What {
    Put(Waiting),
    /// Whatever the disk has under this key is void.
    Gone,
}

/// A record that waits to be written.
pub(super) struct Waiting {
    kind: Kind,
    meta: Bytes,
    body: Bytes,
    reads: AtomicU8,
    _room: Room,
}

/// What is pending for a key.
#[derive(Debug)]
pub(super) enum Look {
    Nothing,
    Here(Record),
    Gone,
}

impl Waiting {
    pub(super) fn new(kind: Kind, (meta, body): (Bytes, Bytes), room: Room) -> Self {
        Self { kind, meta, body, reads: AtomicU8::new(0), _room: room }
    }

    /// Readers that meet here may count one read together, which nobody minds.
    fn count_read(&self) {
        let reads = self.reads.load(Ordering::Relaxed);
        self.reads.store((reads + 1).min(READS_MAX), Ordering::Relaxed);
    }
}

impl Slot {
    fn record(&self) -> Option<Record> {
        let What::Put(waiting) = &self.what else { return None };
        let Waiting { kind, meta, body, reads, .. } = waiting;
        let mark = Mark::waiting(self.number);
        let reads = reads.load(Ordering::Relaxed);
        Some(Record { kind: *kind, meta: meta.clone(), body: body.clone(), reads, mark })
    }
}

impl Pending {
    pub(super) fn new() -> Self {
        Self { shards: Shards::new() }
    }

    /// What a reader finds; the read is counted.
    pub(super) fn read(&self, key: KeyHash) -> Look {
        let shard = self.shards.read(key.half());
        let Some(slot) = shard.find(key.half(), |slot| slot.key == key) else { return Look::Nothing };
        let record = slot.record();
        if let What::Put(waiting) = &slot.what {
            waiting.count_read();
        }
        record.map_or(Look::Gone, Look::Here)
    }

    /// The kind of what is pending for a key; `Some(None)` where it was given up.
    pub(super) fn kind(&self, key: KeyHash) -> Option<Option<Kind>> {
        self.look(key, |slot| match &slot.what {
            What::Put(waiting) => Some(waiting.kind),
            What::Gone => None,
        })
    }

    /// The mark of what is pending for a key; `Some(None)` where it was given up.
    pub(super) fn mark(&self, key: KeyHash) -> Option<Option<Mark>> {
        self.look(key, |slot| matches!(slot.what, What::Put(_)).then(|| Mark::waiting(slot.number)))
    }

    fn look<T>(&self, key: KeyHash, see: impl FnOnce(&Slot) -> T) -> Option<T> {
        self.shards.read(key.half()).find(key.half(), |slot| slot.key == key).map(see)
    }

    /// What the writer is to write under this number; `None` where something newer took its place.
    pub(super) fn numbered(&self, key: KeyHash, number: u64) -> Option<Record> {
        let shard = self.shards.read(key.half());
        shard.find(key.half(), |slot| slot.key == key && slot.number == number).and_then(Slot::record)
    }

    /// The shard of a key, for changes.
    pub(super) fn change(&self, key: KeyHash) -> Shard<'_> {
        Shard(self.shards.write(key.half()))
    }

    /// Forgets which keys were given up; what was put stays.
    pub(super) fn forget_gone(&self) {
        self.shards.write_each().for_each(|mut shard| shard.retain(|slot| matches!(slot.what, What::Put(_))));
    }
}

/// What is pending for some keys, under its lock.
pub(super) struct Shard<'a>(RwLockWriteGuard<'a, HashTable<Slot>>);

impl Shard<'_> {
    pub(super) fn get(&self, key: KeyHash) -> Option<(u64, &What)> {
        self.0.find(key.half(), |slot| slot.key == key).map(|slot| (slot.number, &slot.what))
    }

    /// Takes the place of what there was.
    pub(super) fn set(&mut self, key: KeyHash, number: u64, what: What) {
        match self.0.find_mut(key.half(), |slot| slot.key == key) {
            Some(slot) => *slot = Slot { key, number, what },
            None => {
                self.0.insert_unique(key.half(), Slot { key, number, what }, |slot| slot.key.half());
            }
        }
    }

    pub(super) fn remove(&mut self, key: KeyHash) -> Option<What> {
        let slot = self.0.find_entry(key.half(), |slot| slot.key == key).ok()?;
        Some(slot.remove().0.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::disk::bounds::Queue;

    fn key(number: u64) -> KeyHash {
        KeyHash(u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64)
    }

    fn waiting(queue: &Queue, body: &'static str) -> What {
        let room = queue.try_room(body.len()).expect("there is room");
        What::Put(Waiting::new(Kind::Entry, (Bytes::new(), Bytes::from_static(body.as_bytes())), room))
    }

    #[test]
    fn the_newest_counts_and_gives_back_the_room_of_what_it_replaced() {
        let (queue, pending) = (Queue::new(10_000), Pending::new());
        pending.change(key(1)).set(key(1), 1, waiting(&queue, "a"));
        let alone = queue.bytes();
        pending.change(key(1)).set(key(1), 2, waiting(&queue, "b"));
        assert_eq!(queue.bytes(), alone);
        assert!(pending.numbered(key(1), 1).is_none());
        assert_eq!(pending.numbered(key(1), 2).map(|record| record.body), Some(Bytes::from_static(b"b")));
        pending.change(key(1)).set(key(1), 3, What::Gone);
        assert_eq!(queue.bytes(), 0);
        assert!(matches!(pending.read(key(1)), Look::Gone));
        assert!(pending.numbered(key(1), 3).is_none());
    }

    #[test]
    fn reads_are_counted() {
        let (queue, pending) = (Queue::new(10_000), Pending::new());
        pending.change(key(1)).set(key(1), 1, waiting(&queue, "a"));
        let reads = || match pending.read(key(1)) {
            Look::Here(record) => record.reads,
            other => panic!("{other:?}"),
        };
        assert_eq!([reads(), reads(), reads(), reads(), reads()], [0, 1, 2, 3, 3]);
    }

    #[test]
    fn what_is_gone_can_be_forgotten_alone() {
        let (queue, pending) = (Queue::new(10_000), Pending::new());
        pending.change(key(1)).set(key(1), 1, waiting(&queue, "a"));
        pending.change(key(2)).set(key(2), 2, What::Gone);
        pending.forget_gone();
        assert!(matches!(pending.read(key(1)), Look::Here(_)));
        assert!(matches!(pending.read(key(2)), Look::Nothing));
    }
}
