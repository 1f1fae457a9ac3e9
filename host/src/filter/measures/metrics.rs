//! What the host measures of filters: how long callbacks take, and how exchanges failed in them.
//!
//! Handles are looked up once per filter at load: a lookup by label costs more than the callback it would measure.

use std::fmt;

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::super::failure::{Callback, FailureKind};
use super::super::rollout::code_cache::Origin;
use super::super::rollout::outcome::Change;
use super::super::rollout::rollback::Rollback;
use super::timing::{Timing, Timings, timings};

/// Why an instance was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Making {
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
pub(in crate::filter) struct FilterMetrics {
    durations: Timings,
    failures: IntCounterVec,
    instances: IntCounterVec,
    breakers: IntGaugeVec,
    rollbacks: IntCounterVec,
    reloads: IntCounterVec,
    compiles: IntCounterVec,
}

impl fmt::Debug for FilterMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FilterMetrics")
    }
}

impl FilterMetrics {
    pub(in crate::filter) fn new(registry: &Registry, workers: usize) -> prometheus::Result<Self> {
        let durations = timings(
            "forebay_filter_duration_seconds",
            "Time spent in a filter, by callback.",
            &["filter", "callback"],
            workers,
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
        let counter = |name, help, labels: &[&str]| {
            let family = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(family.clone()))?;
            Ok::<_, prometheus::Error>(family)
        };
        let breakers = IntGaugeVec::new(
            Opts::new(
                "forebay_filter_breaker_open",
                "Versions of a filter that are not entered, as they failed too often.",
            ),
            &["filter"],
        )?;
        registry.register(Box::new(breakers.clone()))?;
        Ok(Self {
            durations,
            failures,
            instances,
            breakers,
            rollbacks: counter(
                "forebay_filter_rollbacks_total",
                "Canaries of a filter that were taken back.",
                &["filter", "reason"],
            )?,
            reloads: counter("forebay_filter_reloads_total", "What reloads did to a filter.", &["filter", "result"])?,
            compiles: counter(
                "forebay_filter_compiles_total",
                "Modules made ready to run, by where their code came from.",
                &["result"],
            )?,
        })
    }

    pub(in crate::filter) fn count_reload(&self, filter: &str, result: &str) {
        self.reloads.with_label_values(&[filter, result]).inc();
    }

    pub(in crate::filter) fn count_compile(&self, origin: Origin) {
        self.compiles.with_label_values(&[origin.word()]).inc();
    }

    /// The series of one filter, all of them there from the start.
    pub(in crate::filter) fn of(&self, filter: &str) -> Meters {
        Change::WORDS.iter().for_each(|result| drop(self.reloads.with_label_values(&[filter, *result])));
        let duration = |callback: Callback| self.durations.with_label_values(&[filter, callback.word()]);
        Meters {
            request_headers: duration(Callback::RequestHeaders),
            request_body: duration(Callback::RequestBody),
            request_trailers: duration(Callback::RequestTrailers),
            response_headers: duration(Callback::ResponseHeaders),
            response_body: duration(Callback::ResponseBody),
            response_trailers: duration(Callback::ResponseTrailers),
            call_response: duration(Callback::CallResponse),
            done: duration(Callback::Done),
            tick: duration(Callback::Tick),
            queue_ready: duration(Callback::QueueReady),
            instances: Making::ALL.map(|making| self.instances.with_label_values(&[filter, making.word()])),
            failures: FailureKind::ALL.map(|kind| self.failures.with_label_values(&[filter, kind.word()])),
            breaker: self.breakers.with_label_values(&[filter]),
            rollbacks: Rollback::ALL.map(|reason| self.rollbacks.with_label_values(&[filter, reason.word()])),
        }
    }
}

/// The series of one filter.
#[derive(Debug)]
pub(in crate::filter) struct Meters {
    request_headers: Timing,
    request_body: Timing,
    request_trailers: Timing,
    response_headers: Timing,
    response_body: Timing,
    response_trailers: Timing,
    call_response: Timing,
    done: Timing,
    tick: Timing,
    queue_ready: Timing,
    failures: [IntCounter; FailureKind::ALL.len()],
    instances: [IntCounter; Making::ALL.len()],
    /// How many of its breakers are open.
    pub(in crate::filter) breaker: IntGauge,
    rollbacks: [IntCounter; Rollback::ALL.len()],
}

impl Meters {
    /// Where the durations of `callback` go; a start has none.
    pub(in crate::filter) fn duration(&self, callback: Callback) -> Option<&Timing> {
        match callback {
            Callback::Start => None,
            Callback::RequestHeaders => Some(&self.request_headers),
            Callback::RequestBody => Some(&self.request_body),
            Callback::RequestTrailers => Some(&self.request_trailers),
            Callback::ResponseHeaders => Some(&self.response_headers),
            Callback::ResponseBody => Some(&self.response_body),
            Callback::ResponseTrailers => Some(&self.response_trailers),
            Callback::CallResponse => Some(&self.call_response),
            Callback::Done => Some(&self.done),
            Callback::Tick => Some(&self.tick),
            Callback::QueueReady => Some(&self.queue_ready),
        }
    }

    pub(in crate::filter) fn count_instance(&self, making: Making) {
        let index = Making::ALL.iter().position(|one| *one == making).expect("ALL lists every cause");
        self.instances[index].inc();
    }

    pub(in crate::filter) fn count_failure(&self, kind: FailureKind) {
        let index = FailureKind::ALL.iter().position(|one| *one == kind).expect("ALL lists every kind");
        self.failures[index].inc();
    }

    pub(in crate::filter) fn count_rollback(&self, reason: Rollback) {
        let index = Rollback::ALL.iter().position(|one| *one == reason).expect("ALL lists every reason");
        self.rollbacks[index].inc();
    }
}
