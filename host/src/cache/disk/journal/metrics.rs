//! What the journal tells of itself: how long it takes to be sure, and how often that fails.

use prometheus::{Histogram, HistogramOpts, IntCounter, Registry};

use crate::telemetry::{LATENCY_BUCKETS, register};

#[derive(Clone)]
pub(in crate::cache) struct JournalMetrics {
    /// From the first byte written to the end of the sync, for those who wait together.
    pub(super) seconds: Histogram,
    pub(super) errors: IntCounter,
}

impl JournalMetrics {
    /// Failures are counted in `errors`.
    pub(in crate::cache) fn register(registry: &Registry, errors: IntCounter) -> Result<Self, prometheus::Error> {
        let seconds = Histogram::with_opts(
            HistogramOpts::new("forebay_disk_journal_seconds", "Time to write purges down for good, several at once")
                .buckets(LATENCY_BUCKETS.to_vec()),
        )?;
        register(registry, &[&seconds])?;
        Ok(Self { seconds, errors })
    }
}
