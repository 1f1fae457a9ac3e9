//! What the cache counts: entries, bytes, evictions, purges, fills under way and requests that wait for one.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

use super::purging::Purge;
use crate::telemetry::{self, Reading};

/// The cache's metrics. Cloning shares them.
#[derive(Clone)]
pub(super) struct Metrics {
    /// Fetches that others may share.
    pub(super) fills: IntGauge,
    /// Requests that read from another request's fetch.
    pub(super) waiters: IntGauge,
    pub(super) evictions: IntCounterVec,
    purges: IntCounterVec,
    /// Scopes whose purges are on record.
    pub(super) purge_records: IntGauge,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let fills = IntGauge::new("forebay_cache_fills_inflight", "Fetches under way that other requests may share")?;
        let waiters =
            IntGauge::new("forebay_cache_collapsed_waiters", "Requests that read from another request's fetch")?;
        let evictions = IntCounterVec::new(
            Opts::new("forebay_cache_evictions_total", "Entries that a tier gave up, by reason"),
            &["tier", "reason"],
        )?;
        let purges = IntCounterVec::new(
            Opts::new("forebay_cache_purges_total", "Purges, by scope and mode"),
            &["scope", "mode"],
        )?;
        let purge_records = IntGauge::new("forebay_cache_purge_records", "Scopes whose purges are on record")?;
        telemetry::register(registry, &[&fills, &waiters, &purge_records])?;
        registry.register(Box::new(evictions.clone()))?;
        registry.register(Box::new(purges.clone()))?;
        for scope in ["all", "host", "url", "prefix", "tag", "group"] {
            for mode in ["hard", "soft"] {
                purges.with_label_values(&[scope, mode]);
            }
        }
        for reason in ["size", "expired", "purged"] {
            evictions.with_label_values(&["memory", reason]);
        }
        Ok(Self { fills, waiters, evictions, purges, purge_records })
    }

    pub(super) fn count(&self, purge: &Purge) {
        self.purges.with_label_values(&[purge.scope.word(), purge.mode.word()]).inc();
    }

    /// Gauges that are read from the tier itself when somebody scrapes.
    pub(super) fn watch_memory(
        registry: &Registry,
        entries: impl Fn() -> u64 + Send + Sync + 'static,
        bytes: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<(), prometheus::Error> {
        let tier = &[("tier", "memory")];
        Reading::register(
            registry,
            "forebay_cache_entries",
            "Stored responses; on disk records, of which a large one has many",
            tier,
            entries,
        )?;
        Reading::register(registry, "forebay_cache_bytes", "Bytes held by stored responses", tier, bytes)
    }
}
