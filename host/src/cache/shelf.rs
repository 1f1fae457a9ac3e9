//! Everything that lookups and fills share: the tier, the board of fetches under way, the keys known as uncacheable.
//!
//! The board knows every flight that may still store something. Its lock is held for map operations only, and never while
//! anybody is woken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderMap};
use prometheus::Registry;

use super::entry::Entry;
use super::flight::Flight;
use super::key::Key;
use super::memory::Memory;
use super::metrics::Metrics;
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::semantics::{CacheControl, Forwarded, Reuse, Selection, fields, reuse};

/// Keys that are remembered as uncacheable, at most. One costs about 250 bytes.
const UNCACHEABLE_KEYS_MAX: u64 = 100_000;

pub(super) struct Shelf {
    memory: Memory,
    board: Mutex<Board>,
    /// Keys whose answers could not be stored, and until when that is believed.
    uncacheable: moka::sync::Cache<Arc<str>, Timestamp>,
    uncacheable_ttl: Duration,
    pub(super) object_bytes_max: u64,
    fills_max: usize,
    clock: Clock,
    pub(super) metrics: Metrics,
}

/// The flights under way. What is on it under a key when the key is invalidated may store nothing any more.
#[derive(Default)]
struct Board {
    /// The flights that newcomers join: one per key, and where variants are known, one for each.
    open: Flights,
    /// Flights that each serve one request.
    alone: Flights,
}

impl Board {
    fn is_open(&self, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
        has(&self.open, key, flight)
    }

    fn knows(&self, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
        self.is_open(key, flight) || has(&self.alone, key, flight)
    }
}

type Flights = HashMap<Arc<str>, Vec<Arc<Flight>>>;

fn has(flights: &Flights, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
    flights.get(key).is_some_and(|flights| flights.iter().any(|other| Arc::ptr_eq(other, flight)))
}

fn take_off(flights: &mut Flights, key: &Arc<str>, flight: &Arc<Flight>) {
    if let Some(under_key) = flights.get_mut(key) {
        under_key.retain(|other| !Arc::ptr_eq(other, flight));
        if under_key.is_empty() {
            flights.remove(key);
        }
    }
}

/// What the board says to one who missed.
pub(super) enum Boarding {
    /// Nobody fetches this key yet.
    First(Arc<str>, Arc<Flight>),
    /// A seat in the flight that does.
    Joined(Arc<Flight>, usize),
}

/// What is stored for a request.
pub(super) enum Found {
    Nothing(Forwarded),
    Entry(Arc<Entry>, Reuse),
}

/// What the request wants of stored responses; an HTTP/1.0 `Pragma` counts where there is no `Cache-Control` (RFC 9111
/// section 5.4).
fn wishes(request: &HeaderMap) -> CacheControl {
    let mut wishes = CacheControl::of(request);
    if !request.contains_key(header::CACHE_CONTROL) {
        wishes.no_cache = fields::list(request, &header::PRAGMA).any(|member| member.eq_ignore_ascii_case("no-cache"));
    }
    wishes
}

impl Shelf {
    pub(super) fn new(config: &config::Cache, clock: Clock, registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Metrics::register(registry)?;
        Ok(Self {
            memory: Memory::new(config.memory_bytes, &metrics, registry)?,
            board: Mutex::default(),
            uncacheable: moka::sync::Cache::new(UNCACHEABLE_KEYS_MAX),
            uncacheable_ttl: config.uncacheable_ttl,
            object_bytes_max: config.object_bytes_max,
            fills_max: config.fills_max,
            clock,
            metrics,
        })
    }

    /// The entry that a request with these header fields selects, and what may be done with it.
    pub(super) fn find(&self, key: &Key, request: &HeaderMap, now: Timestamp) -> Found {
        let Some(variants) = self.memory.get(key.as_str()) else {
            return Found::Nothing(Forwarded::UriMiss);
        };
        let Some(entry) = variants.select(request) else {
            return Found::Nothing(Forwarded::VaryMiss);
        };
        let use_of_it = reuse(&entry.head.freshness, entry.head.age(now), &wishes(request));
        Found::Entry(entry.clone(), use_of_it)
    }

