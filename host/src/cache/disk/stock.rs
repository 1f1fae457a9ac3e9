//! What every key has now, wherever it is: pending, or in the log. Shared by the writer and by all who ask.
//!
//! Pending comes first. The writer puts a record into the index before it takes it out of what is pending, so nobody misses
//! it in between. A key that was given up stays pending until its removal is written, so nothing older can be found; those
//! removals are owed to the disk for as long as it takes.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use prometheus::IntCounter;

use super::answer::{Later, Mark, Reading, Record};
use super::bounds::{Op, Queue, Room, Task};
use super::contents::Contents;
use super::device::Device;
use super::home::Home;
use super::pending::{Look, Pending, Shard, Waiting, What};
use super::read::{self, Patience, Reader};
use super::record::{KeyHash, Kind};

/// More removals than this are not owed: everything on the disk is void then. 12 MiB of memory.
pub(super) const OWED_MAX: usize = if cfg!(test) { 100 } else { 65_536 };

/// What the index says of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Ground {
    /// Nothing yet: the log has not been recovered.
    Unread,
    /// Everything.
    Indexed,
    /// What is on the disk is not to be found again, and is to be removed.
    Void,
}

pub(super) struct Stock<D: Device> {
    pub(super) pending: Pending,
    pub(super) queue: Queue,
    pub(super) contents: Arc<Contents<D::File>>,
    reader: Reader<D::File>,
    ground: AtomicU8,
    numbers: AtomicU64,
    /// Bytes that others keep in the folder.
    pub(super) aside: Arc<AtomicU64>,
    home: RwLock<Option<Arc<Home<D>>>>,
    /// The store is to be begun anew.
    pub(super) forsaken: AtomicBool,
    damaged: IntCounter,
}

impl<D: Device> Stock<D> {
    /// Records that are found damaged are counted in `damaged`.
    pub(super) fn new(queue_bytes_max: usize, damaged: IntCounter) -> Self {
        let contents = Contents::new();
        Self {
            pending: Pending::new(),
            queue: Queue::new(queue_bytes_max),
            reader: Reader::new(contents.clone()),
            contents,
            ground: AtomicU8::new(Ground::Unread as u8),
            numbers: AtomicU64::new(0),
            aside: Arc::default(),
            home: RwLock::default(),
            forsaken: AtomicBool::new(false),
            damaged,
        }
    }

    /// Takes the place of what the key had; `false` where nothing is written any more.
    pub(super) fn put(&self, key: KeyHash, kind: Kind, content: (Bytes, Bytes), mut room: Room) -> bool {
        let mut shard = self.pending.change(key);
        let number = self.number();
        let queued = self.queue.push(Op { key, number, task: Task::Put }, room.turn()).is_some();
        if queued {
            shard.set(key, number, What::Put(Waiting::new(kind, content, room)));
        }
        queued
    }

    /// The key has nothing from now on.
    pub(super) fn remove(&self, key: KeyHash) {
        let mut shard = self.pending.change(key);
        match (shard.get(key), self.ground()) {
            (Some((_, What::Gone)), _) => {}
            // The writer removes everything on the disk, also what it is writing now.
            (_, Ground::Void) => drop(shard.remove(key)),
            (None, Ground::Indexed) if self.contents.index.find(key).is_none() => {}
            _ => self.owe(&mut shard, key),
        }
    }

    /// The record of a key. An error is the disk's.
    pub(super) fn read(&self, key: KeyHash, patience: Patience) -> io::Result<Reading> {
        match self.pending.read(key) {
            Look::Here(record) => return Ok(Reading::Here(record)),
            Look::Gone => return Ok(Reading::Absent),
            Look::Nothing if self.ground() != Ground::Indexed => return Ok(Reading::Absent),
            Look::Nothing => {}
        }
        let Some(spot) = self.reader.find(key) else { return Ok(Reading::Absent) };
        Ok(match self.reader.read(&spot, patience)? {
            read::Reading::Here(read::Record { header, meta, body }) => {
                let (reads, mark) = (spot.standing.reads, Mark::at(spot.standing.place));
                Reading::Here(Record { kind: header.kind, meta, body, reads, mark })
            }
            read::Reading::Later => Reading::Later(Later(key)),
            read::Reading::Absent => {
                self.bury(key);
                Reading::Absent
            }
        })
    }

