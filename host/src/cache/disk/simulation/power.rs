//! A disk in memory whose power can fail: what was not synced may be gone then, in part or whole.
//!
//! It counts its syncs, and fails when and where it is told to. Names are synced with the folder, bytes with their file.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;

use crate::cache::disk::device::{Device, DeviceFile};

/// The bytes of a file: as they are, and as they surely are after a power cut.
#[derive(Clone, Default)]
struct Bytes {
    now: Vec<u8>,
    safe: Vec<u8>,
    /// A sync has failed, and what it was to bring stays unsafe, whatever later ones say.
    lost: bool,
}

type Names = HashMap<String, Arc<Mutex<Bytes>>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Trouble {
    None,
    /// Nothing works any more: the process has died, in the middle of a write if it was one.
    Death,
    /// Writing and syncing fail; what was written is there in part, and a later sync does not mend it.
    Eio,
    /// Files cannot grow.
    Full,
    /// A read ends early.
    Short,
}

struct State {
    names: Names,
    safe_names: Names,
    rng: Rng,
    trouble: Trouble,
    /// Operations until trouble comes; `None` where it has come, or does not.
    until: Option<(u32, Trouble)>,
    /// It is over with that operation.
    once: bool,
    syncs: usize,
}

#[derive(Clone)]
pub(in crate::cache) struct PowerDisk(Arc<Mutex<State>>);

pub(in crate::cache) struct PowerFile {
    disk: PowerDisk,
    bytes: Arc<Mutex<Bytes>>,
}

impl PowerDisk {
    pub(in crate::cache) fn new(seed: u64) -> Self {
        let (names, safe_names) = Default::default();
        let (rng, trouble) = (Rng::with_seed(seed), Trouble::None);
        let state = State { names, safe_names, rng, trouble, until: None, once: false, syncs: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Trouble comes with the operation after so many.
    pub(in crate::cache) fn expect(&self, operations: u32, trouble: Trouble) {
        let mut state = self.lock();
        (state.until, state.once) = (Some((operations, trouble)), false);
    }

    /// The same, for that operation only.
    pub(in crate::cache) fn expect_once(&self, operations: u32, trouble: Trouble) {
        let mut state = self.lock();
        (state.until, state.once) = (Some((operations, trouble)), true);
    }

    pub(in crate::cache) fn trouble(&self) -> Trouble {
        self.lock().trouble
    }

    /// It works again; a process that died starts again.
    pub(in crate::cache) fn mend(&self) {
        let mut state = self.lock();
        (state.trouble, state.until) = (Trouble::None, None);
    }

    /// The power fails: of what was not synced, some is there.
    pub(in crate::cache) fn cut_power(&self) {
        let mut state = self.lock();
        if state.rng.bool() {
            state.names = state.safe_names.clone();
        }
        for bytes in state.names.clone().into_values() {
            let mut bytes = locked(&bytes);
            let grown = bytes.now.len().saturating_sub(bytes.safe.len());
            let kept = bytes.safe.len() + state.rng.usize(..=grown);
            let mut left = bytes.safe.clone();
            left.extend_from_slice(bytes.now.get(left.len()..kept).unwrap_or_default());
            *bytes = Bytes { now: left.clone(), safe: left, lost: false };
        }
        state.safe_names = state.names.clone();
    }

    /// Flips one bit of a file; `false` where there is none.
    pub(in crate::cache) fn rot(&self, name: &str) -> bool {
        let mut state = self.lock();
        let Some(bytes) = state.names.get(name).cloned() else { return false };
        let mut bytes = locked(&bytes);
        let bit = state.rng.usize(..bytes.now.len() * 8);
        bytes.now[bit / 8] ^= 1 << (bit % 8);
        bytes.safe = bytes.now.clone();
        true
    }

    pub(in crate::cache) fn contents(&self, name: &str) -> Option<Vec<u8>> {
        Some(locked(self.lock().names.get(name)?).now.clone())
    }

    pub(in crate::cache) fn syncs(&self) -> usize {
        self.lock().syncs
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic under the lock")
    }

    /// One operation that changes nothing but names.
    fn step(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        match state.advance() {
            Trouble::None | Trouble::Full | Trouble::Short => Ok(state),
            Trouble::Death | Trouble::Eio => Err(io::Error::other("trouble")),
        }
    }
}

impl State {
    fn advance(&mut self) -> Trouble {
        if let Some((left, trouble)) = &mut self.until {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => {
                    let come = *trouble;
                    self.until = None;
                    if self.once {
                        return come;
                    }
                    self.trouble = come;
                }
            }
        }
        self.trouble
    }
}

fn locked(bytes: &Mutex<Bytes>) -> MutexGuard<'_, Bytes> {
    bytes.lock().expect("no panic under the lock")
}

impl Device for PowerDisk {
    type File = PowerFile;

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.step()?.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<PowerFile> {
        let mut state = self.step()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let bytes = Arc::<Mutex<Bytes>>::default();
        state.names.insert(name.to_owned(), bytes.clone());
        Ok(PowerFile { disk: self.clone(), bytes })
    }

    fn open(&self, name: &str) -> io::Result<PowerFile> {
        let bytes = self.step()?.names.get(name).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(PowerFile { disk: self.clone(), bytes })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.step()?.names.remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.step()?;
        let bytes = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut state = self.step()?;
        state.safe_names = state.names.clone();
        Ok(())
    }
}

impl DeviceFile for PowerFile {
    fn length(&self) -> io::Result<u64> {
        drop(self.disk.step()?);
        Ok(locked(&self.bytes).now.len() as u64)
    }

    fn write_at(&self, position: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let whole: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let mut state = self.disk.lock();
        let trouble = state.advance();
        let works = matches!(trouble, Trouble::None | Trouble::Short);
        let count = if works { whole.len() } else { state.rng.usize(..=whole.len()) };
        let mut bytes = locked(&self.bytes);
        let at = position as usize;
        let length = bytes.now.len().max(at + count);
        bytes.now.resize(length, 0);
        bytes.now[at..at + count].copy_from_slice(&whole[..count]);
        match trouble {
            Trouble::None | Trouble::Short => Ok(()),
            Trouble::Full => Err(io::ErrorKind::StorageFull.into()),
            Trouble::Death | Trouble::Eio => Err(io::Error::other("trouble")),
        }
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let trouble = self.disk.lock().advance();
        if matches!(trouble, Trouble::Death | Trouble::Eio) {
            return Err(io::Error::other("trouble"));
        }
        let bytes = locked(&self.bytes);
        let from = (position as usize).min(bytes.now.len());
        let mut count = buffer.len().min(bytes.now.len() - from);
        if trouble == Trouble::Short {
            count /= 2;
        }
        buffer[..count].copy_from_slice(&bytes.now[from..from + count]);
        Ok(count)
    }

    fn read_now(&self, position: u64, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.read_at(position, buffer).map(Some)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        drop(self.disk.step()?);
        locked(&self.bytes).now.truncate(length as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let step = self.disk.step();
        let mut bytes = locked(&self.bytes);
        bytes.lost |= step.is_err();
        step?.syncs += 1;
        if !bytes.lost {
            bytes.safe = bytes.now.clone();
        }
        Ok(())
    }
}
