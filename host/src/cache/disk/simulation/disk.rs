//! A disk in memory that fails on purpose, as a seed decides.
//!
//! What was written stays when the process dies, as in a page cache. A death can come in the middle of any change: a part of
//! it is there then, and nothing works any more until `revive`.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;

use crate::cache::disk::device::{Device, DeviceFile};

/// How often what happens, in ten thousandths of all operations.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cache::disk) struct Faults {
    pub(in crate::cache::disk) death: u32,
    pub(in crate::cache::disk) write_error: u32,
    pub(in crate::cache::disk) read_error: u32,
    pub(in crate::cache::disk) short_read: u32,
    pub(in crate::cache::disk) would_block: u32,
    /// All files together; beyond it the disk is full.
    pub(in crate::cache::disk) capacity: Option<usize>,
}

/// How much of a write there is when the process dies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Bytes(usize),
    Half,
    AllButOne,
    All,
}

impl Part {
    fn of(self, length: usize) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.min(length),
            Self::Half => length / 2,
            Self::AllButOne => length.saturating_sub(1),
            Self::All => length,
        }
    }
}

struct State {
    files: BTreeMap<String, Bytes>,
    rng: Rng,
    faults: Faults,
    dead: bool,
    /// Writes, creations, removals and truncations so far.
    changes: u64,
    /// The change in which the process dies.
    last: Option<(u64, Part)>,
}

pub(in crate::cache::disk) type Bytes = Arc<Mutex<Vec<u8>>>;

#[derive(Clone)]
pub(in crate::cache::disk) struct FaultyDisk(Arc<Mutex<State>>);

pub(in crate::cache::disk) struct FaultyFile {
    disk: FaultyDisk,
    bytes: Bytes,
}

impl FaultyDisk {
    pub(in crate::cache::disk) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            files: BTreeMap::new(),
            rng: Rng::with_seed(seed),
            faults: Faults::default(),
            dead: false,
            changes: 0,
            last: None,
        })))
    }

    pub(in crate::cache::disk) fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// The process dies in the change with this number, counted from the first one ever.
    pub(super) fn die_in(&self, change: u64, part: Part) {
        self.lock().last = Some((change, part));
    }

    pub(super) fn changes(&self) -> u64 {
        self.lock().changes
    }

    pub(super) fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// The process starts again.
    pub(super) fn revive(&self) {
        let mut state = self.lock();
        state.dead = false;
        state.last = None;
    }

    /// All files, by name.
    pub(in crate::cache::disk) fn files(&self) -> Vec<(String, Bytes)> {
        self.lock().files.iter().map(|(name, bytes)| (name.clone(), bytes.clone())).collect()
    }

    pub(in crate::cache::disk) fn put_file(&self, name: &str, bytes: Vec<u8>) {
        self.lock().files.insert(name.to_owned(), Arc::new(Mutex::new(bytes)));
    }

    pub(in crate::cache::disk) fn take_file(&self, name: &str) {
        self.lock().files.remove(name);
    }

    pub(in crate::cache::disk) fn used(&self) -> u64 {
        self.lock().used() as u64
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic under the lock")
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.dead { Err(io::Error::other("dead")) } else { Ok(state) }
    }
}

impl State {
    fn happens(&mut self, chance: u32) -> bool {
        chance > 0 && self.rng.u32(..10_000) < chance
    }

    fn used(&self) -> usize {
        self.files.values().map(|bytes| bytes.lock().expect("no panic under the lock").len()).sum()
    }

    /// A disk is full, or a quota is used up.
    fn full(&self) -> io::ErrorKind {
        if self.changes.is_multiple_of(2) { io::ErrorKind::StorageFull } else { io::ErrorKind::QuotaExceeded }
    }

    /// How much of a change happens, and what the caller hears of it.
    fn change(&mut self, length: usize) -> (usize, io::Result<()>) {
        self.changes += 1;
        let (death, error) = (self.faults.death, self.faults.write_error);
        if let Some((_, part)) = self.last.filter(|(change, _)| *change == self.changes) {
            self.dead = true;
            (part.of(length), Err(io::Error::other("dead")))
        } else if self.happens(death) {
            self.dead = true;
            (self.rng.usize(..=length), Err(io::Error::other("dead")))
        } else if self.happens(error) {
            (self.rng.usize(..=length), Err(io::Error::other("EIO")))
        } else {
            (length, Ok(()))
        }
    }
}

impl Device for FaultyDisk {
    type File = FaultyFile;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.alive()?;
        let mut names: Vec<String> = state.files.keys().cloned().collect();
        state.rng.shuffle(&mut names);
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<FaultyFile> {
        let mut state = self.alive()?;
        if state.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let (happens, result) = state.change(1);
        let bytes = Bytes::default();
        if happens > 0 {
            state.files.insert(name.to_owned(), bytes.clone());
        }
        result.map(|()| FaultyFile { disk: self.clone(), bytes })
    }

    fn open(&self, name: &str) -> io::Result<FaultyFile> {
        let state = self.alive()?;
        let bytes = state.files.get(name).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(FaultyFile { disk: self.clone(), bytes })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.alive()?;
        if !state.files.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let (happens, result) = state.change(1);
        if happens > 0 {
            state.files.remove(name);
        }
        result
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.alive()?;
        let bytes = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.alive().map(drop)
    }
}

impl DeviceFile for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        let _state = self.disk.alive()?;
        Ok(self.bytes.lock().expect("no panic under the lock").len() as u64)
    }

    fn write_at(&self, position: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let mut state = self.disk.alive()?;
        let mut whole = Vec::new();
        parts.iter().for_each(|part| whole.extend_from_slice(part));
        let room = state.faults.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(state.used()));
        let (count, result) =
            if whole.len() > room { (room, Err(state.full().into())) } else { state.change(whole.len()) };
        let mut bytes = self.bytes.lock().expect("no panic under the lock");
        let position = position as usize;
        let length = bytes.len().max(position + count);
        if count > 0 {
            bytes.resize(length, 0);
            bytes[position..position + count].copy_from_slice(&whole[..count]);
        }
        result
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.alive()?;
        let (error, short) = (state.faults.read_error, state.faults.short_read);
        if state.happens(error) {
            return Err(io::Error::other("EIO"));
        }
        let bytes = self.bytes.lock().expect("no panic under the lock");
        let from = (position as usize).min(bytes.len());
        let mut count = buffer.len().min(bytes.len() - from);
        if state.happens(short) {
            count = state.rng.usize(..=count);
        }
        buffer[..count].copy_from_slice(&bytes[from..from + count]);
        Ok(count)
    }

    fn read_now(&self, position: u64, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let mut state = self.disk.alive()?;
        let chance = state.faults.would_block;
        if state.happens(chance) {
            return Ok(None);
        }
        drop(state);
        let wanted = buffer.len();
        self.read_at(position, buffer).map(|read| (read == wanted).then_some(read))
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.alive()?;
        let (happens, result) = state.change(1);
        if happens > 0 {
            self.bytes.lock().expect("no panic under the lock").truncate(length as usize);
        }
        result
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.alive().map(drop)
    }
}
