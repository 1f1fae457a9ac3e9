//! All stored responses under one key: one per combination of the request fields that the origin named in `Vary`.
//!
//! Never changed, only replaced by a copy with one more or one less, so a hit reads without a lock. Newest first, because
//! the newest one that matches is the one to use (RFC 9111 section 4.1).

use std::sync::Arc;

use http::HeaderMap;

use super::entry::Entry;
use super::forms::Forms;
use super::parts::Parts;

/// Variants of one key, at most; the oldest makes room. Without a bound, `Vary: User-Agent` would fill the tier.
const VARIANTS_MAX: usize = 16;

#[derive(Debug, Default, Clone)]
pub(super) struct Variants {
    whole: Vec<Arc<Entry>>,
    /// Of selections of which the whole is not here.
    parts: Vec<Arc<Parts>>,
}

impl Variants {
    /// The newest variant that a request with these fields selects; one selected by the very same values before one that
    /// only means the same. `query` is the request's, where the key is one for several.
    pub(super) fn select(&self, request: &HeaderMap, query: Option<&str>) -> Option<&Arc<Entry>> {
        let same = self.whole.iter().find(|entry| entry.head.selection.is_by(request, query));
        same.or_else(|| self.whole.iter().find(|entry| entry.head.selection.matches(request, query)))
    }

    /// The newest parts that a request with these fields selects.
    pub(super) fn select_parts(&self, request: &HeaderMap, query: Option<&str>) -> Option<&Arc<Parts>> {
        let same = self.parts.iter().find(|parts| parts.head.selection.is_by(request, query));
        same.or_else(|| self.parts.iter().find(|parts| parts.head.selection.matches(request, query)))
    }

    /// These and one more, which takes the place of what has the same selection.
    pub(super) fn with(&self, entry: Arc<Entry>) -> Self {
        let selection = &entry.head.selection;
        let parts = self.parts.iter().filter(|other| other.head.selection != *selection).cloned().collect();
        let others = self.whole.iter().filter(|other| other.head.selection != *selection);
        let others: Vec<_> = others.take(VARIANTS_MAX - 1).cloned().collect();
        Self { whole: std::iter::once(entry).chain(others).collect(), parts }
    }

    /// These and one more part, joined to those of the same selection; `None` where the whole is here. Where no byte is
    /// missing any more, the parts become the whole.
    pub(super) fn with_part(&self, part: &Parts, bytes_max: u64) -> Option<Self> {
        let selection = &part.head.selection;
        if self.whole.iter().any(|entry| entry.head.selection == *selection) {
            return None;
        }
        let standing = self.parts.iter().find(|parts| parts.head.selection == *selection);
        let joined = standing.map_or_else(|| part.clone(), |standing| standing.with(part, bytes_max));
        if let Some(whole) = joined.whole() {
            return Some(self.with(Arc::new(whole)));
        }
        let others = self.parts.iter().filter(|other| other.head.selection != *selection);
        let others: Vec<_> = others.take(VARIANTS_MAX - 1).cloned().collect();
        Some(Self { whole: self.whole.clone(), parts: std::iter::once(Arc::new(joined)).chain(others).collect() })
    }

    /// These without some parts.
    pub(super) fn without(&self, parts: &Arc<Parts>) -> Self {
        let others = self.parts.iter().filter(|other| !Arc::ptr_eq(other, parts)).cloned().collect();
        Self { whole: self.whole.clone(), parts: others }
    }

    /// Is the body that these forms were made of among them?
    pub(super) fn hold(&self, forms: &Arc<Forms>) -> bool {
        self.whole.iter().any(|entry| entry.head.forms.as_ref().is_some_and(|own| Arc::ptr_eq(own, forms)))
    }

    pub(super) fn weight(&self, key: &str) -> u64 {
        let whole: u64 = self.whole.iter().map(|entry| entry.weight(key)).sum();
        whole + self.parts.iter().map(|parts| parts.weight(key)).sum::<u64>()
    }
}
