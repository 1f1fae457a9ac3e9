//! The runs: a thousand seeds of each kind of trouble.

use super::disk::Faults;
use super::life::{Life, Plan, PowerCuts, SMALL};

const SEEDS: u64 = 1_000;
const RESTARTS: usize = 3;
const STEPS: usize = 100;

const CALM: Plan = Plan {
    faults: Faults { death: 0, write_error: 0, read_error: 0, short_read: 0, would_block: 2_000, capacity: None },
    harm: 0,
    power_cuts: PowerCuts::Never,
    bytes_max: SMALL,
};

/// Says which seed failed.
struct Announce(u64);

impl Drop for Announce {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again with FOREBAY_DISK_SEED={}", self.0);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().expect("a number"))
}

fn for_each_seed(run: impl Fn(u64)) {
    let seeds = match number("FOREBAY_DISK_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FOREBAY_DISK_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let announce = Announce(seed);
        run(seed);
        drop(announce);
    }
}

fn run(plan: Plan) {
    for_each_seed(|seed| {
        let mut life = Life::begin(seed, plan);
        for _ in 0..RESTARTS {
            life.live(STEPS);
            life.restart();
            life.rest();
            life.check_all();
            life.resume();
        }
    });
}

#[test]
fn a_writer_that_dies_at_any_time_leaves_nothing_wrong() {
    run(Plan { faults: Faults { death: 100, ..CALM.faults }, ..CALM });
}

#[test]
fn harmed_files_bring_no_wrong_bytes_and_nothing_old() {
    run(Plan { faults: Faults { death: 50, ..CALM.faults }, harm: 100, ..CALM });
}

#[test]
fn failing_reads_and_writes_bring_nothing_wrong() {
    let faults = Faults { write_error: 300, read_error: 100, short_read: 100, ..CALM.faults };
    run(Plan { faults, ..CALM });
}

#[test]
fn a_disk_smaller_than_the_budget_is_used_to_its_end() {
    run(Plan { faults: Faults { capacity: Some(12_000), death: 50, ..CALM.faults }, ..CALM });
}

#[test]
fn everything_at_once_brings_nothing_wrong() {
    let faults = Faults {
        death: 50,
        write_error: 100,
        read_error: 50,
        short_read: 50,
        would_block: 2_000,
        capacity: Some(14_000),
    };
    run(Plan { faults, harm: 30, ..CALM });
}

#[test]
fn a_power_cut_brings_no_wrong_bytes() {
    run(Plan { faults: Faults { death: 50, ..CALM.faults }, power_cuts: PowerCuts::Sometimes, ..CALM });
}

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    for_each_seed(|seed| {
        let plan = Plan { faults: Faults { death: 50, ..CALM.faults }, bytes_max: 1 << 20, ..CALM };
        let mut life = Life::begin(seed, plan);
        for _ in 0..RESTARTS {
            life.live(STEPS);
            life.restart();
            life.rest();
            life.check_nothing_lost();
            life.resume();
        }
    });
}
