//! What the two writing ends of a flight have in common: the flight, its key, and the shelf that knows both.

use std::sync::Arc;

use crate::body::BodyError;
use crate::cache::entry::{Entry, Head};
use crate::cache::flight::{Flight, Phase};
use crate::cache::key::Key;
use crate::cache::shelf::Shelf;
use crate::semantics::NoVarySearch;

/// What `Lead` and `Filling` have in common: the flight, its key, and the shelf that knows both.
pub(super) struct Duty {
    /// What was asked for.
    pub(super) asked: Key,
    /// Under which key the flight is on the board.
    pub(super) key: Arc<str>,
    pub(super) flight: Arc<Flight>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) landed: bool,
    /// What the origin was asked about and did not leave as it was.
    pub(super) replaced: Option<Arc<Entry>>,
    /// The head of what is stored already and goes into what comes: it may have had other tags.
    pub(super) grounds: Option<Arc<Head>>,
}

impl Duty {
    /// Takes the flight off the board, then tells everybody. In this order nobody can join a flight that is over.
    pub(super) fn land(&mut self, phase: Phase) {
        self.landed = true;
        self.shelf.close(&self.key, &self.flight);
        self.flight.enter(phase);
    }

    pub(super) fn store(&self, entry: Arc<Entry>) {
        if self.stands() {
            self.shelf.store(&self.key, &self.flight, entry, self.replaced.as_ref());
            if *self.key != *self.asked.as_str() {
                // A later life looks there again, and must not find what is older.
                self.shelf.forget(&self.asked);
            }
        }
    }

    /// Has no purge concerned what it builds on?
    pub(super) fn stands(&self) -> bool {
        self.grounds.as_ref().is_none_or(|head| self.shelf.untouched(&self.key, &self.flight, head))
    }

    /// What was to be replaced goes, and nothing comes in its place.
    pub(super) fn give_up_replaced(&self) {
        if let Some(entry) = &self.replaced {
            self.shelf.give_up(&self.key, entry);
        }
    }

    /// Heeds what the response says of its query. Said for the first time, it makes the answer one for all equivalent
    /// queries. An answer that says something else than what its key was made by is for its own query alone.
    pub(super) fn heed(&mut self, head: &mut Head) {
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
