//! Flights on the board: who joins one, who begins one, and under which key it is.
//!
//! The board's lock is held for map operations only, and never while anybody is woken.

use std::sync::Arc;

use super::Shelf;
use crate::cache::board::{Boarder, Boarding, Seats};
use crate::cache::flight::Flight;
use crate::cache::key::Key;
use crate::cache::purging::Subject;

/// Does a flight bring the variant that a request selects, as far as that is known?
fn suits(flight: &Flight, key: &Key, who: &Boarder<'_>) -> bool {
    flight.selection().is_none_or(|known| known.matches(who.request, key.query()))
}

impl Shelf {
    /// Is a fetch under way that `board` would seat this request in?
    pub(in crate::cache) fn fetching(&self, key: &Key, who: &Boarder<'_>) -> bool {
        let board = self.lock_board();
        let suits = |flight: &Flight| self.counts(key, flight) && suits(flight, key, who);
        board.suiting(key.as_str(), who.spec, suits).is_some()
    }

    /// Joins the flight under this key that may bring what a request asks for and selects, or puts a new one on the board.
    /// Of that one it may be known already what it brings. The seat is taken under the board's lock, so that it is taken
    /// before the flight can be closed and start to let bytes go.
    ///
    /// Nobody joins a flight that a purge since its beginning may concern: it lands for those who were there before.
    pub(in crate::cache) fn board(&self, key: &Key, who: &Boarder<'_>) -> Boarding {
        let mut board = self.lock_board();
        board.close_where(key.as_str(), |flight| !self.counts(key, flight));
        if let Some(flight) = board.suiting(key.as_str(), who.spec, |flight| suits(flight, key, who)) {
            return Boarding::Joined(flight.clone(), flight.sit());
        }
        // A flight that does not suit tells by which fields this resource's variants differ.
        let known = who.known.or_else(|| board.selection(key.as_str()));
        let presumed = known.map(|selection| selection.like(who.request, key.query()));
        let (key, flight) = (key.shared(), Arc::new(Flight::new(board.invalidations, who.began, presumed)));
        board.put_open(&key, &flight, who.spec);
        Boarding::First(key, flight)
    }

    /// A flight that was to bring a range brings the whole: everybody may join it, unless another does already.
    pub(in crate::cache) fn open_to_all(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        let mut board = self.lock_board();
        let range = matches!(board.seats(key, flight), Some(Seats::Range(_)));
        if range && !board.brings_whole(key) {
            board.remove(key, flight);
            board.put_open(key, flight, None);
        }
    }

    /// A flight for one request, which nobody can join.
    pub(in crate::cache) fn board_alone(&self, key: &Arc<str>, began: u64) -> Arc<Flight> {
        let mut board = self.lock_board();
        let flight = Arc::new(Flight::new(board.invalidations, began, None));
        board.put_alone(key, &flight);
        flight
    }

    /// Moves a flight to the key that its answer turned out to be for. Not where it may store nothing any more, nor where
    /// anything was invalidated since it took off: nobody could know then that it was this.
    pub(in crate::cache) fn relabel(&self, from: &Arc<str>, to: &Arc<str>, flight: &Arc<Flight>) -> bool {
        let mut board = self.lock_board();
        if board.invalidations != flight.took_off {
            return false;
        }
        match board.remove(from, flight) {
            None => return false,
            Some(Seats::All) if !board.brings_whole(to) => board.put_open(to, flight, None),
            Some(_) => board.put_alone(to, flight),
        }
        true
    }

    /// Nobody can join the flight any more, but what it brings may be stored, unless its key was invalidated already.
    pub(in crate::cache) fn close_to_others(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        self.lock_board().close(key, flight);
    }

    /// Takes a flight off the board that everybody has left, and says whether that was so.
    pub(in crate::cache) fn close_deserted(&self, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
        let mut board = self.lock_board();
        let deserted = flight.deserted();
        if deserted {
            board.remove(key, flight);
        }
        deserted
    }

    /// Takes a flight off the board.
    pub(in crate::cache) fn close(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        self.lock_board().remove(key, flight);
    }

    /// Has no purge since a flight began concerned what it brings, as far as that is known?
    fn counts(&self, key: &Key, flight: &Flight) -> bool {
        let tags = flight.head.get().map(|head| &head.aside.tags);
        self.epochs.untouched(flight.began, Subject { key: key.as_str(), tags })
    }
}
