//! Everything there is to say of one key, without touching it: what an explanation is made of.
//!
//! Nobody's turn is taken and nothing is removed; that the tier sees one more read is all that remains of it.

use std::sync::Arc;

use super::ask::Ask;
use super::entry::Entry;
use super::epochs::{Concern, Subject};
use super::key::Key;
use super::parts::Parts;
use super::shelf::{Found, Shelf, subject};
use super::want::Want;
use crate::clock::Timestamp;
use crate::semantics::{Forwarded, Refusal, Reuse, Tags};

/// What a request would meet under a key.
#[derive(Debug)]
pub struct Inspection {
    /// The entry that the request selects and what may be done with it, or why there is none.
    pub found: Result<(Arc<Entry>, Reuse), Forwarded>,
    /// Stored parts that the request selects, where there is no whole.
    pub parts: Option<Arc<Parts>>,
    /// They answer the request without the origin.
    pub covered: bool,
    /// Newest first.
    pub variants: Vec<Variant>,
    /// A fetch is under way that the request could join.
    pub fetching: bool,
    /// Why the key's last answer could not be stored, where requests still pass side by side for it.
    pub uncacheable: Option<Refusal>,
    /// Purges on record that concern whatever is stored under the key, by its URL.
    pub purges: Vec<Concern>,
}

/// One stored response.
#[derive(Debug)]
pub struct Variant {
    pub entry: Arc<Entry>,
    /// A purge has made it useless; the next lookup removes it.
    pub purged: bool,
    /// Purges on record that concern it by its tags and groups.
    pub purges: Vec<Concern>,
}

impl Inspection {
    pub(super) fn of(shelf: &Shelf, key: &Key, ask: &Ask<'_>, now: Timestamp) -> Self {
        let (found, parts) = match shelf.look(key, ask, now).0 {
            Found::Entry(entry, reuse) => (Ok((entry, reuse)), None),
            Found::Parts(parts) => (Err(Forwarded::Partial), Some(parts)),
            Found::Nothing(forwarded) => (Err(forwarded), None),
        };
        let covers = |parts| Want::beyond(parts, ask.headers, shelf.object_bytes_max).is_ok();
        let purges = shelf.epochs.concerns(Subject { key: key.as_str(), tags: Some(&Tags::default()) });
        let variant = |entry: Arc<Entry>| {
            let mut by_tags = shelf.epochs.concerns(subject(key.as_str(), &entry.head));
            by_tags.retain(|concern| !purges.contains(concern));
            Variant { purged: !shelf.holds(key.as_str(), (&entry.head, &entry.validity)), purges: by_tags, entry }
        };
        Self {
            found,
            covered: parts.as_ref().is_some_and(covers),
            parts,
            variants: shelf.variants(key).into_iter().map(variant).collect(),
            fetching: shelf.fetching(key),
            uncacheable: shelf.uncacheable(key, None, now),
            purges,
        }
    }
}
