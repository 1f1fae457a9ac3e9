//! What the host measures of filters: how long callbacks take, and how exchanges failed in them.
//!
//! Handles are looked up once per filter at load: a lookup by label costs more than the callback it would measure.

use std::fmt;

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

use super::failure::{Callback, FailureKind};

/// A header filter takes 0.3 to 3 us, a deadline is 10 ms: most observations stop at one of the first buckets.
const DURATION_BUCKETS: [f64; 12] =
    [0.000_000_5, 0.000_001, 0.000_002, 0.000_005, 0.000_01, 0.000_025, 0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01];

/// Why an instance was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Making {
    /// The first of its worker.
    First,
    /// The last one went away with an exchange that grew its memory, was refused more, or wrote too much of it to share
    /// it while it waits.
    Outgrown,
    /// The last one failed.
    Failed,
    /// The module's instances cannot be made anew: every exchange has its own.
    Exclusive,
}

impl Making {
    const ALL: [Self; 4] = [Self::First, Self::Outgrown, Self::Failed, Self::Exclusive];

    /// The word in labels.
    fn word(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Outgrown => "outgrown",
            Self::Failed => "failed",
            Self::Exclusive => "exclusive",
        }
    }
}

/// The families, one set per registry.
#[derive(Clone)]
pub(super) struct FilterMetrics {
    durations: HistogramVec,
    failures: IntCounterVec,
    instances: IntCounterVec,
}

impl fmt::Debug for FilterMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FilterMetrics")
    }
}

impl FilterMetrics {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let durations = HistogramVec::new(
            HistogramOpts::new("forebay_filter_duration_seconds", "Time spent in a filter, by callback.")
                .buckets(DURATION_BUCKETS.to_vec()),
            &["filter", "callback"],
        )?;
        let failures = IntCounterVec::new(
            Opts::new("forebay_filter_failures_total", "Exchanges that a filter failed, by kind of failure."),
            &["filter", "kind"],
        )?;
        let instances = IntCounterVec::new(
            Opts::new("forebay_filter_instances_total", "Instances made for exchanges, by what made it necessary."),
            &["filter", "cause"],
        )?;
        registry.register(Box::new(instances.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        registry.register(Box::new(failures.clone()))?;
        Ok(Self { durations, failures, instances })
    }

    /// The series of one filter, all of them there from the start.
    pub(super) fn of(&self, filter: &str) -> Meters {
        let duration = |callback: Callback| self.durations.with_label_values(&[filter, callback.word()]);
        Meters {
            request_headers: duration(Callback::RequestHeaders),
            response_headers: duration(Callback::ResponseHeaders),
            done: duration(Callback::Done),
            instances: Making::ALL.map(|making| self.instances.with_label_values(&[filter, making.word()])),
            failures: FailureKind::ALL.map(|kind| self.failures.with_label_values(&[filter, kind.word()])),
        }
    }
}

/// The series of one filter.
#[derive(Debug)]
pub(super) struct Meters {
    request_headers: Histogram,
    response_headers: Histogram,
    done: Histogram,
    failures: [IntCounter; FailureKind::ALL.len()],
    instances: [IntCounter; Making::ALL.len()],
}

impl Meters {
    /// Where the durations of `callback` go; a start has none.
    pub(super) fn duration(&self, callback: Callback) -> Option<&Histogram> {
        match callback {
            Callback::Start => None,
            Callback::RequestHeaders => Some(&self.request_headers),
            Callback::ResponseHeaders => Some(&self.response_headers),
            Callback::Done => Some(&self.done),
        }
    }

    pub(super) fn count_instance(&self, making: Making) {
        let index = Making::ALL.iter().position(|one| *one == making).expect("ALL lists every cause");
        self.instances[index].inc();
    }

    pub(super) fn count_failure(&self, kind: FailureKind) {
        let index = FailureKind::ALL.iter().position(|one| *one == kind).expect("ALL lists every kind");
        self.failures[index].inc();
    }
}
