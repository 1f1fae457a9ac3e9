//! Everything that lookups and fills share: the tier, the board of fetches under way, the keys known as uncacheable.
//!
//! The board knows every flight that may still store something. Its lock is held for map operations only, and never while
//! anybody is woken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderMap};
use prometheus::Registry;

use super::changes::Changes;
use super::entry::Entry;
use super::flight::Flight;
use super::forms::Forms;
use super::key::Key;
use super::lessons::Lessons;
use super::memory::Memory;
use super::metrics::Metrics;
use super::parts::Parts;
use super::variants::Variants;
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::semantics::{CacheControl, Forwarded, RangeSpec, Reuse, fields, reuse};

/// Keys that are remembered as uncacheable, at most. One costs about 250 bytes.
const UNCACHEABLE_KEYS_MAX: u64 = 100_000;
/// How often a part is joined to what stands, when that changes under its hands.
const JOINS_MAX: usize = 3;

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
    pub(super) lessons: Lessons,
    pub(super) changes: Changes,
}

/// The flights under way. What is on it under a key when the key is invalidated may store nothing any more.
#[derive(Default)]
struct Board {
    /// The one flight per key that newcomers join.
    open: HashMap<Arc<str>, Arc<Flight>>,
    /// Flights that each bring one range of a key, for those who ask for the same.
    ranges: HashMap<Arc<str>, Vec<(RangeSpec, Arc<Flight>)>>,
    /// Flights that each serve one request.
    alone: HashMap<Arc<str>, Vec<Arc<Flight>>>,
    /// How often something was invalidated.
    invalidations: u64,
}

impl Board {
    fn is_open(&self, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
        self.open.get(key).is_some_and(|current| Arc::ptr_eq(current, flight))
    }

    fn knows(&self, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
        let alone = self.alone.get(key).is_some_and(|flights| flights.iter().any(|other| Arc::ptr_eq(other, flight)));
        alone || self.is_open(key, flight) || self.spec_of(key, flight).is_some()
    }

    /// The range that a flight brings, if it is one of those.
    fn spec_of(&self, key: &Arc<str>, flight: &Arc<Flight>) -> Option<RangeSpec> {
        self.ranges.get(key)?.iter().find(|(_, other)| Arc::ptr_eq(other, flight)).map(|(spec, _)| *spec)
    }

    /// Takes a flight off the ranges; `false` where it is none of them.
    fn take_range(&mut self, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
        let Some(flights) = self.ranges.get_mut(key) else { return false };
        let before = flights.len();
        flights.retain(|(_, other)| !Arc::ptr_eq(other, flight));
        let taken = flights.len() < before;
        if flights.is_empty() {
            self.ranges.remove(key);
        }
        taken
    }

    /// Takes a flight off; a newer one under the same key stays. Was it there, and could it be joined?
    fn remove(&mut self, key: &Arc<str>, flight: &Arc<Flight>) -> Option<Seats> {
        if self.is_open(key, flight) {
            self.open.remove(key);
            return Some(Seats::ForAll);
        }
        if self.take_range(key, flight) {
            return Some(Seats::ForOne);
        }
        let flights = self.alone.get_mut(key)?;
        let at = flights.iter().position(|other| Arc::ptr_eq(other, flight))?;
        flights.swap_remove(at);
        if flights.is_empty() {
            self.alone.remove(key);
        }
        Some(Seats::ForOne)
    }

    fn put_alone(&mut self, key: &Arc<str>, flight: &Arc<Flight>) {
        self.alone.entry(key.clone()).or_default().push(flight.clone());
    }
}

/// For whom a flight has seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seats {
    ForAll,
    ForOne,
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
    /// Parts that may be used as they are.
    Parts(Arc<Parts>),
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

