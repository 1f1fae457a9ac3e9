//! Where the newest record of each key lies: 24 bytes per object, in shards that are locked for a map operation only.
//!
//! Keyed by half of the key's hash. Two keys that share that half shut each other out, which costs a miss and never wrong
//! bytes, because the record holds the whole key and is compared with it.

use hashbrown::HashTable;

use super::record::{ALIGNMENT, KeyHash, Kind};
use super::shards::Shards;

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u32,
    /// Bytes from the start of the segment.
    pub(super) position: u64,
    /// Bytes of the whole record.
    pub(super) length: u64,
}

/// The newest record of a key, as far as the index knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) place: Place,
    pub(super) kind: Kind,
    /// How often it was read since it was written, up to a small number.
    pub(super) reads: u8,
}

/// `Standing` and half a hash in 24 bytes. Positions and lengths are held in units of the alignment.
#[derive(Debug, Clone, Copy)]
struct Slot {
    half: u64,
    segment: u32,
    position: u32,
    length: u32,
    kind: Kind,
    reads: u8,
}

/// Reads are counted up to this.
pub(super) const READS_MAX: u8 = 3;

impl Slot {
    fn new(half: u64, kind: Kind, place: Place) -> Option<Self> {
        Some(Self {
            half,
            segment: place.segment,
            position: u32::try_from(place.position / ALIGNMENT).ok()?,
            length: u32::try_from(place.length / ALIGNMENT).ok()?,
            kind,
            reads: 0,
        })
    }

    fn place(&self) -> Place {
        Place {
            segment: self.segment,
            position: u64::from(self.position) * ALIGNMENT,
            length: u64::from(self.length) * ALIGNMENT,
        }
    }

    fn standing(&self) -> Standing {
        Standing { place: self.place(), kind: self.kind, reads: self.reads }
    }
}

pub(super) struct Index {
    shards: Shards<Slot>,
}

/// What was asked for is not as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved;

impl Index {
    pub(super) fn new() -> Self {
        Self { shards: Shards::new() }
    }

    pub(super) fn find(&self, key: KeyHash) -> Option<Standing> {
        let half = key.half();
        self.shards.read(half).find(half, |slot| slot.half == half).map(Slot::standing)
    }

    /// The newest record of `key` lies at `place` now. Where that is too far for a slot, the key has nothing.
    pub(super) fn insert(&self, key: KeyHash, kind: Kind, place: Place) {
        let half = key.half();
        let Some(slot) = Slot::new(half, kind, place) else {
            self.remove(key);
            return;
        };
        let mut shard = self.shards.write(half);
        match shard.find_mut(half, |other| other.half == half) {
            Some(standing) => *standing = slot,
            None => {
                shard.insert_unique(half, slot, |slot| slot.half);
            }
        }
    }

    /// Forgets the key, and says what it had.
    pub(super) fn remove(&self, key: KeyHash) -> Option<Standing> {
        let half = key.half();
        let mut shard = self.shards.write(half);
        let entry = shard.find_entry(half, |slot| slot.half == half).ok()?;
        Some(entry.remove().0.standing())
    }

    /// Forgets the key if it still lies at `place`.
    pub(super) fn remove_at(&self, key: KeyHash, place: Place) -> Result<(), Moved> {
        let half = key.half();
        let mut shard = self.shards.write(half);
        let same = |slot: &Slot| slot.half == half && slot.place() == place;
        shard.find_entry(half, same).map(|entry| _ = entry.remove()).map_err(|_| Moved)
    }

    /// The record that lies at `from`, if it still does, lies at `to` now, where nobody has read it yet.
    pub(super) fn shift(&self, key: KeyHash, from: Place, to: Place) -> Result<(), Moved> {
        let half = key.half();
        let mut shard = self.shards.write(half);
        let slot = shard.find_mut(half, |slot| slot.half == half && slot.place() == from).ok_or(Moved)?;
        *slot = Slot::new(half, slot.kind, to).ok_or(Moved)?;
        Ok(())
    }

