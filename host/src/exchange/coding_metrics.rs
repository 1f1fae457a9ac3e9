//! What is counted of content codings: bytes in and out, the time they took, and what was not coded for want of room.

use std::time::Duration;

use prometheus::core::{AtomicF64, GenericCounter};
use prometheus::{CounterVec, IntCounter, IntCounterVec, Opts, Registry};

use crate::semantics::Coding;

/// One coding's counters. Cloning shares them.
#[derive(Clone)]
pub(super) struct Meter {
    read: IntCounter,
    wrote: IntCounter,
    seconds: GenericCounter<AtomicF64>,
}

impl Meter {
    pub(super) fn read(&self, bytes: usize) {
        self.read.inc_by(bytes as u64);
    }

    pub(super) fn wrote(&self, bytes: usize, time: Duration) {
        self.wrote.inc_by(bytes as u64);
        self.seconds.inc_by(time.as_secs_f64());
    }

    /// One that nobody scrapes.
    #[cfg(test)]
    pub(super) fn unread() -> Self {
        CodingMetrics::register(&Registry::new()).expect("an empty registry takes them").meter(Coding::Gzip).clone()
    }
}

/// All of them, and what was skipped.
pub(super) struct CodingMetrics {
    meters: [Meter; Coding::ALL.len()],
    pub(super) skipped_jobs: IntCounter,
    pub(super) skipped_streams: IntCounter,
}

impl CodingMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let bytes = IntCounterVec::new(
            Opts::new("forebay_compression_bytes_total", "Body bytes that content codings took in and gave out"),
            &["coding", "direction"],
        )?;
        let seconds = CounterVec::new(
            Opts::new("forebay_compression_seconds_total", "Time spent on content codings"),
            &["coding"],
        )?;
        let skipped = IntCounterVec::new(
            Opts::new(
                "forebay_compression_skipped_total",
                "Responses sent without a coding because all slots were taken",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(bytes.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(skipped.clone()))?;
        let meter = |coding: Coding| Meter {
            read: bytes.with_label_values(&[coding.token(), "in"]),
            wrote: bytes.with_label_values(&[coding.token(), "out"]),
            seconds: seconds.with_label_values(&[coding.token()]),
        };
        Ok(Self {
            meters: Coding::ALL.map(meter),
            skipped_jobs: skipped.with_label_values(&["jobs_max"]),
            skipped_streams: skipped.with_label_values(&["streams_max"]),
        })
    }

    pub(super) fn meter(&self, coding: Coding) -> &Meter {
        &self.meters[coding.index()]
    }
}