    /// Forgets everything stored under a key, and what was known of it.
    pub(super) fn invalidate(&self, key: &Key) {
        let mut board = self.lock_board();
        // Whoever fetches it now asked before the change, so that answer is for those who wait already, and not stored.
        board.open.remove(key.as_str());
        board.alone.remove(key.as_str());
        self.memory.remove(key.as_str());
    }

    /// Joins the flight under this key that may bring what `request` selects, or puts a new one on the board. Of that one
    /// it may be `known` already what it brings. The seat is taken under the board's lock, so that it is taken before the
    /// flight can be closed and start to let bytes go.
    pub(super) fn board(&self, key: &Key, request: &HeaderMap, known: Option<&Selection>) -> Boarding {
        let mut board = self.lock_board();
        let open = board.open.get(key.as_str()).map(Vec::as_slice).unwrap_or_default();
        let suiting = open.iter().find(|flight| flight.selection().is_none_or(|selection| selection.matches(request)));
        if let Some(flight) = suiting {
            return Boarding::Joined(flight.clone(), flight.sit());
        }
        // A flight that does not suit tells by which fields this resource's variants differ.
        let sibling = open.last().and_then(|flight| flight.selection());
        let presumed = known.or(sibling).map(|selection| selection.like(request));
        let (key, flight) = (key.shared(), Arc::new(Flight::new(presumed)));
        board.open.entry(key.clone()).or_default().push(flight.clone());
        Boarding::First(key, flight)
    }

    /// A flight for one request, which nobody can join.
    pub(super) fn board_alone(&self, key: &Arc<str>) -> Arc<Flight> {
        let flight = Arc::new(Flight::new(None));
        self.lock_board().alone.entry(key.clone()).or_default().push(flight.clone());
        flight
    }

    /// Nobody can join the flight any more, but what it brings may be stored, unless its key was invalidated already.
    pub(super) fn close_to_others(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        let mut board = self.lock_board();
        if board.is_open(key, flight) {
            take_off(&mut board.open, key, flight);
            board.alone.entry(key.clone()).or_default().push(flight.clone());
        }
    }

    /// Can newcomers join this flight?
    pub(super) fn joinable(&self, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
        self.lock_board().is_open(key, flight)
    }

    /// Takes a flight off the board; a newer one under the same key stays.
    pub(super) fn close(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        let mut board = self.lock_board();
        take_off(&mut board.open, key, flight);
        take_off(&mut board.alone, key, flight);
    }

    /// Stores what a flight brought in the place of `replaced`, unless its key was invalidated while it flew. Both happen
    /// under the board's lock, so that neither can slip between the other's look and its deed.
    pub(super) fn store(&self, key: &Arc<str>, flight: &Arc<Flight>, entry: Arc<Entry>, replaced: Option<&Arc<Entry>>) {
        let board = self.lock_board();
        if board.knows(key, flight) {
            self.memory.insert(key.clone(), entry, replaced);
        }
    }

    /// Forgets one variant; the others of its key stay.
    pub(super) fn give_up(&self, key: &Arc<str>, entry: &Arc<Entry>) {
        self.memory.give_up(key, entry);
    }

    /// Are as many fetches under way as there may be?
    pub(super) fn busy(&self) -> bool {
        usize::try_from(self.metrics.fills.get()).is_ok_and(|fills| fills >= self.fills_max)
    }

    pub(super) fn uncacheable(&self, key: &Key, now: Timestamp) -> bool {
        self.uncacheable.get(key.as_str()).is_some_and(|until| now < until)
    }

    pub(super) fn remember_uncacheable(&self, key: &Arc<str>) {
        self.uncacheable.insert(key.clone(), self.clock.now().plus(self.uncacheable_ttl));
    }

    pub(super) fn forget_uncacheable(&self, key: &Key) {
        self.uncacheable.invalidate(key.as_str());
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn lock_board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
