//! The writing end of a flight. `Lead` is the duty to fetch; `Filling` is the duty to bring the body to its end.
//!
//! Both are tokens: dropping one wakes everybody who waits and says so, so no key is ever stuck behind a fetch that
//! nobody makes.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;

use super::content::Content;
use super::entry::{Entry, Head};
use super::flight::{FetchFailure, Flight, Phase};
use super::follow::Follower;
use super::key::Key;
use super::parts::Parts;
use super::shelf::Shelf;
use crate::body::BodyError;
use crate::semantics::{ContentRange, NoVarySearch, Refusal};

/// The duty to fetch one key for everybody. Dropped, it makes the next one who looks the key up lead.
pub struct Lead {
    duty: Duty,
}

/// What `Lead` and `Filling` have in common: the flight, its key, and the shelf that knows both.
struct Duty {
    /// What was asked for.
    asked: Key,
    /// Under which key the flight is on the board.
    key: Arc<str>,
    flight: Arc<Flight>,
    shelf: Arc<Shelf>,
    landed: bool,
    /// What the origin was asked about and did not leave as it was.
    replaced: Option<Arc<Entry>>,
    /// The head of what is stored already and goes into what comes: it may have had other tags.
    grounds: Option<Arc<Head>>,
}

impl Duty {
    /// Takes the flight off the board, then tells everybody. In this order nobody can join a flight that is over.
    fn land(&mut self, phase: Phase) {
        self.landed = true;
        self.shelf.close(&self.key, &self.flight);
        self.flight.enter(phase);
    }

    fn store(&self, entry: Arc<Entry>) {
        if self.stands() {
            self.shelf.store(&self.key, &self.flight, entry, self.replaced.as_ref());
        }
    }

    /// Has no purge concerned what it builds on?
    fn stands(&self) -> bool {
        self.grounds.as_ref().is_none_or(|head| self.shelf.untouched(&self.key, &self.flight, head))
    }

    /// What was to be replaced goes, and nothing comes in its place.
    fn give_up_replaced(&self) {
        if let Some(entry) = &self.replaced {
            self.shelf.give_up(&self.key, entry);
        }
    }

    /// Heeds what the response says of its query. Said for the first time, it makes the answer one for all equivalent
    /// queries. An answer that says something else than what its key was made by is for its own query alone.
    fn heed(&mut self, head: &mut Head) {
        let said = NoVarySearch::of(&head.headers).map(|rule| self.shelf.lessons.learn(&self.asked, rule));
        match (self.asked.variance(), said) {
            (None, Some(variance)) => {
                let merged = self.shelf.up_to_date(self.asked.merged_by(&variance)).shared();
                if self.shelf.relabel(&self.key, &merged, &self.flight) {
                    self.key = merged;
                }
            }
            (Some(known), said) if said.as_ref().is_none_or(|said| said.number != known.number) => {
                let own = std::mem::take(&mut head.selection);
                head.selection = own.for_query(self.asked.query().unwrap_or_default());
            }
            _ => {}
        }
    }
}

impl Lead {
    /// A flight of its own, which nobody joins: for a response that must be validated for each request anyway.
    pub(super) fn alone(asked: &Key, shelf: Arc<Shelf>, began: u64) -> Self {
        let key = asked.shared();
        let flight = shelf.board_alone(&key, began);
        Self::new((asked, key), flight, shelf)
    }

    pub(super) fn new((asked, key): (&Key, Arc<str>), flight: Arc<Flight>, shelf: Arc<Shelf>) -> Self {
        shelf.metrics.fills.inc();
        Self { duty: Duty { asked: asked.clone(), key, flight, shelf, landed: false, replaced: None, grounds: None } }
    }

    /// The key whose fetch this is.
    pub fn key(&self) -> &Arc<str> {
        &self.duty.key
    }

    /// A seat for the request that caused the fetch.
    pub fn follower(&self) -> Follower {
        Follower::seated(self.duty.flight.clone(), self.duty.flight.sit(), None)
    }

    /// The origin was asked about `entry` and did not leave it as it was: it goes when the answer is stored or proves not
    /// to be for storing (RFC 9111 sections 4.3.3 and 4.3.4). Where there is no whole answer it stays.
    pub fn replaces(&mut self, entry: Arc<Entry>) {
        self.duty.replaced = Some(entry);
    }

    /// The answer may be shared and stored: everybody gets its head now and its body as it comes.
    pub fn fill(self, head: Head) -> Filling {
        self.duty.shelf.open_to_all(&self.duty.key, &self.duty.flight);
        self.filling(head, None)
    }

    /// The same for a part, whose head is that of a 206: it is stored beside the other parts of its whole.
    pub fn fill_part(self, head: Head, place: ContentRange) -> Filling {
        self.filling(head, Some(place))
    }

    /// Some of the bytes to come are of these parts: what a purge concerns of them, it concerns of all.
    pub fn builds_on(&mut self, parts: &Arc<Parts>) {
        self.duty.grounds = Some(parts.head.clone());
    }

