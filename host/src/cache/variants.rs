//! All stored responses under one key: one per combination of the request fields that the origin named in `Vary`.
//!
//! Never changed, only replaced by a copy with one more or one less, so a hit reads without a lock. Newest first, because
//! the newest one that matches is the one to use (RFC 9111 section 4.1).

use std::sync::Arc;

use http::HeaderMap;

use super::entry::Entry;
use super::forms::Forms;

/// Variants of one key, at most; the oldest makes room. Without a bound, `Vary: User-Agent` would fill the tier.
const VARIANTS_MAX: usize = 16;

#[derive(Debug, Default, Clone)]
pub(super) struct Variants(Vec<Arc<Entry>>);

impl Variants {
    /// The variants that a request with these fields selects, newest first; those selected by the very same values before
    /// those that only mean the same. `query` is the request's, where the key is one for several.
    pub(super) fn select(&self, request: &HeaderMap, query: Option<&str>) -> impl Iterator<Item = &Arc<Entry>> {
        let same = self.0.iter().filter(move |entry| entry.head.selection.is_by(request, query));
        same.chain(self.0.iter().filter(move |entry| entry.head.selection.matches(request, query)))
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

    /// All but this one.
    pub(super) fn without(&self, entry: &Arc<Entry>) -> Self {
        Self(self.0.iter().filter(|other| !Arc::ptr_eq(other, entry)).cloned().collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Is this very entry among them?
    pub(super) fn holds(&self, entry: &Arc<Entry>) -> bool {
        self.0.iter().any(|own| Arc::ptr_eq(own, entry))
    }

    /// These, with `new` in the place of `old` and in its order.
    pub(super) fn replacing(&self, old: &Arc<Entry>, new: Arc<Entry>) -> Self {
        Self(self.0.iter().map(|own| if Arc::ptr_eq(own, old) { new.clone() } else { own.clone() }).collect())
    }

    /// Is the body that these forms were made of among them?
    pub(super) fn hold(&self, forms: &Arc<Forms>) -> bool {
        self.0.iter().any(|entry| entry.head.forms.as_ref().is_some_and(|own| Arc::ptr_eq(own, forms)))
    }

    pub(super) fn weight(&self, key: &str) -> u64 {
        self.0.iter().map(|entry| entry.weight(key)).sum()
    }
}
