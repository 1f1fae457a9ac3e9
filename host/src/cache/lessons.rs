//! What origins said of the queries under their paths: which are equivalent (`No-Vary-Search`).
//!
//! Learned from responses as they are stored, one rule per path and parts of the key; the newest counts. Each lesson has a
//! number of its own, and that is in the keys it makes. So where a rule changes, or is forgotten for want of room, what was
//! stored under the old one is not found any more, and never found wrongly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::key::Key;
use super::variance::Variance;
use crate::semantics::NoVarySearch;

/// Paths whose rule is remembered, at most. One costs about 500 bytes.
const PATHS_MAX: u64 = 50_000;

pub(super) struct Lessons {
    rules: moka::sync::Cache<String, Arc<Variance>>,
    /// How many there were. A node that never saw the field looks no further.
    count: AtomicU64,
}

impl Lessons {
    pub(super) fn new() -> Self {
        Self { rules: moka::sync::Cache::new(PATHS_MAX), count: AtomicU64::new(0) }
    }

    /// The rule for a key's path, if there is one.
    pub(super) fn of(&self, key: &Key) -> Option<Arc<Variance>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.rules.get(&subject(key))
    }

    /// Remembers what a response under this key said. A rule that is known already stays the lesson it was.
    pub(super) fn learn(&self, key: &Key, rule: NoVarySearch) -> Arc<Variance> {
        let entry = self.rules.entry(subject(key)).and_upsert_with(|known| match known {
            Some(known) if known.value().rule == rule => known.into_value(),
            _ => Arc::new(Variance { rule, number: self.count.fetch_add(1, Ordering::Release) + 1 }),
        });
        entry.into_value()
    }
}

/// What a rule is about: the path, and the parts of the key that the client's request or a filter chose.
fn subject(key: &Key) -> String {
    [key.path(), key.parts()].concat()
}
