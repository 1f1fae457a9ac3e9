//! Seeded lives of a whole store: threads that put, remove and read at the same time on a disk that fails, and kills.
//!
//! Each thread owns some keys, so it knows what it put and removed last, and reads those of the others as well, where only
//! the bytes must be right. A seed decides what each thread does; the system decides how they meet.

use std::collections::HashMap;

use fastrand::Rng;

use super::rig::{Rig, STEPS};
use crate::cache::disk::answer::Put;
use crate::cache::disk::simulation::disk::Faults;
use crate::cache::disk::simulation::held::{HeldDisk, HeldSite};
use crate::cache::disk::state::State;
use crate::cache::disk::writer::Pace;

const THREADS: usize = 3;
const KEYS: usize = 12;
const STEPS_OF_LIFE: usize = 60;
const SEEDS: u64 = 40;

/// Everything fits.
const LARGE: u64 = 2 << 20;
/// Of which the log has an eighth.
const SMALL: u64 = 600 << 10;

/// What a key may bring: the newest version, or nothing. `None` once it was removed.
type Newest = HashMap<String, Option<u64>>;

fn body(key: &str, version: u64) -> String {
    let filler = "x".repeat(Rng::with_seed(version).usize(..3_000));
    format!("{key} {version} {filler}")
}

/// The version in what was read, whose bytes must all be right.
fn version(seed: u64, key: &str, body_read: &str) -> u64 {
    let version = body_read.split(' ').nth(1).and_then(|number| number.parse().ok());
    let version = version.unwrap_or_else(|| panic!("seed {seed}: {key} brings no version"));
    assert_eq!(body_read, body(key, version), "seed {seed}: wrong bytes for {key}");
    version
}

/// What one thread does with its own keys.
fn act(rig: &Rig, seed: u64, (thread, life): (usize, u64), newest: &mut Newest) {
    let mut rng = Rng::with_seed(seed << 16 | life << 8 | thread as u64);
    for step in 0..STEPS_OF_LIFE {
        let key = format!("{thread}/{}", rng.usize(..KEYS));
        match rng.u8(..8) {
            0..4 => {
                let number = life << 32 | step as u64;
                let queued = rig.put(&key, &body(&key, number)) == Put::Queued;
                newest.insert(key, queued.then_some(number));
            }
            4 => {
                rig.remove(&key);
                newest.insert(key, None);
            }
            5 => {
                let other = format!("{}/{}", rng.usize(..THREADS), rng.usize(..KEYS));
                if let Some(read) = rig.get(&other) {
                    version(seed, &other, &read);
                }
            }
            _ => check(rig, seed, &key, newest),
        }
    }
}

fn check(rig: &Rig, seed: u64, key: &str, newest: &Newest) {
    let Some(read) = rig.get(key) else { return };
    let found = version(seed, key, &read);
    let expected = newest.get(key).copied().flatten();
    assert_eq!(Some(found), expected, "seed {seed}: {key} brings something older than what was put or removed last");
}

/// Lives with this fault, each of which ends in a kill or cleanly once everything is on the disk.
fn live(seed: u64, faults: Faults, bytes_max: u64) {
    let site = HeldSite::on(HeldDisk::new(seed));
    let mut rng = Rng::with_seed(seed);
    let pace = Pace { pause_first: std::time::Duration::from_micros(100), ..STEPS };
    let begin = |site| Rig::sized(site, pace, bytes_max);
    let mut rig = begin(site);
    let mut newest: Vec<Newest> = vec![Newest::new(); THREADS];
    for life in 0..3 {
        rig.disk().set_faults(faults);
        std::thread::scope(|scope| {
            for (thread, newest) in newest.iter_mut().enumerate() {
                let rig = &rig;
                scope.spawn(move || act(rig, seed, (thread, life), newest));
            }
        });
        rig.disk().set_faults(Faults::default());
        // Whatever is owed to the disk is written before the kill: what is not may come back.
        rig.nudge();
        rig.until(State::Ok);
        rig.flush();
        assert!(rig.disk().used() as u64 <= bytes_max, "seed {seed}: over the budget");
        rig = if rng.bool() {
            begin(HeldSite::on(rig.disk().fork()))
        } else {
            let site = rig.site.clone();
            drop(rig);
            begin(site)
        };
        for newest in &newest {
            newest.keys().for_each(|key| check(&rig, seed, key, newest));
        }
    }
}

#[test]
fn no_thread_sees_anything_older_than_what_it_did_last() {
    for seed in 0..SEEDS {
        live(seed, Faults::default(), LARGE);
    }
}

#[test]
fn nothing_older_comes_back_from_a_small_store_that_evicts_and_keeps() {
    for seed in 0..SEEDS {
        live(seed, Faults::default(), SMALL);
    }
}

#[test]
fn nothing_older_comes_back_from_a_disk_that_fails_now_and_then() {
    let faults = Faults { write_error: 300, read_error: 100, short_read: 100, would_block: 3_000, ..Faults::default() };
    for seed in 0..SEEDS {
        live(seed, faults, SMALL);
    }
}

#[test]
fn nothing_older_comes_back_from_a_disk_smaller_than_the_budget() {
    for seed in 0..SEEDS {
        live(seed, Faults { capacity: Some(40_000), ..Faults::default() }, LARGE);
    }
}
