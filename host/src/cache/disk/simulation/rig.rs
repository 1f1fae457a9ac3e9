//! A log in the hand of a test: written, read and opened anew, key by key.

use std::sync::Arc;

use super::disk::{FaultyDisk, FaultyFile};
use crate::cache::disk::contents::Contents;
use crate::cache::disk::limits::Limits;
use crate::cache::disk::log::{Content, Log, WriteError};
use crate::cache::disk::read::{Patience, Reader, Reading};
use crate::cache::disk::record::{KeyHash, Kind};
use crate::cache::disk::recovery::{Found, recover};

const STORE: u64 = 77;

pub(in crate::cache::disk) struct Rig {
    pub(in crate::cache::disk) disk: FaultyDisk,
    pub(in crate::cache::disk) log: Log<FaultyDisk>,
    reader: Reader<FaultyFile>,
    limits: Limits,
}

fn open(disk: &FaultyDisk, limits: Limits) -> (Log<FaultyDisk>, Reader<FaultyFile>, Found) {
    let contents = Contents::new();
    let (log, found) = recover(Arc::new(disk.clone()), contents.clone(), STORE, limits).expect("no fault is set");
    (log, Reader::new(contents), found)
}

/// The key of a number, in a body of generation 7 if it is a slice's.
pub(in crate::cache::disk) fn key(number: u64) -> KeyHash {
    KeyHash(u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | 7)
}

impl Rig {
    pub(in crate::cache::disk) fn new(segment_bytes: u64, bytes_max: u64) -> Self {
        let (disk, limits) = (FaultyDisk::new(0), Limits { segment_bytes, bytes_max });
        let (log, reader, _) = open(&disk, limits);
        Self { disk, log, reader, limits }
    }

    /// The same files again, each with the bytes that it has now.
    pub(in crate::cache::disk) fn copy(&self) -> Self {
        let disk = FaultyDisk::new(0);
        for (name, bytes) in self.disk.files() {
            disk.put_file(&name, bytes.lock().expect("no panic").clone());
        }
        let (log, reader, _) = open(&FaultyDisk::new(0), self.limits);
        Self { disk, log, reader, limits: self.limits }
    }

    pub(in crate::cache::disk) fn put(&mut self, number: u64, kind: Kind, bytes: usize) -> Result<(), WriteError> {
        let body = vec![number as u8; bytes];
        self.log.write(&Content { kind, key: key(number), meta: &number.to_le_bytes(), body: &body }).map(drop)
    }

    pub(in crate::cache::disk) fn has(&self, number: u64) -> bool {
        let Some(spot) = self.reader.find(key(number)) else { return false };
        let Ok(Reading::Here(record)) = self.reader.read(&spot, Patience::Wait) else { return false };
        assert!(record.meta == number.to_le_bytes()[..] && record.body.iter().all(|byte| *byte == number as u8));
        true
    }

    /// How many of the first keys are there.
    pub(in crate::cache::disk) fn count(&self, keys: u64) -> usize {
        (0..keys).filter(|number| self.has(*number)).count()
    }

    /// The process is killed and starts again.
    pub(in crate::cache::disk) fn reopen(&mut self) -> Found {
        let (log, reader, found) = open(&self.disk, self.limits);
        (self.log, self.reader) = (log, reader);
        found
    }
}
