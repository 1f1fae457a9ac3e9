//! A faulty disk in the hand of a test: it stands still, refuses changes, is barred or taken away, all at a word.

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::disk::{Faults, FaultyDisk, FaultyFile};
use crate::cache::disk::device::{Device, DeviceFile};
use crate::cache::disk::site::{Barred, Site};

/// Whoever changes or lists something comes through here.
#[derive(Default)]
struct Hand {
    /// Whether the gate is closed, and how many wait at it.
    gate: Mutex<(bool, usize)>,
    changed: Condvar,
    /// With which error of the system every change fails; 0 is none.
    refusal: AtomicI32,
    /// Only writes fail, and files can still be removed.
    refuses_writes: AtomicBool,
}

impl Hand {
    fn pass(&self) {
        let mut gate = self.lock();
        gate.1 += 1;
        self.changed.notify_all();
        let mut gate = self.changed.wait_while(gate, |(closed, _)| *closed).expect("no panic under the lock");
        gate.1 -= 1;
    }

    fn change(&self) -> io::Result<()> {
        match self.refusal.load(Ordering::Relaxed) {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (bool, usize)> {
        self.gate.lock().expect("no panic under the lock")
    }
}

/// Cloning shares it.
#[derive(Clone)]
pub(in crate::cache::disk) struct HeldDisk {
    disk: FaultyDisk,
    hand: Arc<Hand>,
}

pub(in crate::cache::disk) struct HeldFile {
    file: FaultyFile,
    hand: Arc<Hand>,
}

impl HeldDisk {
    pub(in crate::cache::disk) fn new(seed: u64) -> Self {
        Self { disk: FaultyDisk::new(seed), hand: Arc::default() }
    }

    pub(in crate::cache::disk) fn set_faults(&self, faults: Faults) {
        self.disk.set_faults(faults);
    }

    /// A disk with the same files: what a process finds that starts after this one was killed now.
    pub(in crate::cache::disk) fn fork(&self) -> Self {
        let fork = Self::new(1);
        for name in self.disk.list().expect("a disk without faults") {
            let file = fork.disk.create(&name).expect("a new disk");
            file.write_at(0, &[IoSlice::new(&self.bytes(&name))]).expect("a disk without faults");
        }
        fork
    }

    pub(in crate::cache::disk) fn bytes(&self, name: &str) -> Vec<u8> {
        let file = self.disk.open(name).expect("it is there");
        let mut bytes = vec![0; file.length().expect("a disk without faults") as usize];
        file.read_at(0, &mut bytes).expect("a disk without faults");
        bytes
    }

    pub(in crate::cache::disk) fn set_bytes(&self, name: &str, bytes: &[u8]) {
        let file = self.disk.open(name).expect("it is there");
        file.write_at(0, &[IoSlice::new(bytes)]).expect("a disk without faults");
    }

    /// Bytes of all files.
    pub(in crate::cache::disk) fn used(&self) -> usize {
        self.names().iter().map(|name| self.bytes(name).len()).sum()
    }

    pub(in crate::cache::disk) fn names(&self) -> Vec<String> {
        let mut names = self.disk.list().expect("a disk without faults");
        names.sort();
        names
    }

    /// Every change fails with this error of the system from now on, or none does.
    pub(in crate::cache::disk) fn refuse(&self, error: Option<i32>) {
        self.hand.refusal.store(error.unwrap_or(0), Ordering::Relaxed);
    }

    /// Every write fails from now on, while files can be removed.
    pub(in crate::cache::disk) fn refuse_writes(&self) {
        self.hand.refuses_writes.store(true, Ordering::Relaxed);
    }

    /// Writes and lists wait from now on, until the gate is opened.
    pub(in crate::cache::disk) fn close_gate(&self) {
        self.hand.lock().0 = true;
    }

    pub(in crate::cache::disk) fn open_gate(&self) {
        self.hand.lock().0 = false;
        self.hand.changed.notify_all();
    }

    /// Ready when somebody waits at the gate.
    pub(in crate::cache::disk) fn wait_at_gate(&self) {
        let gate = self.hand.lock();
        drop(self.hand.changed.wait_while(gate, |(_, waiting)| *waiting == 0).expect("no panic under the lock"));
    }
}

impl Device for HeldDisk {
    type File = HeldFile;

    fn list(&self) -> io::Result<Vec<String>> {
        self.hand.pass();
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<HeldFile> {
        self.hand.change()?;
        Ok(HeldFile { file: self.disk.create(name)?, hand: self.hand.clone() })
    }

    fn open(&self, name: &str) -> io::Result<HeldFile> {
        Ok(HeldFile { file: self.disk.open(name)?, hand: self.hand.clone() })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.hand.change()?;
        self.disk.remove(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.hand.change()?;
        self.disk.rename(from, to)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.disk.sync_folder()
    }
}

impl DeviceFile for HeldFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn write_at(&self, position: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        self.hand.pass();
        self.hand.change()?;
        if self.hand.refuses_writes.load(Ordering::Relaxed) {
            return Err(io::Error::other("no write works"));
        }
        self.file.write_at(position, parts)
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(position, buffer)
    }

    fn read_now(&self, position: u64, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.file.read_now(position, buffer)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.hand.change()?;
        self.file.truncate(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

/// The place of held disks. Cloning shares it.
#[derive(Clone)]
pub(in crate::cache::disk) struct HeldSite(Arc<Place>);

struct Place {
    disks: Mutex<Vec<HeldDisk>>,
    bar: Mutex<Option<fn() -> Barred>>,
    /// Another one once the folder was taken away.
    identity: AtomicU64,
}

impl HeldSite {
    pub(in crate::cache::disk) fn on(disk: HeldDisk) -> Self {
        Self(Arc::new(Place { disks: Mutex::new(vec![disk]), bar: Mutex::default(), identity: AtomicU64::new(0) }))
    }

    /// Nobody enters from now on, or anybody does.
    pub(in crate::cache::disk) fn bar(&self, bar: Option<fn() -> Barred>) {
        *self.0.bar.lock().expect("no panic under the lock") = bar;
    }

    /// Takes the folder away; another disk stands there now.
    pub(in crate::cache::disk) fn replace(&self, disk: HeldDisk) {
        *self.disks() = vec![disk];
        self.0.identity.fetch_add(1, Ordering::Relaxed);
    }

    /// What is in one of the folders that stand beside each other.
    pub(in crate::cache::disk) fn disk(&self, number: usize) -> HeldDisk {
        let mut disks = self.disks();
        while disks.len() <= number {
            let disk = HeldDisk::new(disks.len() as u64);
            disks.push(disk);
        }
        disks[number].clone()
    }

    fn disks(&self) -> MutexGuard<'_, Vec<HeldDisk>> {
        self.0.disks.lock().expect("no panic under the lock")
    }
}

impl Site for HeldSite {
    type Device = HeldDisk;
    type Lock = u64;

    fn enter(&self, number: u32) -> Result<(HeldDisk, u64), Barred> {
        if let Some(bar) = *self.0.bar.lock().expect("no panic under the lock") {
            return Err(bar());
        }
        Ok((self.disk(number as usize), self.0.identity.load(Ordering::Relaxed)))
    }

    fn holds(&self, lock: &u64) -> bool {
        *lock == self.0.identity.load(Ordering::Relaxed)
    }

    fn name(&self) -> String {
        "the held disk".to_owned()
    }
}
