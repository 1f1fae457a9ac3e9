//! The question that the exchange asks of the cache.
//!
//! `Cache::lookup` tells a hit from a miss, and of a miss who fetches: the first becomes the lead, the others follow it.
//! A key whose last answer could not be stored is remembered for a while, and its requests pass side by side.

use std::ops::Range;
use std::sync::Arc;

use http::HeaderMap;
use prometheus::Registry;

use super::ask::{Ask, StaleUse};
use super::board::{Boarder, Boarding};
use super::disk::Ticket;
use super::entry::{Entry, Head};
use super::follow::Follower;
use super::forms::{Claim, Form};
use super::found::Found;
use super::inspection::Inspection;
use super::key::Key;
use super::key_rules::KeyShape;
use super::lead::Lead;
use super::parts::Parts;
use super::pass_reason::PassReason;
use super::prospect::{Errand, Prospect};
use super::purging::Purge;
use super::shelf::Shelf;
use super::tier::Recall;
use super::want::Want;
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::semantics::{Forwarded, RangeSpec, RequestHead, Reuse};

/// What the cache has to say to a request.
pub enum Lookup {
    /// A fresh stored response.
    Hit(Arc<Entry>),
    /// Fresh parts, and the bytes of them that answer; none where the request asks for none that exists.
    Part(Arc<Parts>, Range<u64>),
    /// A stale one that may be used at once.
    Stale(Stale),
    /// Nothing to use as it is.
    Miss(Miss),
    /// Fetch alone, wait for nobody.
    Pass(PassReason),
}

/// A stale response to answer with, and with the lead the duty to fetch the next one: where nobody does yet and the origin
/// may be asked.
pub struct Stale {
    pub entry: Arc<Entry>,
    pub cause: StaleUse,
    pub refresh: Option<Lead>,
}

/// Nothing to use as it is: why, what there is to validate, and whose turn it is.
pub struct Miss {
    pub forwarded: Forwarded,
    pub stale: Option<Arc<Entry>>,
    pub want: Want,
    pub turn: Turn,
}

/// Who fetches.
pub enum Turn {
    Lead(Lead),
    Follow(Follower),
}

/// Memory has nothing to use, and the disk must be waited for: `Cache::recall`, and then look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cold;

/// The cache of a node. Cloning shares it.
#[derive(Clone)]
pub struct Cache {
    shelf: Arc<Shelf>,
}

