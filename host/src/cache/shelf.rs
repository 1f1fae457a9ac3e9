//! Everything that lookups and fills share: the tier, the board of fetches under way, the keys known as uncacheable.
//!
//! The board knows every flight that may still store something. Its lock is held for map operations only, and never while
//! anybody is woken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::HeaderMap;
use prometheus::Registry;

use super::ask::Ask;
use super::changes::Changes;
use super::entry::{Entry, Head};
use super::epochs::{Epochs, Subject};
use super::flight::Flight;
use super::forms::Forms;
use super::key::Key;
use super::lessons::Lessons;
use super::memory::Memory;
use super::metrics::Metrics;
use super::notebook::{Notebook, notebook};
use super::purge::{Mode, Purge, Scope};
use super::validity::Validity;
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::semantics::{Forwarded, Refusal, Reuse, Selection, Tags, reuse};

/// Keys that are remembered as uncacheable, at most. One costs about 250 bytes.
const UNCACHEABLE_KEYS_MAX: u64 = 100_000;

pub(super) struct Shelf {
    memory: Memory,
    board: Mutex<Board>,
    /// Keys whose answers could not be stored.
    uncacheable: Notebook<Arc<str>, Uncacheable>,
    uncacheable_ttl: Duration,
    pub(super) object_bytes_max: u64,
    fills_max: usize,
    pub(super) epochs: Epochs,
    clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) lessons: Lessons,
    pub(super) changes: Changes,
}

/// Why a key's last answer could not be stored.
#[derive(Debug, Clone, Copy)]
struct Uncacheable {
    refusal: Refusal,
    /// Until when that is believed.
    until: Timestamp,
    /// The last purge before it was looked up: a later one of its URL makes it forgotten.
    began: u64,
}

/// The flights under way. What is on it under a key when the key is invalidated may store nothing any more.
#[derive(Default)]
struct Board {
    /// The flights that newcomers join: one per key, and where variants are known, one for each.
    open: Flights,
    /// Flights that each serve one request.
    alone: Flights,
    /// How often something was invalidated.
    invalidations: u64,
}

impl Board {
    fn is_open(&self, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
        has(&self.open, key, flight)
    }

    /// Nobody can join these open flights any more; they go on for those who did.
    fn close_where(&mut self, key: &str, closed: impl Fn(&Flight) -> bool) {
        let Some((key, flights)) = self.open.get_key_value(key) else { return };
        let gone: Vec<_> = flights.iter().filter(|flight| closed(flight)).cloned().collect();
        let key = key.clone();
        for flight in &gone {
            self.remove(&key, flight);
            self.put_alone(&key, flight);
        }
    }

    fn knows(&self, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
        self.is_open(key, flight) || has(&self.alone, key, flight)
    }

    /// Takes a flight off; others under the same key stay. Was it there, and could it be joined?
    fn remove(&mut self, key: &Arc<str>, flight: &Arc<Flight>) -> Option<Seats> {
        if take_off(&mut self.open, key, flight) {
            return Some(Seats::ForAll);
        }
        take_off(&mut self.alone, key, flight).then_some(Seats::ForOne)
    }

    fn put_open(&mut self, key: &Arc<str>, flight: &Arc<Flight>) {
        self.open.entry(key.clone()).or_default().push(flight.clone());
    }

    fn put_alone(&mut self, key: &Arc<str>, flight: &Arc<Flight>) {
        self.alone.entry(key.clone()).or_default().push(flight.clone());
    }
}

type Flights = HashMap<Arc<str>, Vec<Arc<Flight>>>;

fn has(flights: &Flights, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
    flights.get(key).is_some_and(|flights| flights.iter().any(|other| Arc::ptr_eq(other, flight)))
}

/// Was it there?
fn take_off(flights: &mut Flights, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
    let Some(under_key) = flights.get_mut(key) else { return false };
    let Some(at) = under_key.iter().position(|other| Arc::ptr_eq(other, flight)) else { return false };
    under_key.remove(at);
    if under_key.is_empty() {
        flights.remove(key);
    }
    true
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
}

/// Whether a look met something that was purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purged {
    None,
    Some,
}

/// What a change of any query under a path is recorded as; no URL has a space.
fn all_queries(key: &Key) -> String {
    [key.path(), " *"].concat()
}

/// What a stored response is to purges.
pub(super) fn subject<'a>(key: &'a str, head: &'a Head) -> Subject<'a> {
    Subject { key, tags: Some(&head.aside.tags) }
}

