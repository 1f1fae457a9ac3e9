//! One life of a log: writes, reads, evictions, deaths and restarts, each checked against the model.

use std::sync::Arc;

use fastrand::Rng;

use super::disk::{Faults, FaultyDisk, FaultyFile};
use super::harm;
use super::model::{Model, STORE, Version};
use crate::cache::disk::contents::Contents;
use crate::cache::disk::generations::Kept;
use crate::cache::disk::limits::Limits;
use crate::cache::disk::log::{Content, Log};
use crate::cache::disk::read::{Patience, Reader, Reading, Spot};
use crate::cache::disk::record::{KeyHash, Kind};
use crate::cache::disk::recovery::{Found, recover};

pub(super) const KEYS: u64 = 40;
const BODY_BYTES_MAX: u64 = 600;

/// What a life is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) faults: Faults,
    /// How often a file is harmed, in ten thousandths of all steps.
    pub(super) harm: u32,
    pub(super) power_cuts: PowerCuts,
    pub(super) bytes_max: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PowerCuts {
    Never,
    Sometimes,
}

impl Plan {
    fn only_kills(&self) -> bool {
        let Faults { write_error, read_error, short_read, .. } = self.faults;
        write_error + read_error + short_read + self.harm == 0 && self.power_cuts == PowerCuts::Never
    }
}

pub(super) const SMALL: u64 = 20_000;

pub(super) struct Life {
    rng: Rng,
    plan: Plan,
    pub(super) disk: FaultyDisk,
    limits: Limits,
    pub(super) model: Model,
    version: u64,
    log: Log<FaultyDisk>,
    reader: Reader<FaultyFile>,
    /// Reads that have found their place and are not done, each with what it may bring.
    spots: Vec<(u64, Spot<FaultyFile>, Version)>,
    kept: Vec<Kept>,
}

/// What is to be written.
struct Note {
    key: u64,
    kind: Kind,
    version: Version,
    meta: [u8; 8],
    body: Vec<u8>,
}

impl Note {
    fn content(&self) -> Content<'_> {
        Content { kind: self.kind, key: hash(self.key), meta: &self.meta, body: &self.body }
    }
}

