//! The writing end of a flight. `Lead` is the duty to fetch; `Filling` is the duty to bring the body to its end.
//!
//! Both are tokens: dropping one wakes everybody who waits and says so, so no key is ever stuck behind a fetch that
//! nobody makes.

use std::sync::Arc;

use super::content::Content;
use super::entry::{Entry, Head};
use super::flight::{FetchFailure, Flight, Phase};
use super::follow::Follower;
use super::key::Key;
use super::parts::Parts;
use super::shelf::Shelf;
use crate::semantics::{ContentRange, Refusal};

mod duty;
mod filling;

use duty::Duty;
pub use filling::Filling;

/// The duty to fetch one key for everybody. Dropped, it makes the next one who looks the key up lead.
pub struct Lead {
    duty: Duty,
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
        Filling::new(self.duty, head, place)
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
