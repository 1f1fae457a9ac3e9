//! Everything that lookups and fills share: the tier, the board of fetches under way, the keys known as uncacheable.
//!
//! The board holds one flight per key that is being fetched. Its lock is held for a map operation only, and never while
//! anybody is woken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use prometheus::Registry;

use super::entry::Entry;
use super::flight::Flight;
use super::key::Key;
use super::memory::Memory;
use super::metrics::Metrics;
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::semantics::Forwarded;

/// Keys that are remembered as uncacheable, at most. One costs about 250 bytes.
const UNCACHEABLE_KEYS_MAX: u64 = 100_000;

pub(super) struct Shelf {
    memory: Memory,
    board: Mutex<HashMap<Arc<str>, Arc<Flight>>>,
    /// Keys whose answers could not be stored, and until when that is believed.
    uncacheable: moka::sync::Cache<Arc<str>, Timestamp>,
    uncacheable_ttl: Duration,
    pub(super) object_bytes_max: u64,
    clock: Clock,
    pub(super) metrics: Metrics,
}

/// What the board says to one who missed.
pub(super) enum Boarding {
    /// Nobody fetches this key yet.
    First(Arc<str>, Arc<Flight>),
    /// A seat in the flight that does.
    Joined(Arc<Flight>, usize),
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
            clock,
            metrics,
        })
    }

    /// A fresh entry for a request with these header fields, or why there is none.
    pub(super) fn find(&self, key: &Key, request: &HeaderMap, now: Timestamp) -> Result<Arc<Entry>, Forwarded> {
        let entry = self.memory.get(key.as_str()).ok_or(Forwarded::UriMiss)?;
        if !entry.head.selection.matches(request) {
            return Err(Forwarded::VaryMiss);
        }
        if entry.head.fresh(now) { Ok(entry) } else { Err(Forwarded::Stale) }
    }

    /// Joins the flight under this key, or puts a new one on the board. The seat is taken under the board's lock, so that
    /// it is taken before the flight can be closed and start to let bytes go.
    pub(super) fn board(&self, key: &Key) -> Boarding {
        let mut board = self.lock_board();
        if let Some(flight) = board.get(key.as_str()) {
            return Boarding::Joined(flight.clone(), flight.sit());
        }
        let (key, flight) = (key.shared(), Arc::new(Flight::new()));
        board.insert(key.clone(), flight.clone());
        Boarding::First(key, flight)
    }

    /// Takes a flight off the board; a newer one under the same key stays.
    pub(super) fn close(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        let mut board = self.lock_board();
        if board.get(key).is_some_and(|current| Arc::ptr_eq(current, flight)) {
            board.remove(key);
        }
    }

    pub(super) fn insert(&self, key: Arc<str>, entry: Entry) {
        self.memory.insert(key, Arc::new(entry));
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
    fn lock_board(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Flight>>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
