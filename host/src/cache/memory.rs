//! The memory tier: entries within a byte budget, the least useful given up first.
//!
//! moka keeps the frequency sketch and the order; this file only says what an entry weighs and what is counted when one
//! goes. Eviction runs shortly after an insert, so the budget may be passed for a moment.

use std::sync::Arc;

use moka::notification::RemovalCause;
use moka::ops::compute::{CompResult, Op};
use prometheus::{IntCounter, Registry};

use super::entry::{Entry, Head};
use super::forms::Forms;
use super::metrics::Metrics;
use super::purging::Validity;
use super::variants::Variants;

pub(super) struct Memory {
    entries: moka::sync::Cache<Arc<str>, Arc<Variants>>,
    purged: IntCounter,
}

impl Memory {
    pub(super) fn new(bytes: u64, metrics: &Metrics, registry: &Registry) -> Result<Self, prometheus::Error> {
        let evictions = metrics.evictions.clone();
        let entries = moka::sync::Cache::builder()
            .name("memory")
            .max_capacity(bytes)
            .weigher(|key: &Arc<str>, variants: &Arc<Variants>| u32::try_from(variants.weight(key)).unwrap_or(u32::MAX))
            .eviction_listener(move |_, _, cause| match cause {
                RemovalCause::Size => evictions.with_label_values(&["memory", "size"]).inc(),
                RemovalCause::Expired => evictions.with_label_values(&["memory", "expired"]).inc(),
                RemovalCause::Explicit | RemovalCause::Replaced => {}
            })
            .build();
        let (counted, weighed) = (entries.clone(), entries.clone());
        let entry_count = move || {
            counted.run_pending_tasks();
            counted.entry_count()
        };
        let bytes = move || {
            weighed.run_pending_tasks();
            weighed.weighted_size()
        };
        Metrics::watch_memory(registry, entry_count, bytes)?;
        Ok(Self { entries, purged: metrics.evictions.with_label_values(&["memory", "purged"]) })
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<Variants>> {
        self.entries.get(key)
    }

    /// Adds one variant in the place of `replaced`; those of other selections stay.
    pub(super) fn insert(&self, key: Arc<str>, entry: Arc<Entry>, replaced: Option<&Arc<Entry>>) {
        self.entries.entry(key).and_upsert_with(|standing| {
            let standing = standing.map(moka::Entry::into_value).unwrap_or_default();
            let kept = replaced.map_or_else(|| standing.clone(), |replaced| Arc::new(standing.without(replaced)));
            Arc::new(kept.with(entry))
        });
    }

    /// Gives up this variant, if it is still there.
    pub(super) fn give_up(&self, key: &Arc<str>, entry: &Arc<Entry>) {
        self.entries.entry(key.clone()).and_compute_with(|standing| {
            let Some(standing) = standing else { return Op::Nop };
            let left = standing.value().without(entry);
            if left.is_empty() { Op::Remove } else { Op::Put(Arc::new(left)) }
        });
    }

    /// Puts a new variant in the place of `old`; `false` where that is not there any more.
    pub(super) fn swap(&self, key: Arc<str>, old: &Arc<Entry>, new: Arc<Entry>) -> bool {
        let result = self.entries.entry(key).and_compute_with(|standing| match standing.map(moka::Entry::into_value) {
            Some(variants) if variants.holds(old) => Op::Put(Arc::new(variants.replacing(old, new))),
            _ => Op::Nop,
        });
        matches!(result, CompResult::ReplacedWith(_))
    }

    /// Puts other variants into the place of those of a key.
    pub(super) fn replace(&self, key: Arc<str>, variants: Variants) {
        self.entries.insert(key, Arc::new(variants));
    }

    /// Weighs a key's variants anew, after the one with these forms has got another. What stands there by now may be
    /// something else, or nothing: that is left as it is.
    pub(super) fn reweigh(&self, key: &Arc<str>, forms: &Arc<Forms>) {
        self.entries.entry(key.clone()).and_compute_with(|standing| match standing.map(moka::Entry::into_value) {
            Some(variants) if variants.hold(forms) => Op::Put(variants),
            _ => Op::Nop,
        });
    }

    /// Gives up every variant of a key.
    pub(super) fn remove(&self, key: &str) {
        self.entries.invalidate(key);
    }

    /// Gives up the variants of a key that were purged, and counts them.
    pub(super) fn sweep(&self, key: &str, keep: impl Fn(&Head, &Validity) -> bool) {
        self.entries.entry(Arc::from(key)).and_compute_with(|standing| {
            let Some(standing) = standing.map(moka::Entry::into_value) else { return Op::Nop };
            let kept = standing.kept(keep);
            self.purged.inc_by((standing.len() - kept.len()) as u64);
            match kept.len() {
                0 => Op::Remove,
                some if some == standing.len() => Op::Nop,
                _ => Op::Put(Arc::new(kept)),
            }
        });
    }

    /// Gives up everything at once; what it takes to free it is done bit by bit.
    pub(super) fn clear(&self) {
        self.entries.run_pending_tasks();
        self.purged.inc_by(self.entries.entry_count());
        self.entries.invalidate_all();
    }
}
