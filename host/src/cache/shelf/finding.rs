//! What is stored for a request: a look in memory, then on disk.

use std::sync::Arc;

use http::header::HeaderMap;

use super::Shelf;
use crate::cache::ask::Ask;
use crate::cache::entry::Entry;
use crate::cache::found::{Found, Purged};
use crate::cache::key::Key;
use crate::cache::parts::Parts;
use crate::cache::tier::Recall;
use crate::cache::tiers::Below;
use crate::clock::Timestamp;
use crate::semantics::{Forwarded, Reuse, reuse};

impl Shelf {
    /// The entry that a request selects, and what may be done with it.
    pub(in crate::cache) fn find(&self, key: &Key, ask: &Ask<'_>, now: Timestamp) -> Found {
        let (found, purged) = self.look(key, ask, now);
        if purged == Purged::Some {
            self.tiers.sweep(key.as_str(), |head, validity| self.holds(key.as_str(), (head, validity)));
        }
        match &found {
            Found::Entry(entry, Reuse::Fresh) if self.tiers.promotes(entry) => {
                let _board = self.lock_board();
                self.tiers.promote(&key.shared(), entry);
            }
            Found::Entry(entry, _) if entry.is_offered_again() => {
                let _board = self.lock_board();
                self.tiers.offer_again(&key.shared(), entry);
            }
            _ => {}
        }
        found
    }

    /// The same, leaving everything in its place; and whether something purged lay in the way.
    pub(in crate::cache) fn look(&self, key: &Key, ask: &Ask<'_>, now: Timestamp) -> (Found, Purged) {
        match self.look_in_memory(key, ask, now) {
            (Found::Nothing(forwarded), purged) => {
                (self.look_on_disk(key, ask, now).unwrap_or(Found::Nothing(forwarded)), purged)
            }
            found => found,
        }
    }

    fn look_on_disk(&self, key: &Key, ask: &Ask<'_>, now: Timestamp) -> Option<Found> {
        match self.tiers.below(key, ask.headers, ask.recall) {
            Below::Nothing => None,
            Below::Cold => Some(Found::Cold),
            Below::Here(entry) => self.holds(key.as_str(), (&entry.head, &entry.validity)).then(|| {
                let use_of_it = reuse(&entry.terms(), entry.head.age(now), &ask.wishes);
                Found::Entry(entry, use_of_it)
            }),
        }
    }

    fn look_in_memory(&self, key: &Key, ask: &Ask<'_>, now: Timestamp) -> (Found, Purged) {
        let Some(variants) = self.tiers.get(key.as_str()) else {
            return (Found::Nothing(Forwarded::UriMiss), Purged::None);
        };
        let (mut purged, mut lost) = (Purged::None, false);
        for entry in variants.select(ask.headers, key.query()) {
            if self.holds(key.as_str(), (&entry.head, &entry.validity)) {
                if !entry.content.is_present_for(ask.headers, &entry.head.headers) {
                    lost = true;
                    continue;
                }
                let use_of_it = reuse(&entry.terms(), entry.head.age(now), &ask.wishes);
                return (Found::Entry(entry.clone(), use_of_it), purged);
            }
            purged = Purged::Some;
        }
        for parts in variants.select_parts(ask.headers, key.query()) {
            if self.holds(key.as_str(), (&parts.head, &parts.validity)) {
                let found = match reuse(&parts.terms(), parts.head.age(now), &ask.wishes) {
                    Reuse::Fresh | Reuse::Stale => Found::Parts(parts.clone()),
                    // What brings the next part confirms these too.
                    Reuse::StaleWhileRevalidate => Found::Nothing(Forwarded::Stale),
                    Reuse::Validate(forwarded) => Found::Nothing(forwarded),
                };
                return (found, purged);
            }
            purged = Purged::Some;
        }
        // What is purged is not there (RFC 9211 section 2.2), whether this request would have selected it or not.
        let stands = variants.any(|head, validity| self.holds(key.as_str(), (head, validity)));
        let why = if stands && !lost { Forwarded::VaryMiss } else { Forwarded::UriMiss };
        (Found::Nothing(why), purged)
    }

    /// Everything stored under a key, purged or not, newest first: whole, and in parts. Of disk, only what the request
    /// selects.
    pub(in crate::cache) fn variants(&self, key: &Key, ask: &Ask<'_>) -> (Vec<Arc<Entry>>, Vec<Arc<Parts>>) {
        let all = self.tiers.get(key.as_str()).unwrap_or_default();
        let (mut whole, parts): (Vec<_>, _) = (all.iter().cloned().collect(), all.parts().cloned().collect());
        if let Below::Here(entry) = self.tiers.below(key, ask.headers, ask.recall)
            && whole.iter().all(|other: &Arc<Entry>| other.head.selection != entry.head.selection)
        {
            whole.push(entry);
        }
        (whole, parts)
    }

    /// The entry that a request selects, whatever may be done with it.
    pub(in crate::cache) fn stored(&self, key: &Key, request: &HeaderMap, recall: &Recall) -> Option<Arc<Entry>> {
        let holds = |entry: &&Arc<Entry>| self.holds(key.as_str(), (&entry.head, &entry.validity));
        let variants = self.tiers.get(key.as_str()).unwrap_or_default();
        let in_memory = variants.select(request, key.query()).find(holds).cloned();
        in_memory.or_else(|| match self.tiers.below(key, request, recall) {
            Below::Here(entry) => Some(entry).filter(|entry| holds(&entry)),
            Below::Nothing | Below::Cold => None,
        })
    }

    /// What disk has for a request, once it has brought it.
    pub(in crate::cache) async fn recall(&self, key: &Key, request: &HeaderMap) -> Recall {
        self.tiers.recall(key, request).await
    }
}
