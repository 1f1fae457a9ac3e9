//! The node beside a model: random requests, answers, clock steps and failures, each answer compared with what RFC 9111
//! and RFC 5861 allow at that moment.
//!
//! `terms` and `event` make the chance, `site` is the origin, `rules` are the RFCs, `ledger` knows what a cache may have,
//! `judge` compares, `course` runs a sequence and shortens one that fails, `rush` has many requests at once. `FOREBAY_MODEL_SEED` runs one sequence again,
//! `FOREBAY_MODEL_SEQUENCES` says how many are run.

mod content;
mod course;
mod event;
mod judge;
mod ledger;
mod purge;
mod record;
mod rules;
mod rush;
mod site;
mod span;
mod storage;
mod terms;
mod told;

use course::Course;
use storage::Storage;

/// Names the seed where a run ends in a panic of its own.
struct Running(u64);

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FOREBAY_MODEL_SEED={} ended early", self.0);
        }
    }
}

/// Sequences of a test run; a few seconds.
const SEQUENCES: u64 = 300;
const RUSHES: u64 = 60;
/// Each restarts its node some times.
const RESTARTED_SEQUENCES: u64 = 60;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

fn seeds(usual: u64) -> std::ops::Range<u64> {
    match number("FOREBAY_MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FOREBAY_MODEL_SEQUENCES").unwrap_or(usual),
    }
}

async fn run(seeds: std::ops::Range<u64>, storage: Storage) {
    for seed in seeds {
        let _running = Running(seed);
        if let Err(failure) = Course::random(seed, storage).run().await {
            let failure = failure.shortest().await;
            panic!("FOREBAY_MODEL_SEED={seed} fails:\n{failure}");
        }
    }
}

#[tokio::test]
async fn every_answer_is_one_that_the_model_allows() {
    run(seeds(SEQUENCES), Storage::Memory).await;
}

#[tokio::test]
async fn every_answer_from_disk_is_one_that_the_model_allows() {
    run(seeds(RESTARTED_SEQUENCES), Storage::MemoryOverDisk).await;
}

#[tokio::test]
async fn in_a_rush_nobody_gets_what_is_no_longer_right() {
    for seed in seeds(RUSHES) {
        let _running = Running(seed);
        if let Err(fault) = rush::run(seed).await {
            panic!("FOREBAY_MODEL_SEED={seed} fails: {fault}");
        }
    }
}
