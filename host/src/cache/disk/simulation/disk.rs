//! A disk in memory that fails on purpose, as a seed decides.
//!
//! What was written stays when the process dies, as in a page cache. A death can come in the middle of any write: its first
//! bytes are there then, and nothing works any more until `revive`.

use std::collections::HashMap;
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

struct State {
    files: HashMap<String, Arc<Mutex<Vec<u8>>>>,
    rng: Rng,
    faults: Faults,
    dead: bool,
}

#[derive(Clone)]
pub(super) struct FaultyDisk(Arc<Mutex<State>>);

pub(super) struct FaultyFile {
    disk: FaultyDisk,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl FaultyDisk {
    pub(super) fn new(seed: u64) -> Self {
        let state = State { files: HashMap::new(), rng: Rng::with_seed(seed), faults: Faults::default(), dead: false };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    pub(super) fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// The process starts again.
    pub(super) fn revive(&self) {
        self.lock().dead = false;
    }

    /// Flips one bit somewhere.
    pub(super) fn rot(&self) {
        let mut state = self.lock();
        let mut files: Vec<_> = state.files.iter().map(|(name, bytes)| (name.clone(), bytes.clone())).collect();
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let Some((_, bytes)) = state.rng.choice(files) else { return };
        let mut bytes = bytes.lock().expect("no panic under the lock");
        if !bytes.is_empty() {
            let bit = state.rng.usize(..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    pub(super) fn used(&self) -> usize {
        self.lock().used()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic under the lock")
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        let death = state.faults.death;
        if !state.dead && state.happens(death) {
            state.dead = true;
        }
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
}

impl Device for FaultyDisk {
    type File = FaultyFile;

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.alive()?.files.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<FaultyFile> {
        let mut state = self.alive()?;
        if state.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        state.files.insert(name.to_owned(), bytes.clone());
        Ok(FaultyFile { disk: self.clone(), bytes })
    }

    fn open(&self, name: &str) -> io::Result<FaultyFile> {
        let state = self.alive()?;
        let bytes = state.files.get(name).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(FaultyFile { disk: self.clone(), bytes })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.alive()?.files.remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
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
        let whole: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let mut state = self.disk.lock();
        if state.dead {
            return Err(io::Error::other("dead"));
        }
        let (death, error) = (state.faults.death, state.faults.write_error);
        let room = state.faults.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(state.used()));
        let mut end = Ok(());
        let mut count = whole.len();
        if count > room {
            (count, end) = (room, Err(io::ErrorKind::StorageFull.into()));
        }
        if state.happens(error) {
            (count, end) = (state.rng.usize(..=count), Err(io::Error::other("EIO")));
        }
        if state.happens(death) {
            state.dead = true;
            (count, end) = (state.rng.usize(..=count), Err(io::Error::other("dead")));
        }
        let mut bytes = self.bytes.lock().expect("no panic under the lock");
        let position = position as usize;
        let length = bytes.len().max(position + count);
        bytes.resize(length, 0);
        bytes[position..position + count].copy_from_slice(&whole[..count]);
        end
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
        let chance = self.disk.lock().faults.would_block;
        if self.disk.lock().happens(chance) {
            return Ok(None);
        }
        let wanted = buffer.len();
        self.read_at(position, buffer).map(|read| (read == wanted).then_some(read))
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let _state = self.disk.alive()?;
        self.bytes.lock().expect("no panic under the lock").truncate(length as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.alive().map(drop)
    }
}
