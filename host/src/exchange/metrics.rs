//! What is counted of exchanges: requests, their duration, and what the cache did for them.

use http::Method;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use crate::cache::StaleUse;
use crate::telemetry::LATENCY_BUCKETS;

#[derive(Clone)]
pub(super) struct Metrics {
    requests: IntCounterVec,
    durations: HistogramVec,
    cache: IntCounterVec,
    stale: IntCounterVec,
}

/// The labels of one exchange that is over.
pub(super) struct Labels<'a> {
    pub(super) route: &'a str,
    pub(super) method: &'a Method,
    /// A status, or 499 where the client went away before there was one.
    pub(super) code: u16,
    pub(super) cache: &'static str,
    pub(super) tier: &'static str,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new("forebay_http_requests_total", "Requests answered, by status; 499 where the client went first"),
            &["route", "method", "code"],
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "forebay_http_request_duration_seconds",
                "From a request's head to the last byte of its response",
            )
            .buckets(LATENCY_BUCKETS.to_vec()),
            &["route", "cache"],
        )?;
        let cache = IntCounterVec::new(
            Opts::new("forebay_cache_requests_total", "What the cache did for requests, and from which tier"),
            &["route", "status", "tier"],
        )?;
        let stale = IntCounterVec::new(
            Opts::new(
                "forebay_cache_stale_total",
                "Stale responses used, and why: what clients did not see of an origin",
            ),
            &["route", "reason"],
        )?;
        registry.register(Box::new(stale.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        registry.register(Box::new(cache.clone()))?;
        Ok(Self { requests, durations, cache, stale })
    }

    /// Shows a route's counters of stale responses from the start, so that their first rise is one.
    pub(super) fn announce(&self, route: &str) {
        for cause in StaleUse::ALL {
            self.stale.with_label_values(&[route, cause.word()]);
        }
    }

    pub(super) fn used_stale(&self, route: &str, cause: StaleUse) {
        self.stale.with_label_values(&[route, cause.word()]).inc();
    }

    pub(super) fn count(&self, labels: &Labels<'_>, seconds: f64) {
        let digits = [labels.code / 100, labels.code / 10 % 10, labels.code % 10].map(|digit| b'0' + digit as u8);
        let code = std::str::from_utf8(&digits).unwrap_or("000");
        self.requests.with_label_values(&[labels.route, method(labels.method), code]).inc();
        self.durations.with_label_values(&[labels.route, labels.cache]).observe(seconds);
        self.cache.with_label_values(&[labels.route, labels.cache, labels.tier]).inc();
    }
}

/// Methods are the client's choice, so only the known ones become labels.
fn method(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::OPTIONS
        | Method::PATCH
        | Method::TRACE
        | Method::CONNECT => method.as_str(),
        _ => "_OTHER",
    }
}