impl Cache {
    pub fn new(config: &config::Cache, clock: Clock, registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self { shelf: Arc::new(Shelf::new(config, clock, registry)?) })
    }

    /// The largest body that would be stored whole.
    pub fn body_bytes_max(&self) -> u64 {
        self.shelf.body_bytes_max()
    }

    /// The largest body that would be stored in memory.
    pub fn object_bytes_max(&self) -> u64 {
        self.shelf.object_bytes_max
    }

    /// The key of a request, with what origins said of its query, and as of the last change of what it names.
    pub fn key(&self, request: &RequestHead, shape: &KeyShape<'_>) -> Key {
        let key = Key::of(request, shape);
        let key = match self.shelf.lessons.of(&key) {
            Some(variance) => key.merged_by(&variance),
            None => key,
        };
        self.shelf.up_to_date(key)
    }

    /// An entry that answers a request, or whose turn it is to fetch one. Never cold where `ask` says what the disk had.
    pub fn lookup(&self, key: &Key, ask: &Ask<'_>, now: Timestamp) -> Result<Lookup, Cold> {
        // Before anything is read: what a purge from now on concerns must not come of this lookup.
        let began = self.shelf.epochs.latest();
        let at = (now, began);
        let found = self.shelf.find(key, ask, now);
        if let Found::Cold = found {
            return Err(Cold);
        }
        let errand = match self.prospect(found, ask, now) {
            Prospect::Hit(entry) => return Ok(Lookup::Hit(entry)),
            Prospect::Part(parts, range) => return Ok(Lookup::Part(parts, range)),
            Prospect::Stale(entry, cause) => return Ok(self.stale(key, ask, at, (entry, cause))),
            Prospect::Fetch(errand) => errand,
        };
        Ok(self.errand(key, ask, at, errand))
    }

    /// Who makes a fetch that is needed.
    fn errand(&self, key: &Key, ask: &Ask<'_>, (now, began): (Timestamp, u64), errand: Errand) -> Lookup {
        if let Some(reason) = errand.passes(&self.shelf, key, ask, now) {
            return Lookup::Pass(reason);
        }
        let own = errand.is_own(ask);
        let turn = if own {
            Turn::Lead(Lead::alone(key, self.shelf.clone(), began))
        } else {
            self.turn(key, &errand.boarder(ask, began))
        };
        let Errand { forwarded, stale, want } = errand;
        let lead = match turn {
            Turn::Lead(lead) if !own => lead,
            turn => return Lookup::Miss(Miss { forwarded, stale, want, turn }),
        };
        // A fetch may have ended between the look and the turn.
        match self.settled(key, ask, now) {
            Some(settled) => {
                lead.withdraw();
                settled
            }
            None => Lookup::Miss(Miss { forwarded, stale, want, turn: Turn::Lead(lead) }),
        }
    }

    /// What the disk tier has for a request, once it has brought it.
    pub async fn recall(&self, key: &Key, request: &HeaderMap) -> Recall {
        self.shelf.recall(key, request).await
    }

    fn prospect(&self, found: Found, ask: &Ask<'_>, now: Timestamp) -> Prospect {
        Prospect::of(found, ask, (now, self.shelf.object_bytes_max))
    }

    /// What is fresh and answers the request.
    fn settled(&self, key: &Key, ask: &Ask<'_>, now: Timestamp) -> Option<Lookup> {
        let found = match self.shelf.find(key, ask, now) {
            found @ (Found::Entry(_, Reuse::Fresh) | Found::Parts(_)) => found,
            _ => return None,
        };
        match self.prospect(found, ask, now) {
            Prospect::Hit(entry) => Some(Lookup::Hit(entry)),
            Prospect::Part(parts, range) => Some(Lookup::Part(parts, range)),
            Prospect::Stale(..) | Prospect::Fetch(_) => None,
        }
    }

    /// A stale response that is used, and who fetches the next one.
    fn stale(
        &self,
        key: &Key,
        ask: &Ask<'_>,
        (now, began): (Timestamp, u64),
        (entry, cause): (Arc<Entry>, StaleUse),
    ) -> Lookup {
        let waits = Stale { entry, cause, refresh: None };
        // Nobody asks an origin that is left alone.
        if cause == StaleUse::BackOff || self.shelf.busy() {
            return Lookup::Stale(waits);
        }
        let known = Some(&waits.entry.head.selection);
        let Turn::Lead(lead) = self.turn(key, &Boarder { request: ask.headers, known, spec: None, began }) else {
            return Lookup::Stale(waits);
        };
        // The fetch before may have ended between the look and the turn, and must not be made again.
        match self.shelf.find(key, ask, now) {
            Found::Entry(entry, Reuse::Fresh) => {
                lead.withdraw();
                Lookup::Hit(entry)
            }
            _ => Lookup::Stale(Stale { refresh: Some(lead), ..waits }),
        }
    }

    #[cfg(test)]
    pub(super) fn shared_shelf(&self) -> Arc<Shelf> {
        self.shelf.clone()
    }

    /// Joins the fetch under way for this key, or for this range of it, or takes the lead.
    fn turn(&self, key: &Key, who: &Boarder<'_>) -> Turn {
        match self.shelf.board(key, who) {
            Boarding::Joined(flight, seat) => {
                let waiting = Some(self.shelf.metrics.waiters.clone());
                Turn::Follow(Follower::seated(flight, seat, waiting))
            }
            Boarding::First(shared, flight) => Turn::Lead(Lead::new((key, shared), flight, self.shelf.clone())),
        }
    }

    /// An entry that answers as it is; nobody's turn is taken. Never cold where `ask` says what the disk had.
    pub fn peek(&self, key: &Key, ask: &Ask<'_>, now: Timestamp) -> Result<Option<Arc<Entry>>, Cold> {
        match self.shelf.find(key, ask, now) {
            Found::Entry(entry, Reuse::Fresh | Reuse::Stale) => Ok(Some(entry)),
            Found::Cold => Err(Cold),
            _ => Ok(None),
        }
    }

    /// Parts that may be used as they are; nobody's turn is taken.
    pub fn peek_parts(&self, key: &Key, ask: &Ask<'_>, now: Timestamp) -> Option<Arc<Parts>> {
        match self.shelf.find(key, ask, now) {
            Found::Parts(parts) => Some(parts),
            _ => None,
        }
    }

    /// What a request would meet under this key; nothing is changed by asking.
    pub fn inspect(&self, key: &Key, ask: &Ask<'_>, now: Timestamp) -> Inspection {
        Inspection::of(&self.shelf, key, ask, now)
    }

    /// The entry that a request with these fields selects, usable or not.
    pub fn stored(&self, key: &Key, request: &HeaderMap, recall: &Recall) -> Option<Arc<Entry>> {
        self.shelf.stored(key, request, recall)
    }

    /// Gives an entry another head, unless it has been replaced, purged or given up since it was looked at. `began` is the
    /// last purge that was in force when the origin was asked for it.
    pub fn replace_head(&self, key: &Key, entry: &Arc<Entry>, (head, began): (Head, u64)) {
        self.shelf.replace_head(key, entry, (head, began));
    }

    /// Everything stored for the URL of this key is given up, whatever its other parts, and what is being fetched for it
    /// is not stored. Equivalent queries are given up with it.
    pub fn invalidate(&self, key: &Key) {
        self.shelf.invalidate(key);
    }

    /// What a purge concerns is not used any more, on any worker, once this returns; what is being fetched is not used for
    /// requests that come later. The purge's number.
    pub fn purge(&self, purge: &Purge) -> u64 {
        self.shelf.purge(purge)
    }

    /// The same, and the ticket that says when it will hold after a restart too.
    pub fn purge_durably(&self, purge: &Purge) -> (u64, Ticket) {
        self.shelf.purge_durably(purge)
    }

    /// The number of the last purge in force.
    pub fn epoch(&self) -> u64 {
        self.shelf.epochs.latest()
    }

    /// Keeps a coded form with the body it was made of. Where that body is no longer stored, nobody will see it.
    pub fn keep(&self, claim: Claim, form: Form) {
        self.shelf.reweigh(&claim.settle(form));
    }

    /// The key's answers, or those to this range of it, can be stored after all.
    pub fn forget_uncacheable(&self, key: &Key, spec: Option<RangeSpec>) {
        self.shelf.forget_uncacheable(key, spec);
    }
}

#[cfg(test)]
pub(super) mod tests;
