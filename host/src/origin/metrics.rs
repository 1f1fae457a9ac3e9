//! What is counted of origins: requests by result, the time of each phase, connections by state.

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::telemetry::LATENCY_BUCKETS;

/// The origins' metrics. Cloning shares them.
#[derive(Clone)]
pub(super) struct Metrics {
    requests: IntCounterVec,
    durations: HistogramVec,
    connections: IntGaugeVec,
}

/// The handles of one origin.
#[derive(Clone)]
pub(super) struct OriginMetrics {
    requests: IntCounterVec,
    name: String,
    pub(super) connect: Histogram,
    pub(super) first_byte: Histogram,
    pub(super) idle: IntGauge,
    pub(super) active: IntGauge,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new("forebay_origin_requests_total", "Requests to origins, by status or by failure"),
            &["origin", "code"],
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new("forebay_origin_duration_seconds", "Time that origins take, by phase")
                .buckets(LATENCY_BUCKETS.to_vec()),
            &["origin", "phase"],
        )?;
        let connections = IntGaugeVec::new(
            Opts::new("forebay_origin_connections", "Open connections to origins, by state"),
            &["origin", "state"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        registry.register(Box::new(connections.clone()))?;
        Ok(Self { requests, durations, connections })
    }

    pub(super) fn of(&self, origin: &str) -> OriginMetrics {
        OriginMetrics {
            requests: self.requests.clone(),
            name: origin.to_owned(),
            connect: self.durations.with_label_values(&[origin, "connect"]),
            first_byte: self.durations.with_label_values(&[origin, "first_byte"]),
            idle: self.connections.with_label_values(&[origin, "idle"]),
            active: self.connections.with_label_values(&[origin, "active"]),
        }
    }
}

impl OriginMetrics {
    /// Counts one request by what came of it: a status code or a failure's word.
    pub(super) fn count(&self, code: &str) {
        self.requests.with_label_values(&[self.name.as_str(), code]).inc();
    }
}

/// One more in a gauge for as long as this lives.
pub(super) struct Counted(IntGauge);

impl Counted {
    pub(super) fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
