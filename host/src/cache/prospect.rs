//! What a look at the stored responses comes to, before it is anybody's turn.
//!
//! Lookups act on it and explanations tell it, so that both say the same.

use std::ops::Range;
use std::sync::Arc;

use http::header;

use super::ask::{Ask, StaleUse, Standing};
use super::board::Boarder;
use super::entry::Entry;
use super::found::Found;
use super::key::Key;
use super::parts::Parts;
use super::pass_reason::PassReason;
use super::shelf::Shelf;
use super::want::Want;
use crate::clock::Timestamp;
use crate::semantics::{Forwarded, Reuse, usable_on_error};

/// What there is for a request.
#[derive(Debug)]
pub enum Prospect {
    /// A stored response that answers as it is.
    Hit(Arc<Entry>),
    /// Stored parts, and the bytes of them that answer; none where the request asks for none that exists.
    Part(Arc<Parts>, Range<u64>),
    /// A stale response that may be used at once.
    Stale(Arc<Entry>, StaleUse),
    /// Something is to be fetched first.
    Fetch(Errand),
}

/// A fetch that a request needs.
#[derive(Debug)]
pub struct Errand {
    pub forwarded: Forwarded,
    /// What there is to validate.
    pub stale: Option<Arc<Entry>>,
    pub want: Want,
}

impl Prospect {
    pub(super) fn of(found: Found, ask: &Ask<'_>, (now, bytes_max): (Timestamp, u64)) -> Self {
        match found {
            Found::Entry(entry, Reuse::Fresh | Reuse::Stale) => Self::Hit(entry),
            Found::Entry(entry, Reuse::StaleWhileRevalidate) => {
                let standing = (ask.standing)(StaleUse::WhileRevalidate);
                Self::stale(entry, StaleUse::WhileRevalidate, standing)
            }
            Found::Entry(entry, Reuse::Validate(Forwarded::Stale))
                if usable_on_error(&entry.terms(), entry.head.age(now)) =>
            {
                match (ask.standing)(StaleUse::IfError) {
                    Standing::Well => Self::fetch(Forwarded::Stale, Some(entry), Want::Whole),
                    // Nobody waits for an origin that is known to fail.
                    standing => Self::stale(entry, StaleUse::IfError, standing),
                }
            }
            Found::Entry(entry, Reuse::Validate(forwarded)) => Self::fetch(forwarded, Some(entry), Want::Whole),
            Found::Parts(parts) => match Want::beyond(&parts, ask.headers, bytes_max) {
                Ok(range) => Self::Part(parts, range),
                // What credentials bring is not joined to what everybody has, nor does it say anything of it.
                Err(Want::Rest(_)) if has_credentials(ask) => {
                    Self::fetch(Forwarded::Partial, None, Want::of(ask.headers))
                }
                Err(want) => Self::fetch(Forwarded::Partial, None, want),
            },
            Found::Nothing(forwarded) => Self::fetch(forwarded, None, Want::of(ask.headers)),
            // Who does not wait for the disk makes do without it.
            Found::Cold => Self::fetch(Forwarded::UriMiss, None, Want::of(ask.headers)),
        }
    }

    fn stale(entry: Arc<Entry>, cause: StaleUse, standing: Standing) -> Self {
        Self::Stale(entry, if standing == Standing::Resting { StaleUse::BackOff } else { cause })
    }

    fn fetch(forwarded: Forwarded, stale: Option<Arc<Entry>>, want: Want) -> Self {
        Self::Fetch(Errand { forwarded, stale, want })
    }
}

impl Errand {
    /// Why it is made by each request for itself, where it is.
    pub(super) fn passes(&self, shelf: &Shelf, key: &Key, ask: &Ask<'_>, now: Timestamp) -> Option<PassReason> {
        if shelf.busy() {
            return Some(PassReason::Busy);
        }
        let shareable = self.stale.is_none() && !self.is_own(ask);
        let refused = shareable && shelf.uncacheable(key, self.want.spec(), now).is_some();
        refused.then_some(PassReason::Uncacheable)
    }

    /// What must be validated for each request, or is asked for with credentials, is nobody else's to wait for.
    pub(super) fn is_own(&self, ask: &Ask<'_>) -> bool {
        has_credentials(ask) || self.stale.as_ref().is_some_and(|entry| entry.head.freshness.for_one_use())
    }

    /// Who boards a flight with it.
    pub(super) fn boarder<'a>(&'a self, ask: &Ask<'a>, began: u64) -> Boarder<'a> {
        let known = self.stale.as_ref().map(|entry| &entry.head).or(self.want.known());
        Boarder { request: ask.headers, known: known.map(|head| &head.selection), spec: self.want.spec(), began }
    }
}

fn has_credentials(ask: &Ask<'_>) -> bool {
    ask.headers.contains_key(header::AUTHORIZATION)
}