impl Shelf {
    pub(super) fn new(config: &config::Cache, clock: Clock, registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Metrics::register(registry)?;
        Ok(Self {
            memory: Memory::new(config.memory_bytes, &metrics, registry)?,
            board: Mutex::default(),
            uncacheable: notebook(UNCACHEABLE_KEYS_MAX),
            uncacheable_ttl: config.uncacheable_ttl,
            object_bytes_max: config.object_bytes_max,
            fills_max: config.fills_max,
            epochs: Epochs::new(config.purge_records_max),
            clock,
            metrics,
            lessons: Lessons::new(),
            changes: Changes::default(),
        })
    }

    /// The entry that a request selects, and what may be done with it.
    pub(super) fn find(&self, key: &Key, ask: &Ask<'_>, now: Timestamp) -> Found {
        let (found, purged) = self.look(key, ask, now);
        if purged == Purged::Some {
            self.memory.sweep(key.as_str(), |entry| self.holds(key.as_str(), entry));
        }
        found
    }

    /// The same, leaving everything in its place; and whether something purged lay in the way.
    pub(super) fn look(&self, key: &Key, ask: &Ask<'_>, now: Timestamp) -> (Found, Purged) {
        let Some(variants) = self.memory.get(key.as_str()) else {
            return (Found::Nothing(Forwarded::UriMiss), Purged::None);
        };
        let mut purged = Purged::None;
        for entry in variants.select(ask.headers, key.query()) {
            if self.holds(key.as_str(), entry) {
                let use_of_it = reuse(&entry.terms(), entry.head.age(now), &ask.wishes);
                return (Found::Entry(entry.clone(), use_of_it), purged);
            }
            purged = Purged::Some;
        }
        let why = if purged == Purged::Some { Forwarded::UriMiss } else { Forwarded::VaryMiss };
        (Found::Nothing(why), purged)
    }

    /// Everything stored under a key, purged or not, newest first.
    pub(super) fn variants(&self, key: &Key) -> Vec<Arc<Entry>> {
        self.memory.get(key.as_str()).map(|variants| variants.iter().cloned().collect()).unwrap_or_default()
    }

    /// Is an entry not purged? Afterwards its terms are up to date.
    pub(super) fn holds(&self, key: &str, entry: &Entry) -> bool {
        entry.validity.holds(&self.epochs, subject(key, &entry.head))
    }

    /// Is a fetch under way that a request may join now?
    pub(super) fn fetching(&self, key: &Key) -> bool {
        let flights = self.lock_board().open.get(key.as_str()).cloned().unwrap_or_default();
        flights.iter().any(|flight| self.counts(key, flight))
    }

    /// Has no purge since a flight began concerned what it brings, as far as that is known?
    fn counts(&self, key: &Key, flight: &Flight) -> bool {
        let tags = flight.head.get().map(|head| &head.aside.tags);
        self.epochs.untouched(flight.began, Subject { key: key.as_str(), tags })
    }

    /// Puts a purge in force, frees at once what can be found at once, and tells the purge's number.
    pub(super) fn purge(&self, purge: &Purge) -> u64 {
        let number = self.epochs.purge(purge, self.clock.now());
        match (&purge.scope, purge.mode) {
            (Scope::All, Mode::Hard) => self.memory.clear(),
            (Scope::Url(url), Mode::Hard) => {
                self.memory.sweep(url, |entry| self.holds(url, entry));
            }
            _ => {}
        }
        self.metrics.count(purge);
        self.metrics.purge_records.set(i64::try_from(self.epochs.records()).unwrap_or(i64::MAX));
        number
    }

    /// The entry that a request selects, whatever may be done with it.
    pub(super) fn stored(&self, key: &Key, request: &HeaderMap) -> Option<Arc<Entry>> {
        let variants = self.memory.get(key.as_str())?;
        variants.select(request, key.query()).find(|entry| self.holds(key.as_str(), entry)).cloned()
    }