    /// Counts a read of what was found, for eviction. Often read records take no lock for it any more.
    pub(super) fn touch(&self, key: KeyHash, found: Standing) {
        if found.reads >= READS_MAX {
            return;
        }
        let half = key.half();
        if let Some(slot) =
            self.shards.write(half).find_mut(half, |slot| slot.half == half && slot.place() == found.place)
        {
            slot.reads = (slot.reads + 1).min(READS_MAX);
        }
    }

    /// Forgets all but what lies where it may. Looks at every slot.
    pub(super) fn retain(&self, may: impl Fn(Place) -> bool) {
        self.shards.write_each().for_each(|mut shard| shard.retain(|slot| may(slot.place())));
    }

    pub(super) fn len(&self) -> usize {
        self.shards.read_each().map(|shard| shard.len()).sum()
    }

    /// Bytes of memory held.
    pub(super) fn bytes(&self) -> usize {
        self.shards.read_each().map(|shard| shard.allocation_size()).sum()
    }

    pub(super) fn clear(&self) {
        self.shards.write_each().for_each(|mut shard| *shard = HashTable::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::disk::shards::SHARDS;

    fn key(n: u64) -> KeyHash {
        KeyHash(u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64)
    }

    fn place(segment: u32, position: u64) -> Place {
        Place { segment, position, length: 64 }
    }

    fn found(index: &Index, n: u64) -> Option<Place> {
        index.find(key(n)).map(|standing| standing.place)
    }

    #[test]
    fn the_newest_place_counts_and_a_key_goes_only_from_where_it_is() {
        let index = Index::new();
        index.insert(key(1), Kind::Entry, place(1, 64));
        index.insert(key(1), Kind::Spec, place(2, 128));
        let standing = Standing { place: place(2, 128), kind: Kind::Spec, reads: 0 };
        assert_eq!((index.find(key(1)), index.len()), (Some(standing), 1));
        assert_eq!(index.remove_at(key(1), place(1, 64)), Err(Moved));
        assert_eq!(index.remove_at(key(1), place(2, 128)), Ok(()));
        assert_eq!((index.find(key(1)), index.remove(key(1)), index.len()), (None, None, 0));
    }

    #[test]
    fn reads_are_counted_up_to_a_few_and_forgotten_with_the_record() {
        let index = Index::new();
        let reads = || index.find(key(1)).map(|standing| standing.reads);
        index.insert(key(1), Kind::Entry, place(1, 64));
        let first = index.find(key(1)).expect("just inserted");
        for _ in 0..9 {
            index.touch(key(1), first);
        }
        assert_eq!(reads(), Some(READS_MAX));
        index.insert(key(1), Kind::Entry, place(2, 64));
        index.touch(key(1), first);
        assert_eq!(reads(), Some(0), "it was another record that was read");
    }

    #[test]
    fn a_record_shifts_only_from_where_it_is() {
        let index = Index::new();
        index.insert(key(1), Kind::Slice, place(1, 64));
        index.touch(key(1), index.find(key(1)).expect("just inserted"));
        assert_eq!(index.shift(key(1), place(1, 128), place(3, 64)), Err(Moved));
        assert_eq!(index.shift(key(1), place(1, 64), place(2, 64)), Ok(()));
        let standing = Standing { place: place(2, 64), kind: Kind::Slice, reads: 0 };
        assert_eq!(index.find(key(1)), Some(standing));
        index.remove(key(1));
        assert_eq!(index.shift(key(1), place(2, 64), place(3, 64)), Err(Moved));
    }

    #[test]
    fn a_place_that_no_slot_can_hold_is_nowhere() {
        let index = Index::new();
        let last = u64::from(u32::MAX) * ALIGNMENT;
        index.insert(key(1), Kind::Entry, place(1, last));
        assert_eq!(found(&index, 1), Some(place(1, last)));
        index.insert(key(1), Kind::Entry, place(1, last + ALIGNMENT));
        assert_eq!(found(&index, 1), None);
    }

    #[test]
    fn an_object_costs_at_most_64_bytes() {
        let index = Index::new();
        for n in 0..200_000 {
            index.insert(key(n), Kind::Entry, place(1, n * ALIGNMENT));
            if n % 1_000 == 999 {
                assert!(index.bytes() as u64 <= 64 * n.max(SHARDS as u64 * 16), "{} bytes for {n}", index.bytes());
            }
        }
        assert_eq!(index.len(), 200_000);
    }
}
