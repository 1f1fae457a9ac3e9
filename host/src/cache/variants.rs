//! All stored responses under one key: one per combination of the request fields that the origin named in `Vary`.
//!
//! Never changed, only replaced by a copy with one more or one less, so a hit reads without a lock. Newest first, because
//! the newest one that matches is the one to use (RFC 9111 section 4.1).

use std::sync::Arc;

use http::HeaderMap;

use super::entry::Entry;

/// Variants of one key, at most; the oldest makes room. Without a bound, `Vary: User-Agent` would fill the tier.
const VARIANTS_MAX: usize = 16;

#[derive(Debug, Default, Clone)]
pub(super) struct Variants(Vec<Arc<Entry>>);

impl Variants {
    /// The variants that a request with these fields selects, newest first.
    pub(super) fn select(&self, request: &HeaderMap) -> impl Iterator<Item = &Arc<Entry>> {
        self.0.iter().filter(|entry| entry.head.selection.matches(request))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.0.iter()
    }

    /// Those that are worth keeping.
    pub(super) fn kept(&self, keep: impl Fn(&Entry) -> bool) -> Self {
        Self(self.0.iter().filter(|entry| keep(entry)).cloned().collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// These and one more, which takes the place of one with the same selection; but what was looked for before a purge
    /// does not take the place of what was looked for after it.
    pub(super) fn with(&self, entry: Arc<Entry>) -> Self {
        let standing = self.0.iter().find(|other| other.head.selection == entry.head.selection);
        if standing.is_some_and(|other| other.validity.epoch() > entry.validity.epoch()) {
            return self.clone();
        }
        let others = self.0.iter().filter(|other| other.head.selection != entry.head.selection);
        let others: Vec<_> = others.take(VARIANTS_MAX - 1).cloned().collect();
        Self(std::iter::once(entry).chain(others).collect())
    }

    pub(super) fn weight(&self, key: &str) -> u64 {
        self.0.iter().map(|entry| entry.weight(key)).sum()
    }
}