fn same(one: Option<&Arc<Variants>>, other: Option<&Arc<Variants>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

/// What a change of any query under a path is recorded as; no URL has a space.
fn all_queries(key: &Key) -> String {
    [key.path(), " *"].concat()
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
            lessons: Lessons::new(),
            changes: Changes::default(),
        })
    }

    /// The entry that a request with these header fields selects, and what may be done with it.
    pub(super) fn find(&self, key: &Key, request: &HeaderMap, now: Timestamp) -> Found {
        let Some(variants) = self.memory.get(key.as_str()) else {
            return Found::Nothing(Forwarded::UriMiss);
        };
        let Some(entry) = variants.select(request, key.query()) else {
            return variants.select_parts(request, key.query()).map_or(Found::Nothing(Forwarded::VaryMiss), |parts| {
                match reuse(&parts.head.freshness, parts.head.age(now), &wishes(request)) {
                    Reuse::Fresh | Reuse::Stale => Found::Parts(parts.clone()),
                    // What brings the next part confirms these too.
                    Reuse::StaleWhileRevalidate => Found::Nothing(Forwarded::Stale),
                    Reuse::Validate(forwarded) => Found::Nothing(forwarded),
                }
            });
        };
        let use_of_it = reuse(&entry.head.freshness, entry.head.age(now), &wishes(request));
        Found::Entry(entry.clone(), use_of_it)
    }

    /// Gives up everything of a key's URL: under the URL alone, under the key of its equivalent queries, and under all keys
    /// with parts, which the last change of their URL (of their path, where queries are merged) tells apart.
    pub(super) fn invalidate(&self, key: &Key) {
        // From here on no flight is relabelled that took off before, so the rules known now are all that count.
        self.lock_board().invalidations += 1;
        let plain = key.without_parts();
        let merged = self.lessons.of(&plain).map(|variance| plain.merged_by(&variance));
        if self.changes.matter() {
            self.changes.record(key.url());
            self.changes.record(&all_queries(key));
        }
        let mut board = self.lock_board();
        for key in std::iter::once(&plain).chain(&merged).map(Key::as_str) {
            // Whoever fetches it now asked before the change, so that answer is for those who wait already, and not
            // stored.
            board.open.remove(key);
            board.alone.remove(key);
            board.ranges.remove(key);
            self.memory.remove(key);
        }
    }

    /// The key as of the last change of its URL. Keys without parts need no such thing: they are removed by name.
    pub(super) fn up_to_date(&self, key: Key) -> Key {
        if key.parts().is_empty() {
            return key;
        }
        let last = match key.variance() {
            Some(_) => self.changes.last(&all_queries(&key)),
            None => self.changes.last(key.url()),
        };
        if last == 0 { key } else { key.since_change(last) }
    }

    /// Joins the flight under this key, or puts a new one on the board. The seat is taken under the board's lock, so that
    /// it is taken before the flight can be closed and start to let bytes go.
    pub(super) fn board(&self, key: &Key) -> Boarding {
        let mut board = self.lock_board();
        if let Some(flight) = board.open.get(key.as_str()) {
            return Boarding::Joined(flight.clone(), flight.sit());
        }
        let (key, flight) = (key.shared(), Arc::new(Flight::new(board.invalidations)));
        board.open.insert(key.clone(), flight.clone());
        Boarding::First(key, flight)
    }

    /// Joins the flight that brings the whole, or the one that brings the same range, or puts a new one on the board.
    pub(super) fn board_range(&self, key: &Key, spec: RangeSpec) -> Boarding {
        let mut board = self.lock_board();
        let same = board.ranges.get(key.as_str()).and_then(|flights| flights.iter().find(|(other, _)| *other == spec));
        if let Some(flight) = board.open.get(key.as_str()).or(same.map(|(_, flight)| flight)) {
            return Boarding::Joined(flight.clone(), flight.sit());
        }
        let (key, flight) = (key.shared(), Arc::new(Flight::new(board.invalidations)));
        board.ranges.entry(key.clone()).or_default().push((spec, flight.clone()));
        Boarding::First(key, flight)
    }

    /// A flight that was to bring a range brings the whole: everybody may join it, unless another does already.
    pub(super) fn open_to_all(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        let mut board = self.lock_board();
        if !board.open.contains_key(key) && board.take_range(key, flight) {
            board.open.insert(key.clone(), flight.clone());
        }
    }

    /// A flight for one request, which nobody can join.
    pub(super) fn board_alone(&self, key: &Arc<str>) -> Arc<Flight> {
        let mut board = self.lock_board();
        let flight = Arc::new(Flight::new(board.invalidations));
        board.put_alone(key, &flight);
        flight
    }

    /// Moves a flight to the key that its answer turned out to be for. Not where it may store nothing any more, nor where
    /// anything was invalidated since it took off: nobody could know then that it was this.
    pub(super) fn relabel(&self, from: &Arc<str>, to: &Arc<str>, flight: &Arc<Flight>) -> bool {
        let mut board = self.lock_board();
        if board.invalidations != flight.took_off {
            return false;
        }
        match board.remove(from, flight) {
            None => return false,
            Some(Seats::ForAll) if !board.open.contains_key(to) => _ = board.open.insert(to.clone(), flight.clone()),
            Some(_) => board.put_alone(to, flight),
        }
        true
    }

    /// Nobody can join the flight any more, but what it brings may be stored, unless its key was invalidated already.
    pub(super) fn close_to_others(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        let mut board = self.lock_board();
        let open = board.is_open(key, flight);
        if open {
            board.open.remove(key);
        }
        if open || board.take_range(key, flight) {
            board.put_alone(key, flight);
        }
    }

    /// Remembers that what a flight was to bring to many cannot be shared: the key, or the range of it. What was fetched
    /// for one request only says nothing about the others.
    pub(super) fn remember_refusal(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        let (open, spec) = {
            let board = self.lock_board();
            (board.is_open(key, flight), board.spec_of(key, flight))
        };
        if open {
            self.remember_uncacheable(key);
        } else if let Some(spec) = spec {
            self.remember_uncacheable(&Key::ranged(key, spec));
        }
    }

    /// Takes a flight off the board.
    pub(super) fn close(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        self.lock_board().remove(key, flight);
    }

    /// Stores what a flight brought, unless its key was invalidated while it flew. Both happen under the board's lock, so
    /// that neither can slip between the other's look and its deed.
    pub(super) fn store(&self, key: &Arc<str>, flight: &Arc<Flight>, entry: Arc<Entry>) {
        let board = self.lock_board();
        if board.knows(key, flight) {
            if let Some(forms) = &entry.head.forms {
                // Renewed, it stands under the same key.
                let _ = forms.key.set(key.clone());
            }
            self.memory.insert(key.clone(), entry);
        }
    }

    /// Stores a part that a flight brought, beside those that stand. They are joined before the lock is taken, because
    /// that may copy; where something else was stored meanwhile, once more. Not storing a part is never wrong.
    pub(super) fn store_part(&self, key: &Arc<str>, flight: &Arc<Flight>, part: &Parts) {
        for _ in 0..JOINS_MAX {
            let standing = self.memory.get(key);
            let joined = standing.as_deref().unwrap_or(&Variants::default()).with_part(part, self.object_bytes_max);
            let Some(joined) = joined else { return };
            let board = self.lock_board();
            if !board.knows(key, flight) {
                return;
            }
            if same(standing.as_ref(), self.memory.get(key).as_ref()) {
                return self.memory.replace(key.clone(), joined);
            }
        }
    }

    /// Forgets parts to which nothing can be joined any more.
    pub(super) fn forget_parts(&self, key: &Arc<str>, parts: &Arc<Parts>) {
        let _board = self.lock_board();
        if let Some(standing) = self.memory.get(key) {
            self.memory.replace(key.clone(), standing.without(parts));
        }
    }

    /// Counts the weight of a form that was made after its entry was stored. Under the board's lock, so that no
    /// invalidation can slip between the look at what stands there and putting it back.
    pub(super) fn reweigh(&self, forms: &Arc<Forms>) {
        let Some(key) = forms.key.get() else { return };
        let _board = self.lock_board();
        self.memory.reweigh(key, forms);
    }

    /// Are as many fetches under way as there may be?
    pub(super) fn busy(&self) -> bool {
        usize::try_from(self.metrics.fills.get()).is_ok_and(|fills| fills >= self.fills_max)
    }

    /// Is the key known as uncacheable, or where a range is asked for, that range? The whole may be too large, and its
    /// parts not.
    pub(super) fn uncacheable(&self, key: &Key, spec: Option<RangeSpec>, now: Timestamp) -> bool {
        let until = match spec {
            None => self.uncacheable.get(key.as_str()),
            Some(spec) => self.uncacheable.get(&Key::ranged(key.as_str(), spec)),
        };
        until.is_some_and(|until| now < until)
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