    fn filling(mut self, mut head: Head, place: Option<ContentRange>) -> Filling {
        self.duty.heed(&mut head);
        let head = Arc::new(head.settled());
        // The cell is set here only, and `fill` consumes the lead.
        let _ = self.duty.flight.head.set(head.clone());
        let alone = head.freshness.for_one_use();
        if alone {
            self.duty.shelf.close_to_others(&self.duty.key, &self.duty.flight);
        }
        self.duty.flight.enter(if alone { Phase::Alone } else { Phase::Streaming });
        Filling { duty: self.duty, head, place, received: 0, storable: true }
    }

    /// What was stored is still good, with this head: everybody who waits gets it, and it is stored anew, unless a purge
    /// came since it was looked up.
    pub fn renew(mut self, mut head: Head, stored: &Entry) {
        self.duty.heed(&mut head);
        self.duty.grounds = Some(stored.head.clone());
        let entry = Arc::new(stored.with_head(head.settled(), self.duty.flight.began));
        let _ = self.duty.flight.head.set(entry.head.clone());
        self.duty.flight.bring(&entry.content);
        let alone = entry.head.freshness.for_one_use();
        self.duty.store(entry);
        self.duty.land(if alone { Phase::AloneComplete } else { Phase::Complete });
    }

    /// What was stored is still good, but may not be stored with this head: only the one who asked gets it.
    pub fn renew_for_one(mut self, head: Head, content: &Content) {
        let _ = self.duty.flight.head.set(Arc::new(head));
        self.duty.flight.bring(content);
        self.duty.give_up_replaced();
        self.duty.land(Phase::AloneComplete);
    }

    /// These parts are of another representation than the origin has now.
    pub fn discard(&self, parts: &Arc<Parts>) {
        self.duty.shelf.forget_parts(&self.duty.key, parts);
    }

    /// The answer is for one request only, and why. The key is remembered, so that later requests do not wait for each
    /// other.
    pub fn release(mut self, refusal: Refusal) {
        self.duty.shelf.remember_refusal(&self.duty.key, &self.duty.flight, refusal);
        self.duty.give_up_replaced();
        self.duty.land(Phase::Released);
    }

    /// There is no answer.
    pub fn fail(mut self, failure: FetchFailure) {
        self.duty.land(Phase::Failed(failure));
    }

    /// What was looked for is here after all: nothing needs to be fetched.
    pub(super) fn withdraw(mut self) {
        self.duty.land(Phase::Lost);
    }
}

/// The duty to bring a body to its end. Dropped, it breaks the body off for everybody.
pub struct Filling {
    duty: Duty,
    head: Arc<Head>,
    /// Where the body belongs, if it is a part.
    place: Option<ContentRange>,
    received: u64,
    storable: bool,
}

/// Nobody reads the body any more, and it will not be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwanted;

impl Filling {
    /// Passes a piece of the body on; waits where the body is too large to store and its readers are slow.
    pub async fn push(&mut self, chunk: Bytes) -> Result<(), Unwanted> {
        self.received += chunk.len() as u64;
        if self.storable && self.received > self.duty.shelf.object_bytes_max {
            self.storable = false;
            self.too_large();
            self.duty.shelf.close(&self.duty.key, &self.duty.flight);
        }
        let flight = &self.duty.flight;
        flight.add(chunk, !self.storable);
        if poll_fn(|cx| flight.poll_room(cx)).await { Ok(()) } else { Err(Unwanted) }
    }

    /// The body is whole: stores it, unless it grew too large. A body that is not as long as its head said is broken.
    pub fn finish(mut self) {
        if self.head.length.is_some_and(|length| length != self.received) {
            return self.fail(BodyError::Incomplete);
        }
        if self.storable {
            self.store();
        }
        let alone = self.head.freshness.for_one_use();
        self.duty.land(if alone { Phase::AloneComplete } else { Phase::Complete });
    }

    fn store(&self) {
        let Duty { key, flight, shelf, .. } = &self.duty;
        match &self.place {
            None => {
                self.duty.store(Arc::new(Entry::new(self.head.clone(), flight.whole().into(), flight.began)));
            }
            Some(place) if place.length() == self.received && self.duty.stands() => {
                shelf.store_part(key, flight, &Parts::new(&self.head, place, flight.whole(), flight.began));
            }
            // A part of unknown length was not as long as its place, or a purge concerned what it builds on.
            Some(_) => {}
        }
    }

    fn too_large(&self) {
        let Duty { key, flight, shelf, .. } = &self.duty;
        match self.place {
            None => shelf.remember_uncacheable(key, Refusal::TooLarge, flight.began),
            Some(_) => shelf.remember_refusal(key, flight, Refusal::TooLarge),
        }
    }

    /// The body broke off: nothing is stored, and every reader learns it.
    pub fn fail(mut self, error: BodyError) {
        self.duty.land(Phase::Broken(error));
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        if !self.landed {
            let over = match self.flight.head.get() {
                None => Phase::Lost,
                Some(_) => Phase::Broken(BodyError::Abandoned),
            };
            self.land(over);
        }
        self.shelf.metrics.fills.dec();
    }
}