    /// Puts the same body with another head in the place of `entry`, if that is still stored.
    pub(super) fn replace_head(&self, key: &Key, entry: &Arc<Entry>, head: Head) {
        // The new head may have other tags; until now it was known by the old ones.
        if !self.holds(key.as_str(), entry) {
            return;
        }
        let validity = Validity::since(entry.validity.epoch());
        let new = Entry { head: Arc::new(head.settled()), body: entry.body.clone(), validity };
        self.memory.swap(key.shared(), entry, Arc::new(new));
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

    /// Joins the flight under this key that may bring what `request` selects, or puts a new one on the board. Of that one
    /// it may be `known` already what it brings. The seat is taken under the board's lock, so that it is taken before the
    /// flight can be closed and start to let bytes go.
    ///
    /// Nobody joins a flight that a purge since its beginning may concern: it lands for those who were there before.
    pub(super) fn board(&self, key: &Key, request: &HeaderMap, known: Option<&Selection>, began: u64) -> Boarding {
        let mut board = self.lock_board();
        board.close_where(key.as_str(), |flight| !self.counts(key, flight));
        let open = board.open.get(key.as_str()).map(Vec::as_slice).unwrap_or_default();
        let suiting = open
            .iter()
            .find(|flight| flight.selection().is_none_or(|selection| selection.matches(request, key.query())));
        if let Some(flight) = suiting {
            return Boarding::Joined(flight.clone(), flight.sit());
        }
        // A flight that does not suit tells by which fields this resource's variants differ.
        let sibling = open.last().and_then(|flight| flight.selection());
        let presumed = known.or(sibling).map(|selection| selection.like(request, key.query()));
        let (key, flight) = (key.shared(), Arc::new(Flight::new(board.invalidations, began, presumed)));
        board.put_open(&key, &flight);
        Boarding::First(key, flight)
    }

    /// A flight for one request, which nobody can join.
    pub(super) fn board_alone(&self, key: &Arc<str>, began: u64) -> Arc<Flight> {
        let mut board = self.lock_board();
        let flight = Arc::new(Flight::new(board.invalidations, began, None));
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
            Some(Seats::ForAll) if !board.open.contains_key(to) => board.put_open(to, flight),
            Some(_) => board.put_alone(to, flight),
        }
        true
    }

    /// Nobody can join the flight any more, but what it brings may be stored, unless its key was invalidated already.
    pub(super) fn close_to_others(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        let mut board = self.lock_board();
        if board.is_open(key, flight) {
            board.remove(key, flight);
            board.put_alone(key, flight);
        }
    }

    /// Can newcomers join this flight?
    pub(super) fn joinable(&self, key: &Arc<str>, flight: &Arc<Flight>) -> bool {
        self.lock_board().is_open(key, flight)
    }

    /// Takes a flight off the board.
    pub(super) fn close(&self, key: &Arc<str>, flight: &Arc<Flight>) {
        self.lock_board().remove(key, flight);
    }

    /// Stores what a flight brought in the place of `replaced`, unless its key was invalidated while it flew. Both happen
    /// under the board's lock, so that neither can slip between the other's look and its deed. A purge needs no lock for
    /// it: what was purged while it flew would be found out at its first use, and only takes room.
    pub(super) fn store(&self, key: &Arc<str>, flight: &Arc<Flight>, entry: Arc<Entry>, replaced: Option<&Arc<Entry>>) {
        let board = self.lock_board();
        if board.knows(key, flight) && self.holds(key, &entry) {
            if let Some(forms) = &entry.head.forms {
                // Renewed, it stands under the same key.
                let _ = forms.key.set(key.clone());
            }
            self.memory.insert(key.clone(), entry, replaced);
        }
    }

    /// Has no purge since a flight began concerned what it brought for, or from, a response with this head?
    pub(super) fn untouched(&self, key: &str, flight: &Flight, head: &Head) -> bool {
        self.epochs.untouched(flight.began, subject(key, head))
    }

    /// Forgets one variant; the others of its key stay. Under the board's lock, so that no invalidation can slip between
    /// the look at what stands there and putting the others back.
    pub(super) fn give_up(&self, key: &Arc<str>, entry: &Arc<Entry>) {
        let _board = self.lock_board();
        self.memory.give_up(key, entry);
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

    /// Why this key's last answer could not be stored, where that is still believed.
    pub(super) fn uncacheable(&self, key: &Key, now: Timestamp) -> Option<Refusal> {
        let known = self.uncacheable.get(key.as_str()).filter(|known| now < known.until)?;
        // What is not stored has no tags to be purged by.
        let subject = Subject { key: key.as_str(), tags: Some(&Tags::default()) };
        self.epochs.untouched(known.began, subject).then_some(known.refusal)
    }

    pub(super) fn remember_uncacheable(&self, key: &Arc<str>, refusal: Refusal, began: u64) {
        let until = self.clock.now().plus(self.uncacheable_ttl);
        self.uncacheable.insert(key.clone(), Uncacheable { refusal, until, began });
    }

    pub(super) fn forget_uncacheable(&self, key: &Key) {
        self.uncacheable.invalidate(key.as_str());
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn lock_board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