    pub(super) fn kind(&self, key: KeyHash) -> Option<Kind> {
        match self.pending.kind(key) {
            Some(kind) => kind,
            None if self.ground() == Ground::Indexed => self.contents.index.find(key).map(|standing| standing.kind),
            None => None,
        }
    }

    pub(super) fn is_latest(&self, key: KeyHash, mark: Mark) -> bool {
        match self.pending.mark(key) {
            Some(pending) => pending == Some(mark),
            None if self.ground() == Ground::Indexed => {
                self.contents.index.find(key).is_some_and(|standing| Mark::at(standing.place) == mark)
            }
            None => false,
        }
    }

    /// An operation is on the disk. What was pending for it, with the room that it had.
    pub(super) fn done(&self, op: Op) -> Option<What> {
        let mut shard = self.pending.change(op.key);
        let newest = shard.get(op.key).is_some_and(|(number, _)| number == op.number);
        newest.then(|| shard.remove(op.key))?
    }

    /// An operation failed, and the key is not in the index any more. The disk may have older records of it, so its
    /// removal is what is written next.
    pub(super) fn failed(&self, op: Op) {
        if op.task == Task::Remove {
            return self.queue.push_back_first(op);
        }
        let mut shard = self.pending.change(op.key);
        if shard.get(op.key).is_some_and(|(number, _)| number == op.number) {
            let number = self.number();
            shard.set(op.key, number, What::Gone);
            self.queue.push_back_first(Op { key: op.key, number, task: Task::Remove });
        }
    }

    /// The index has what the disk has, unless that was given up meanwhile.
    pub(super) fn recovered(&self) {
        _ = self.turn_ground(Ground::Unread, Ground::Indexed);
    }

    pub(super) fn is_void(&self) -> bool {
        self.ground() == Ground::Void
    }

    /// What is on the disk is not to be found again.
    pub(super) fn make_void(&self) {
        self.set_ground(Ground::Void);
    }

    /// Has the disk something that was given up?
    pub(super) fn owes(&self) -> bool {
        self.is_void() || self.queue.has_removals()
    }

    /// Nothing is on the disk any more, so no removal is owed to it.
    pub(super) fn emptied(&self) {
        self.queue.forget_removals();
        self.pending.forget_gone();
        _ = self.turn_ground(Ground::Void, Ground::Indexed);
    }

    pub(super) fn home(&self) -> Option<Arc<Home<D>>> {
        self.home.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_home(&self, home: Option<Arc<Home<D>>>) {
        *self.home.write().unwrap_or_else(PoisonError::into_inner) = home;
    }

    /// A damaged record is out of the index, and the next start might read it better; so it is removed as well.
    fn bury(&self, key: KeyHash) {
        let mut shard = self.pending.change(key);
        let lost = shard.get(key).is_none() && self.contents.index.find(key).is_none();
        if lost && self.ground() == Ground::Indexed {
            self.damaged.inc();
            self.owe(&mut shard, key);
        }
    }

    fn owe(&self, shard: &mut Shard<'_>, key: KeyHash) {
        self.contents.index.remove(key);
        let number = self.number();
        shard.set(key, number, What::Gone);
        if self.queue.push(Op { key, number, task: Task::Remove }, None).is_some_and(|owed| owed > OWED_MAX) {
            self.make_void();
        }
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    fn ground(&self) -> Ground {
        match self.ground.load(Ordering::Acquire) {
            0 => Ground::Unread,
            1 => Ground::Indexed,
            _ => Ground::Void,
        }
    }

    fn set_ground(&self, ground: Ground) {
        self.ground.store(ground as u8, Ordering::Release);
    }

    fn turn_ground(&self, from: Ground, to: Ground) -> Result<u8, u8> {
        self.ground.compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire)
    }
}
