//! The flights under way. What is on the board under a key when the key is invalidated may store nothing any more.
//!
//! A flight that newcomers may join brings the whole, of one variant where variants are known, or one range for those who
//! ask for the same. The others serve one request each. The shelf holds the board under a lock.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderMap;

use super::flight::Flight;
use crate::semantics::{RangeSpec, Selection};

#[derive(Default)]
pub(super) struct Board {
    open: HashMap<Arc<str>, Vec<Berth>>,
    alone: HashMap<Arc<str>, Vec<Arc<Flight>>>,
    /// How often something was invalidated.
    pub(super) invalidations: u64,
}

/// A flight that may be joined.
struct Berth {
    flight: Arc<Flight>,
    /// The range that it brings; `None` where it is the whole.
    spec: Option<RangeSpec>,
}

/// One who missed, and may wait for a flight or begin one.
pub(super) struct Boarder<'a> {
    pub(super) request: &'a HeaderMap,
    /// Of what is stored, the selection that the request meets.
    pub(super) known: Option<&'a Selection>,
    /// The range that is to be fetched, where it is not the whole.
    pub(super) spec: Option<RangeSpec>,
    /// The last purge before the lookup began.
    pub(super) began: u64,
}

/// What the board says to one who missed.
pub(super) enum Boarding {
    /// Nobody fetches this key yet.
    First(Arc<str>, Arc<Flight>),
    /// A seat in the flight that does.
    Joined(Arc<Flight>, usize),
}

/// For whom a flight has seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seats {
    /// For everybody who asks for the whole or a range of it.
    All,
    /// For those who ask for this range.
    Range(RangeSpec),
    One,
}

impl Board {
    /// For whom this flight has seats; `None` where it is not on the board under this key.
    pub(super) fn seats(&self, key: &str, flight: &Arc<Flight>) -> Option<Seats> {
        let berth =
            self.open.get(key).and_then(|berths| berths.iter().find(|berth| Arc::ptr_eq(&berth.flight, flight)));
        match berth {
            Some(Berth { spec: None, .. }) => Some(Seats::All),
            Some(Berth { spec: Some(spec), .. }) => Some(Seats::Range(*spec)),
            None => {
                let alone = self.alone.get(key)?;
                alone.iter().any(|other| Arc::ptr_eq(other, flight)).then_some(Seats::One)
            }
        }
    }

    /// A flight under this key that brings the whole, or else this range of it, and that `suits`.
    pub(super) fn suiting(
        &self,
        key: &str,
        spec: Option<RangeSpec>,
        suits: impl Fn(&Flight) -> bool,
    ) -> Option<&Arc<Flight>> {
        let berths = self.open.get(key)?;
        let of = |wanted: Option<RangeSpec>| {
            berths.iter().find(|berth| berth.spec == wanted && suits(&berth.flight)).map(|berth| &berth.flight)
        };
        of(None).or_else(|| spec.and_then(|spec| of(Some(spec))))
    }

    /// By which fields, as far as the flights under way tell, the variants of a key differ.
    pub(super) fn selection(&self, key: &str) -> Option<&Selection> {
        self.open.get(key)?.last()?.flight.selection()
    }

    /// Does any flight bring the whole of this key for everybody?
    pub(super) fn brings_whole(&self, key: &str) -> bool {
        self.open.get(key).is_some_and(|berths| berths.iter().any(|berth| berth.spec.is_none()))
    }

    pub(super) fn put_open(&mut self, key: &Arc<str>, flight: &Arc<Flight>, spec: Option<RangeSpec>) {
        self.open.entry(key.clone()).or_default().push(Berth { flight: flight.clone(), spec });
    }

    pub(super) fn put_alone(&mut self, key: &Arc<str>, flight: &Arc<Flight>) {
        self.alone.entry(key.clone()).or_default().push(flight.clone());
    }

    /// Takes a flight off; others under the same key stay. For whom it had seats, if it was there.
    pub(super) fn remove(&mut self, key: &Arc<str>, flight: &Arc<Flight>) -> Option<Seats> {
        let seats = self.seats(key, flight)?;
        if seats == Seats::One {
            take_off(&mut self.alone, key, |other| Arc::ptr_eq(other, flight));
        } else {
            take_off(&mut self.open, key, |berth| Arc::ptr_eq(&berth.flight, flight));
        }
        Some(seats)
    }

    /// Nobody can join this flight any more; it goes on for those who did.
    pub(super) fn close(&mut self, key: &Arc<str>, flight: &Arc<Flight>) {
        if self.remove(key, flight).is_some() {
            self.put_alone(key, flight);
        }
    }

    /// The same for all open flights under a key of which `closed` says so.
    pub(super) fn close_where(&mut self, key: &str, closed: impl Fn(&Flight) -> bool) {
        let Some((key, berths)) = self.open.get_key_value(key) else { return };
        let gone: Vec<_> = berths.iter().map(|berth| &berth.flight).filter(|flight| closed(flight)).cloned().collect();
        let key = key.clone();
        for flight in &gone {
            self.close(&key, flight);
        }
    }

    /// Takes every flight under a key off.
    pub(super) fn clear(&mut self, key: &str) {
        self.open.remove(key);
        self.alone.remove(key);
    }

    /// The flights under a key that may be joined.
    pub(super) fn open(&self, key: &str) -> Vec<Arc<Flight>> {
        self.open.get(key).into_iter().flatten().map(|berth| berth.flight.clone()).collect()
    }
}

fn take_off<T>(flights: &mut HashMap<Arc<str>, Vec<T>>, key: &Arc<str>, is: impl Fn(&T) -> bool) {
    if let Some(under_key) = flights.get_mut(key) {
        under_key.retain(|other| !is(other));
        if under_key.is_empty() {
            flights.remove(key);
        }
    }
}
