//! The runs: thousands of seeds, each a life of writes, reads, deaths and restarts.

use std::sync::Arc;

use fastrand::Rng;

use super::disk::{Faults, FaultyDisk};
use super::model::Model;
use crate::cache::disk::log::{Content, Limits, Log};
use crate::cache::disk::read::{Patience, Reader, Reading};
use crate::cache::disk::record::{KeyHash, Kind};
use crate::cache::disk::recovery::recover;

const KEYS: u64 = 40;
const SEEDS: u64 = 1_000;
const STORE: u64 = 77;

fn hash(key: u64) -> KeyHash {
    KeyHash(u128::from(key.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(key))
}

/// The bytes of a version: its number, over and over, to a length that it decides.
fn body(version: u64, large: usize) -> Vec<u8> {
    let length = Rng::with_seed(version).usize(..large);
    version.to_le_bytes().into_iter().cycle().take(8 + length).collect()
}

/// One life.
struct Life {
    seed: u64,
    rng: Rng,
    disk: FaultyDisk,
    faults: Faults,
    limits: Limits,
    model: Model,
    version: u64,
    log: Log<FaultyDisk>,
}

fn open(disk: &FaultyDisk, limits: Limits) -> Log<FaultyDisk> {
    recover(Arc::new(disk.clone()), STORE, limits).expect("a log of this version").0
}

impl Life {
    fn begin(seed: u64, faults: Faults) -> Self {
        let disk = FaultyDisk::new(seed);
        let limits = Limits { segment_bytes: 4_096, bytes_max: 20_000 };
        let log = open(&disk, limits);
        let mut rng = Rng::with_seed(seed);
        rng.u64(..);
        Self { seed, rng, disk, faults, limits, model: Model::default(), version: 0, log }
    }

    fn write(&mut self) {
        let key = self.rng.u64(..KEYS);
        self.version += 1;
        let (kind, version) =
            if self.rng.u8(..5) == 0 { (Kind::Removal, None) } else { (Kind::Entry, Some(self.version)) };
        let body = version.map(|version| body(version, 600)).unwrap_or_default();
        let meta = key.to_le_bytes();
        let written = self.log.write(&Content { kind, key: hash(key), meta: &meta, body: &body });
        self.model.wrote(key, version, written.is_ok());
    }

    fn read(&self, key: u64) -> Option<u64> {
        let reader = Reader::new(self.log.index.clone(), self.log.segments.clone());
        let reading = match reader.read(hash(key), Patience::Now) {
            Ok(Reading::Later) => reader.read(hash(key), Patience::Wait),
            reading => reading,
        };
        let Ok(Reading::Here(record)) = reading else { return None };
        assert_eq!(record.meta, key.to_le_bytes()[..], "seed {}: the record of another key", self.seed);
        let version = u64::from_le_bytes(record.body[..8].try_into().expect("eight bytes"));
        assert_eq!(record.body, body(version, 600), "seed {}: wrong bytes for key {key}", self.seed);
        Some(version)
    }

    fn check_all(&self) {
        for key in 0..KEYS {
            let read = self.read(key);
            assert!(self.model.allows(key, read), "seed {}: key {key} brings {read:?}", self.seed);
        }
    }

    fn restart(&mut self, clean: bool) {
        self.disk.set_faults(Faults { capacity: self.faults.capacity, ..Faults::default() });
        self.disk.revive();
        if clean {
            self.log.seal();
        }
        self.log = open(&self.disk, self.limits);
    }

    fn live(&mut self, rot: bool) {
        for _ in 0..4 {
            self.disk.set_faults(self.faults);
            for _ in 0..120 {
                self.write();
                let key = self.rng.u64(..KEYS);
                let read = self.read(key);
                assert!(self.model.allows(key, read), "seed {}: key {key} brings {read:?}", self.seed);
                assert!(self.disk.used() as u64 <= self.limits.bytes_max, "seed {}: over the budget", self.seed);
                if self.disk.is_dead() {
                    break;
                }
            }
            if rot {
                self.disk.rot();
            }
            let clean = !self.disk.is_dead() && self.rng.bool();
            self.restart(clean);
            self.check_all();
        }
    }
}

fn run(faults: Faults, rot: bool) {
    for seed in 0..SEEDS {
        Life::begin(seed, faults).live(rot);
    }
}

#[test]
fn a_writer_that_dies_at_any_write_leaves_nothing_wrong() {
    run(Faults { death: 100, ..Faults::default() }, false);
}

#[test]
fn flipped_bits_bring_no_wrong_bytes_and_nothing_old() {
    run(Faults { death: 30, ..Faults::default() }, true);
}

#[test]
fn failing_reads_and_writes_bring_nothing_wrong() {
    let faults = Faults { write_error: 300, read_error: 200, short_read: 200, would_block: 3_000, ..Faults::default() };
    run(faults, false);
}

#[test]
fn a_disk_smaller_than_the_budget_is_used_to_its_end() {
    run(Faults { capacity: Some(14_000), death: 30, ..Faults::default() }, false);
}

#[test]
fn everything_acknowledged_is_there_after_a_kill() {
    for seed in 0..SEEDS {
        let mut life = Life::begin(seed, Faults::default());
        life.limits.bytes_max = 1 << 20;
        life.log = open(&life.disk, life.limits);
        for _ in 0..100 {
            life.write();
        }
        life.restart(false);
        for key in 0..KEYS {
            assert_eq!(life.read(key), life.model.newest(key), "seed {seed}, key {key}");
        }
    }
}
