//! What the disk tier counts. Exported where one is configured only.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry};

use super::device::Device;
use super::state::{State, States};
use super::stock::Stock;
use super::tally::{Reason, Tally};
use crate::telemetry::{self, Reading};

/// Seconds. A page in memory is read in a few microseconds; a disk in trouble takes seconds.
const BUCKETS: [f64; 16] = [
    0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5,
    1.0, 5.0,
];

/// What was tried when the disk failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    Read,
    Write,
    Sync,
    Open,
    Remove,
}

impl Attempt {
    const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Sync, Self::Open, Self::Remove];

    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Open => "open",
            Self::Remove => "remove",
        }
    }
}

/// What became of a response that might have been stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) enum Outcome {
    Stored,
    /// The disk is slower than what comes.
    QueueFull,
    /// There is no disk to write to.
    Unavailable,
    TooLarge,
    /// `write_rate` is used up.
    Rate,
    /// It was asked for once only.
    FirstRequest,
}

impl Outcome {
    const ALL: [Self; 6] =
        [Self::Stored, Self::QueueFull, Self::Unavailable, Self::TooLarge, Self::Rate, Self::FirstRequest];

    fn word(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::QueueFull => "queue_full",
            Self::Unavailable => "unavailable",
            Self::TooLarge => "too_large",
            Self::Rate => "rate",
            Self::FirstRequest => "first_request",
        }
    }
}

pub(super) struct Metrics {
    read_seconds: Histogram,
    write_seconds: Histogram,
    read_bytes: IntCounter,
    written_bytes: IntCounter,
    errors: IntCounterVec,
    recovery_seconds: Gauge,
    pub(super) damaged: IntCounter,
    admissions: IntCounterVec,
    /// The cache's own counter for all tiers.
    evictions: OnceLock<IntCounterVec>,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let histogram =
            |name: &str, help: &str| Histogram::with_opts(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()));
        let read_seconds = histogram("forebay_disk_read_seconds", "Time that reading a record took")?;
        let write_seconds = histogram("forebay_disk_write_seconds", "Time that writing a record took")?;
        let read_bytes = IntCounter::new("forebay_disk_read_bytes_total", "Bytes of records read")?;
        let written_bytes = IntCounter::new("forebay_disk_written_bytes_total", "Bytes of records written")?;
        let errors = IntCounterVec::new(Opts::new("forebay_disk_errors_total", "Failures of the disk"), &["op"])?;
        let admissions = IntCounterVec::new(
            Opts::new("forebay_disk_admissions_total", "Responses that might have been stored on disk, by result"),
            &["result"],
        )?;
        telemetry::register(registry, &[&read_seconds, &write_seconds])?;
        let damaged = IntCounter::new("forebay_disk_damaged_records_total", "Records that were found damaged")?;
        telemetry::register(registry, &[&read_bytes, &written_bytes, &damaged])?;
        telemetry::register(registry, &[&errors, &admissions])?;
        let recovery_seconds = Gauge::new("forebay_disk_recovery_seconds", "Time that the last recovery took")?;
        telemetry::register(registry, &[&recovery_seconds])?;
        Attempt::ALL.iter().for_each(|attempt| _ = errors.with_label_values(&[attempt.word()]));
        Outcome::ALL.iter().for_each(|outcome| _ = admissions.with_label_values(&[outcome.word()]));
        Ok(Self {
            read_seconds,
            write_seconds,
            read_bytes,
            written_bytes,
            errors,
            recovery_seconds,
            damaged,
            admissions,
            evictions: OnceLock::new(),
        })
    }

    /// Counts evictions in the cache's counter from now on.
    pub(super) fn count_evictions_in(&self, evictions: &IntCounterVec) {
        Reason::ALL.iter().for_each(|reason| _ = evictions.with_label_values(&["disk", reason.as_str()]));
        _ = self.evictions.set(evictions.clone());
    }

    pub(super) fn read(&self, bytes: usize, took: Duration) {
        self.read_seconds.observe(took.as_secs_f64());
        self.read_bytes.inc_by(bytes as u64);
    }

    pub(super) fn wrote(&self, bytes: u64, took: Duration) {
        self.write_seconds.observe(took.as_secs_f64());
        self.written_bytes.inc_by(bytes);
    }

    pub(super) fn evicted(&self, tally: &Tally) {
        if *tally == Tally::default() {
            return;
        }
        self.written_bytes.inc_by(tally.kept.bytes);
        let Some(evictions) = self.evictions.get() else { return };
        for reason in Reason::ALL {
            evictions.with_label_values(&["disk", reason.as_str()]).inc_by(tally.removed(reason).records);
        }
    }

    pub(super) fn failed(&self, attempt: Attempt) {
        self.failures(attempt).inc();
    }

    pub(super) fn failures(&self, attempt: Attempt) -> IntCounter {
        self.errors.with_label_values(&[attempt.word()])
    }

    pub(super) fn recovered(&self, took: Duration) {
        self.recovery_seconds.set(took.as_secs_f64());
    }

    pub(super) fn admission(&self, outcome: Outcome) {
        self.admissions.with_label_values(&[outcome.word()]).inc();
    }

    /// Gauges that are read from the store itself when somebody scrapes.
    pub(super) fn watch<D: Device>(
        registry: &Registry,
        stock: &Arc<Stock<D>>,
        states: &Arc<States>,
    ) -> Result<(), prometheus::Error> {
        for state in State::ALL {
            let (states, label) = (states.clone(), [("state", state.word())]);
            let read = move || u64::from(states.now() == state);
            Reading::register(registry, "forebay_disk_state", "1 for the state the disk tier is in", &label, read)?;
        }
        let gauge = |name: &str, help: &str, labels: &[(&str, &str)], read: fn(&Stock<D>) -> u64| {
            let stock = stock.clone();
            Reading::register(registry, name, help, labels, move || read(&stock))
        };
        let tier = &[("tier", "disk")];
        gauge(
            "forebay_cache_entries",
            "Stored responses; on disk records, of which a large one has many",
            tier,
            |stock| stock.contents.index.len() as u64,
        )?;
        gauge("forebay_cache_bytes", "Bytes held by stored responses", tier, |stock| stock.contents.segments.bytes())?;
        gauge("forebay_disk_queue_bytes", "Bytes that wait to be written", &[], |stock| stock.queue.bytes() as u64)?;
        let operations = "Puts and removals that wait to be written";
        gauge("forebay_disk_queue_operations", operations, &[], |stock| stock.queue.len() as u64)?;
        let index = "Memory that the index of the disk tier takes";
        gauge("forebay_disk_index_bytes", index, &[], |stock| stock.contents.index.bytes() as u64)?;
        gauge("forebay_disk_segments", "Files of the log", &[], |stock| stock.contents.segments.len() as u64)
    }
}
