//! Everything there is to say of one key, without touching it: what an explanation is made of.
//!
//! Nobody's turn is taken and nothing is removed; that the tier sees one more read is all that remains of it.

use std::sync::Arc;

use super::ask::Ask;
use super::entry::{Entry, Head};
use super::found::Found;
use super::key::Key;
use super::parts::Parts;
use super::pass_reason::PassReason;
use super::prospect::Prospect;
use super::purging::{Concern, Subject, Validity};
use super::shelf::{Shelf, subject};
use crate::clock::Timestamp;
use crate::semantics::{Refusal, Reuse, Tags};

/// What a request would meet under a key.
#[derive(Debug)]
pub struct Inspection {
    pub prospect: Prospect,
    /// Why the request would fetch for itself, where it would and the reason lies in the cache.
    pub passes: Option<PassReason>,
    /// A fetch is under way that the request would join.
    pub joins: bool,
    /// The seconds of freshness left of what a HEAD is answered with as it is, where there is such a thing.
    pub head_ttl: Option<i64>,
    /// Whole responses, newest first.
    pub variants: Vec<Variant<Entry>>,
    /// Responses of which parts are here, newest first.
    pub parts: Vec<Variant<Parts>>,
    /// Why the last answer for the key, or the range of it, could not be stored, where requests still pass side by side for it.
    pub uncacheable: Option<Refusal>,
    /// Purges on record that concern whatever is stored under the key, by its URL.
    pub purges: Vec<Concern>,
}

/// One stored response.
#[derive(Debug)]
pub struct Variant<T> {
    pub stored: Arc<T>,
    /// A purge has made it useless; the next lookup removes it.
    pub purged: bool,
    /// Purges on record that concern it by its tags and groups.
    pub purges: Vec<Concern>,
}

impl Inspection {
    pub(super) fn of(shelf: &Shelf, key: &Key, ask: &Ask<'_>, now: Timestamp) -> Self {
        let found = shelf.look(key, ask, now).0;
        let head_ttl = match &found {
            Found::Entry(entry, Reuse::Fresh | Reuse::Stale) => Some(entry.ttl(now)),
            Found::Parts(parts) => Some(parts.ttl(now)),
            Found::Entry(..) | Found::Nothing(_) | Found::Cold => None,
        };
        let prospect = Prospect::of(found, ask, (now, shelf.object_bytes_max));
        let (mut passes, mut joins, mut spec) = (None, false, None);
        if let Prospect::Fetch(errand) = &prospect {
            passes = errand.passes(shelf, key, ask, now);
            let may_join = passes.is_none() && !errand.is_own(ask);
            joins = may_join && shelf.fetching(key, &errand.boarder(ask, shelf.epochs.latest()));
            spec = errand.want.spec();
        }
        let by_url = shelf.epochs.concerns(Subject { key: key.as_str(), tags: Some(&Tags::default()) });
        let (variants, parts) = shelf.variants(key, ask);
        let standing = |head: &Head, validity: &Validity| standing(shelf, key, (head, validity), &by_url);
        let whole = |stored: Arc<Entry>| {
            let (purged, purges) = standing(&stored.head, &stored.validity);
            Variant { stored, purged, purges }
        };
        let part = |stored: Arc<Parts>| {
            let (purged, purges) = standing(&stored.head, &stored.validity);
            Variant { stored, purged, purges }
        };
        Self {
            prospect,
            passes,
            joins,
            head_ttl,
            variants: variants.into_iter().map(whole).collect(),
            parts: parts.into_iter().map(part).collect(),
            uncacheable: shelf.uncacheable(key, spec, now),
            purges: by_url,
        }
    }
}

/// Is what is stored with this head purged, and which purges on record beside those of its URL concern it?
fn standing(
    shelf: &Shelf,
    key: &Key,
    (head, validity): (&Head, &Validity),
    by_url: &[Concern],
) -> (bool, Vec<Concern>) {
    let mut by_tags = shelf.epochs.concerns(subject(key.as_str(), head));
    by_tags.retain(|concern| !by_url.contains(concern));
    (!shelf.holds(key.as_str(), (head, validity)), by_tags)
}