fn hash(key: u64) -> KeyHash {
    KeyHash(u128::from(key.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(key % 8))
}

/// The bytes of a version: its number, over and over, to a length that it decides.
fn body(version: u64) -> Vec<u8> {
    let mut bytes = version.to_le_bytes().repeat((BODY_BYTES_MAX / 8) as usize + 1);
    bytes.truncate(8 + (version.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % BODY_BYTES_MAX as usize);
    bytes
}

/// Opens the log, however often the start dies.
fn open(disk: &FaultyDisk, limits: Limits) -> (Log<FaultyDisk>, Reader<FaultyFile>, Found) {
    loop {
        let contents = Contents::new();
        let device = Arc::new(disk.clone());
        match recover(device, contents.clone(), STORE, limits) {
            Ok((log, found)) => return (log, Reader::new(contents), found),
            Err(error) => {
                let faulty = disk.is_dead() || error.to_string() == "EIO";
                assert!(faulty, "a start failed without a reason: {error}");
                disk.revive();
            }
        }
    }
}

impl Life {
    pub(super) fn begin(seed: u64, plan: Plan) -> Self {
        let disk = FaultyDisk::new(seed);
        let limits = Limits { segment_bytes: 2_000, bytes_max: plan.bytes_max };
        let (log, reader, _) = open(&disk, limits);
        disk.set_faults(plan.faults);
        let (rng, model) = (Rng::with_seed(!seed), Model::default());
        Self { rng, plan, disk, limits, model, version: 0, log, reader, spots: Vec::new(), kept: Vec::new() }
    }

    /// Lives until `steps` are done or the process dies.
    pub(super) fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            self.step();
            assert!(self.disk.used() <= self.limits.bytes_max, "{} bytes are over the budget", self.disk.used());
            if self.disk.is_dead() {
                break;
            }
        }
    }

    fn step(&mut self) {
        let key = self.rng.u64(..KEYS);
        match self.rng.u8(..32) {
            0..12 => self.write(key),
            12..16 => self.write_some(),
            16..24 => self.check(key),
            24..26 => self.find(key),
            26..28 => self.finish_read(),
            28 => self.kept.push(self.log.contents.generations.keep(key % 8)),
            29 if !self.kept.is_empty() => drop(self.kept.swap_remove(0)),
            30 => self.change_budget(),
            _ => {}
        }
        if self.rng.u32(..10_000) < self.plan.harm {
            self.harm();
        }
    }

    fn harm(&mut self) {
        harm::harm(&self.disk, &mut self.rng);
        // The junk that harm leaves is nothing the log could have known of.
        self.limits.bytes_max = u64::MAX;
    }

    fn write(&mut self, key: u64) {
        let note = self.note(key);
        let written = self.log.write(&note.content());
        self.model.wrote(key, note.version, written.is_ok());
    }

    /// Writes records together, perhaps of the same keys.
    fn write_some(&mut self) {
        let notes: Vec<Note> = (0..self.rng.usize(2..6))
            .map(|_| {
                let key = self.rng.u64(..KEYS);
                self.note(key)
            })
            .collect();
        let contents: Vec<Content<'_>> = notes.iter().map(Note::content).collect();
        let written = self.log.write_all(&contents);
        assert_eq!(written.len(), notes.len());
        for (note, written) in notes.iter().zip(written) {
            self.model.wrote(note.key, note.version, written.is_ok());
        }
    }

    fn note(&mut self, key: u64) -> Note {
        self.version += 1;
        let (kind, version) = match self.rng.u8(..12) {
            0 | 1 => (Kind::Removal, None),
            2 => (Kind::Spec, Some(self.version)),
            3..6 => (Kind::Slice, Some(self.version)),
            _ => (Kind::Entry, Some(self.version)),
        };
        Note { key, kind, version, meta: key.to_le_bytes(), body: version.map(body).unwrap_or_default() }
    }

    fn change_budget(&mut self) {
        if self.plan.bytes_max == SMALL && self.limits.bytes_max < u64::MAX {
            let bytes_max = self.rng.u64(SMALL * 3 / 4..=SMALL);
            if self.log.set_bytes_max(bytes_max).is_ok() {
                self.limits.bytes_max = bytes_max;
            } else {
                _ = self.log.set_bytes_max(self.limits.bytes_max);
            }
        }
    }

    /// Finds a place now, to read it when other things have happened.
    fn find(&mut self, key: u64) {
        let now = self.read(key);
        if let Some(spot) = self.reader.find(hash(key)) {
            self.spots.push((key, spot, now));
        }
    }

    fn finish_read(&mut self) {
        if self.spots.is_empty() {
            return;
        }
        let (key, spot, then) = self.spots.swap_remove(self.rng.usize(..self.spots.len()));
        let read = self.read_spot(key, &spot);
        assert!(
            read.is_none() || then.is_none() || read == then,
            "key {key} had {then:?}, a late read brings {read:?}"
        );
        if self.log.contents.index.find(spot.key).is_some_and(|standing| standing.place == spot.standing.place) {
            assert!(self.model.allows(key, read), "key {key}: {read:?} is said to be the latest");
        }
    }

    fn read(&self, key: u64) -> Version {
        self.reader.find(hash(key)).and_then(|spot| self.read_spot(key, &spot))
    }

    fn read_spot(&self, key: u64, spot: &Spot<FaultyFile>) -> Version {
        let reading = match self.reader.read(spot, Patience::Now) {
            Ok(Reading::Later) => self.reader.read(spot, Patience::Wait),
            reading => reading,
        };
        let Ok(Reading::Here(record)) = reading else { return None };
        assert_eq!(record.meta, key.to_le_bytes()[..], "key {key}: the record of another key");
        assert_eq!(record.header.kind, spot.standing.kind, "key {key}: another kind of record");
        let version = u64::from_le_bytes(record.body[..8].try_into().expect("eight bytes"));
        assert_eq!(record.body, body(version), "key {key}: wrong bytes");
        Some(version)
    }

    pub(super) fn check(&self, key: u64) {
        let read = self.read(key);
        assert!(self.model.allows(key, read), "key {key} brings {read:?}");
    }

    pub(super) fn check_all(&self) {
        (0..KEYS).for_each(|key| self.check(key));
    }

    /// The index leads nowhere but to segments that are there.
    fn check_index(&self) {
        let contents = &self.log.contents;
        let before = contents.index.len();
        contents.index.retain(|place| contents.segments.get(place.segment).is_some());
        assert_eq!(contents.index.len(), before, "records of evicted segments are still in the index");
    }

    /// Everything that was acknowledged is there.
    pub(super) fn check_nothing_lost(&self) {
        for key in 0..KEYS {
            let read = self.read(key);
            assert!(self.model.is_newest(key, read), "key {key} brings {read:?}");
        }
    }

    /// The process ends, cleanly if it is not dead, and begins again.
    pub(super) fn restart(&mut self) {
        if !self.disk.is_dead() && self.rng.bool() {
            self.log.seal();
            assert!(self.disk.used() <= self.limits.bytes_max, "the footer is over the budget");
        }
        self.check_index();
        self.spots.clear();
        self.kept.clear();
        if self.plan.harm > 0 && self.rng.bool() {
            self.harm();
        }
        if self.plan.power_cuts == PowerCuts::Sometimes && self.rng.bool() {
            harm::cut_power(&self.disk, &mut self.rng);
            self.model.lose_power();
        }
        self.model.restart();
        self.disk.revive();
        self.limits.bytes_max = self.plan.bytes_max;
        let (log, reader, found) = open(&self.disk, self.limits);
        (self.log, self.reader) = (log, reader);
        if self.plan.only_kills() {
            assert_eq!(found.given_up, 0, "a kill damages nothing");
        }
    }

    /// No faults for a while.
    pub(super) fn rest(&self) {
        self.disk.set_faults(Faults { capacity: self.plan.faults.capacity, ..Faults::default() });
    }

    pub(super) fn resume(&self) {
        self.disk.set_faults(self.plan.faults);
    }
}
