//! All stored responses under one key: one per combination of the request fields that the origin named in `Vary`.
//!
//! Never changed, only replaced by a copy with one more or one less, so a hit reads without a lock. Newest first, because
//! the newest one that matches is the one to use (RFC 9111 section 4.1).

use std::sync::Arc;

use http::HeaderMap;

use super::entry::{Entry, Head};
use super::forms::Forms;
use super::parts::Parts;
use super::purging::Validity;

/// Variants of one key, at most; the oldest makes room. Without a bound, `Vary: User-Agent` would fill the tier.
const VARIANTS_MAX: usize = 16;

#[derive(Debug, Default, Clone)]
pub(super) struct Variants {
    whole: Vec<Arc<Entry>>,
    /// Of selections of which the whole is not here.
    parts: Vec<Arc<Parts>>,
}

impl Variants {
    /// The variants that a request with these fields selects, newest first; those selected by the very same values before
    /// those that only mean the same. `query` is the request's, where the key is one for several.
    pub(super) fn select(&self, request: &HeaderMap, query: Option<&str>) -> impl Iterator<Item = &Arc<Entry>> {
        let same = self.whole.iter().filter(move |entry| entry.head.selection.is_by(request, query));
        same.chain(self.whole.iter().filter(move |entry| entry.head.selection.matches(request, query)))
    }

    /// Parts that a request with these fields selects, newest first.
    pub(super) fn select_parts(&self, request: &HeaderMap, query: Option<&str>) -> impl Iterator<Item = &Arc<Parts>> {
        let same = self.parts.iter().filter(move |parts| parts.head.selection.is_by(request, query));
        same.chain(self.parts.iter().filter(move |parts| parts.head.selection.matches(request, query)))
    }

    /// The whole ones.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.whole.iter()
    }

    /// The others.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Arc<Parts>> {
        self.parts.iter()
    }

    /// Those that are worth keeping.
    pub(super) fn kept(&self, keep: impl Fn(&Head, &Validity) -> bool) -> Self {
        let whole = self.whole.iter().filter(|entry| keep(&entry.head, &entry.validity)).cloned().collect();
        let parts = self.parts.iter().filter(|parts| keep(&parts.head, &parts.validity)).cloned().collect();
        Self { whole, parts }
    }

    /// Is there one of which this is true?
    pub(super) fn any(&self, is: impl Fn(&Head, &Validity) -> bool) -> bool {
        self.whole.iter().any(|entry| is(&entry.head, &entry.validity))
            || self.parts.iter().any(|parts| is(&parts.head, &parts.validity))
    }

    pub(super) fn len(&self) -> usize {
        self.whole.len() + self.parts.len()
    }

    /// These and one more, which takes the place of one with the same selection; but what was looked for before a purge
    /// does not take the place of what was looked for after it.
    pub(super) fn with(&self, entry: Arc<Entry>) -> Self {
        if self.outlives(&entry) {
            return self.clone();
        }
        let selection = &entry.head.selection;
        let parts = self.parts.iter().filter(|other| other.head.selection != *selection).cloned().collect();
        let others = self.whole.iter().filter(|other| other.head.selection != *selection);
        let others: Vec<_> = others.take(VARIANTS_MAX - 1).cloned().collect();
        Self { whole: std::iter::once(entry).chain(others).collect(), parts }
    }

    /// Was what stands here in the place of an entry looked for after a purge, and that before?
    pub(super) fn outlives(&self, entry: &Entry) -> bool {
        let standing = self.whole.iter().find(|other| other.head.selection == entry.head.selection);
        standing.is_some_and(|other| other.validity.epoch() > entry.validity.epoch())
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

    /// All but these parts.
    pub(super) fn without_parts(&self, parts: &Arc<Parts>) -> Self {
        let others = self.parts.iter().filter(|other| !Arc::ptr_eq(other, parts)).cloned().collect();
        Self { whole: self.whole.clone(), parts: others }
    }

    /// All but this one.
    pub(super) fn without(&self, entry: &Arc<Entry>) -> Self {
        let whole = self.whole.iter().filter(|other| !other.is(entry)).cloned().collect();
        Self { whole, parts: self.parts.clone() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Is this very entry among them, or what was taken of it?
    pub(super) fn holds(&self, entry: &Arc<Entry>) -> bool {
        self.whole.iter().any(|own| own.is(entry))
    }

    /// These, with `new` in the place of `old` and in its order.
    pub(super) fn replacing(&self, old: &Arc<Entry>, new: Arc<Entry>) -> Self {
        let replaced = |own: &Arc<Entry>| if own.is(old) { new.clone() } else { own.clone() };
        Self { whole: self.whole.iter().map(replaced).collect(), parts: self.parts.clone() }
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
