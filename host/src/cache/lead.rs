//! The writing end of a flight. `Lead` is the duty to fetch; `Filling` is the duty to bring the body to its end.
//!
//! Both are tokens: dropping one wakes everybody who waits and says so, so no key is ever stuck behind a fetch that
//! nobody makes.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;

use super::entry::{self, Entry, Head};
use super::flight::{FetchFailure, Flight, Phase};
use super::follow::Follower;
use super::key::Key;
use super::parts::Parts;
use super::shelf::Shelf;
use crate::body::BodyError;
use crate::semantics::{ContentRange, NoVarySearch};

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
}

impl Duty {
    /// Takes the flight off the board, then tells everybody. In this order nobody can join a flight that is over.
    fn land(&mut self, phase: Phase) {
        self.landed = true;
        self.shelf.close(&self.key, &self.flight);
        self.flight.enter(phase);
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
    pub(super) fn alone(asked: &Key, shelf: Arc<Shelf>) -> Self {
        let key = asked.shared();
        let flight = shelf.board_alone(&key);
        Self::new((asked, key), flight, shelf)
    }

    pub(super) fn new((asked, key): (&Key, Arc<str>), flight: Arc<Flight>, shelf: Arc<Shelf>) -> Self {
        shelf.metrics.fills.inc();
        Self { duty: Duty { asked: asked.clone(), key, flight, shelf, landed: false } }
    }

    /// A seat for the request that caused the fetch.
    pub fn follower(&self) -> Follower {
        Follower::seated(self.duty.flight.clone(), self.duty.flight.sit(), None)
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

    fn filling(mut self, mut head: Head, place: Option<ContentRange>) -> Filling {
        self.duty.heed(&mut head);
        head.headers = entry::compact(&head.headers);
        let head = Arc::new(head);
        // The cell is set here only, and `fill` consumes the lead.
        let _ = self.duty.flight.head.set(head.clone());
        let alone = head.freshness.for_one_use();
        if alone {
            self.duty.shelf.close_to_others(&self.duty.key, &self.duty.flight);
        }
        self.duty.flight.enter(if alone { Phase::Alone } else { Phase::Streaming });
        Filling { duty: self.duty, head, place, received: 0, storable: true }
    }

    /// What was stored is still good, with this head: everybody gets it, and it is stored anew.
    pub fn renew(mut self, mut head: Head, body: Bytes) {
        self.duty.heed(&mut head);
        head.headers = entry::compact(&head.headers);
        let entry = Arc::new(Entry { head: Arc::new(head), body });
        let _ = self.duty.flight.head.set(entry.head.clone());
        self.duty.flight.add(entry.body.clone(), false);
        let alone = entry.head.freshness.for_one_use();
        self.duty.shelf.store(&self.duty.key, &self.duty.flight, entry);
        self.duty.land(if alone { Phase::AloneComplete } else { Phase::Complete });
    }

    /// These parts are of another representation than the origin has now.
    pub fn discard(&self, parts: &Arc<Parts>) {
        self.duty.shelf.forget_parts(&self.duty.key, parts);
    }

    /// The answer is for one request only. The key is remembered, so that later requests do not wait for each other.
    pub fn release(mut self) {
        self.duty.shelf.remember_refusal(&self.duty.key, &self.duty.flight);
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
            match self.place {
                None => self.duty.shelf.remember_uncacheable(&self.duty.key),
                Some(_) => self.duty.shelf.remember_refusal(&self.duty.key, &self.duty.flight),
            }
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
        let (key, flight) = (&self.duty.key, &self.duty.flight);
        match &self.place {
            None => {
                let entry = Entry { head: self.head.clone(), body: flight.whole() };
                self.duty.shelf.store(key, flight, Arc::new(entry));
            }
            Some(place) if place.length() == self.received => {
                self.duty.shelf.store_part(key, flight, &Parts::new(&self.head, place, flight.whole()));
            }
            // A part of unknown length was not as long as its place.
            Some(_) => {}
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
