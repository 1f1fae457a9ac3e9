//! Everything that lookups and fills share: the tier, the board of fetches under way, the keys known as uncacheable.
//!
//! The board knows every flight that may still store something. Its lock is held for map operations only, and never while
//! anybody is woken.

mod boarding;
mod finding;
mod spilling;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::Registry;

use super::board::{Board, Seats};
use super::disk::{Folder, Store, Ticket};
use super::entry::{Entry, Head};
use super::flight::Flight;
use super::forms::Forms;
use super::key::Key;
use super::lessons::Lessons;
use super::memory::Memory;
use super::metrics::Metrics;
use super::parts::Parts;
use super::purging::{Changes, Epochs, History, Mode, Most, Purge, Scope, Subject, Validity};
use super::refusals::Refusals;
use super::tier::Tier;
use super::tiers::Tiers;
use super::variants::Variants;
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::semantics::{RangeSpec, Refusal, Tags};

/// How often a part is joined to what stands, when that changes under its hands.
const JOINS_MAX: usize = 3;

pub(super) struct Shelf {
    /// Writes purges and changes down for as long as the shelf lives. Ends first, while the store still has its folder.
    _history: Arc<History<Folder>>,
    tiers: Tiers,
    board: Mutex<Board>,
    refusals: Refusals,
    pub(super) object_bytes_max: u64,
    fills_max: usize,
    pub(super) epochs: Arc<Epochs>,
    clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) lessons: Lessons,
    pub(super) changes: Arc<Changes>,
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

/// What a stored response is to purges.
pub(super) fn subject<'a>(key: &'a str, head: &'a Head) -> Subject<'a> {
    Subject { key, tags: Some(&head.aside.tags) }
}

impl Shelf {
    pub(super) fn new(config: &config::Cache, clock: Clock, registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Metrics::register(registry)?;
        let store = config.disk.as_ref().map(|disk| Store::open(disk, registry)).transpose()?;
        store.iter().for_each(|store| store.count_evictions_in(&metrics.evictions));
        let most = Most::of(config.purge_records_max, config.disk.as_ref().map(|disk| disk.bytes_max));
        let history = History::open(most, store.as_ref(), registry)?;
        let disk = config.disk.as_ref().zip(store).map(|(disk, store)| Tier::new(disk, store, clock.clone()));
        Ok(Self {
            tiers: Tiers::new(Memory::new(config.memory_bytes, &metrics, registry)?, disk),
            board: Mutex::default(),
            refusals: Refusals::new(config.uncacheable_ttl),
            object_bytes_max: config.object_bytes_max,
            fills_max: config.fills_max,
            epochs: history.epochs.clone(),
            clock,
            metrics,
            lessons: Lessons::new(),
            changes: history.changes.clone(),
            _history: history,
        })
    }

    /// Is what is stored with this head not purged? Afterwards its terms are up to date.
    pub(super) fn holds(&self, key: &str, (head, validity): (&Head, &Validity)) -> bool {
        validity.holds(&self.epochs, subject(key, head))
    }

    /// Stores a part that a flight brought, beside those that stand. They are joined before the lock is taken, because
    /// that may copy; where something else was stored meanwhile, once more. Not storing a part is never wrong.
    pub(super) fn store_part(&self, key: &Arc<str>, flight: &Arc<Flight>, part: &Parts) {
        for _ in 0..JOINS_MAX {
            let standing = self.tiers.get(key);
            let kept = standing.as_deref().map(|standing| standing.kept(|head, at| self.holds(key, (head, at))));
            let Some(joined) = kept.unwrap_or_default().with_part(part, self.object_bytes_max) else { return };
            let board = self.lock_board();
            if board.seats(key, flight).is_none() || !self.holds(key, (&part.head, &part.validity)) {
                return;
            }
            if same(standing.as_ref(), self.tiers.get(key).as_ref()) {
                return self.tiers.join_part(key.clone(), joined, &part.head);
            }
        }
    }

    /// Forgets parts to which nothing can be joined any more.
    pub(super) fn forget_parts(&self, key: &Arc<str>, parts: &Arc<Parts>) {
        let _board = self.lock_board();
        if let Some(standing) = self.tiers.get(key) {
            self.tiers.replace_parts(key.clone(), standing.without_parts(parts));
        }
    }

    /// Puts a purge in force, frees at once what can be found at once, and tells the purge's number.
    pub(super) fn purge(&self, purge: &Purge) -> u64 {
        let number = self.epochs.purge(purge, self.clock.now());
        self.free(purge);
        number
    }

    /// The same, and the ticket of its being written down.
    pub(super) fn purge_durably(&self, purge: &Purge) -> (u64, Ticket) {
        let purged = self.epochs.purge_durably(purge, self.clock.now());
        self.free(purge);
        purged
    }

    fn free(&self, purge: &Purge) {
        match (&purge.scope, purge.mode) {
            (Scope::All, Mode::Hard) => self.tiers.clear(),
            (Scope::Url(url), Mode::Hard) => {
                self.tiers.sweep(url, |head, validity| self.holds(url, (head, validity)));
            }
            _ => {}
        }
        self.metrics.count(purge);
        self.metrics.purge_records.set(i64::try_from(self.epochs.records()).unwrap_or(i64::MAX));
    }

    /// Puts the same body with another head in the place of `entry`, if that is still stored.
    pub(super) fn replace_head(&self, key: &Key, entry: &Arc<Entry>, (head, began): (Head, u64)) {
        // The new head may have other tags; until now it was known by the old ones.
        if !self.holds(key.as_str(), (&entry.head, &entry.validity)) {
            return;
        }
        let new = Arc::new(entry.with_head(head.settled(), began));
        let (key, prepared) = (key.shared(), self.tiers.prepare(key.as_str(), &new));
        let _board = self.lock_board();
        self.tiers.swap(&key, (entry, new), prepared);
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
            board.clear(key);
            self.tiers.remove(key);
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

    /// Remembers that what a flight was to bring to many cannot be shared, and why: the key, or the range of it. What was
    /// fetched for one request only says nothing about the others.
    pub(super) fn remember_refusal(&self, key: &Arc<str>, flight: &Arc<Flight>, refusal: Refusal) {
        let seats = self.lock_board().seats(key, flight);
        match seats {
            Some(Seats::All) => self.remember_uncacheable(key, refusal, flight.began),
            Some(Seats::Range(spec)) => self.remember_uncacheable(&Key::ranged(key, spec), refusal, flight.began),
            Some(Seats::One) | None => {}
        }
    }

    /// Stores what a flight brought in the place of `replaced`, unless its key was invalidated while it flew. Both happen
    /// under the board's lock, so that neither can slip between the other's look and its deed. A purge needs no lock for
    /// it: what was purged while it flew would be found out at its first use, and only takes room.
    pub(super) fn store(&self, key: &Arc<str>, flight: &Arc<Flight>, entry: Arc<Entry>, replaced: Option<&Arc<Entry>>) {
        let prepared = self.tiers.prepare(key, &entry);
        let board = self.lock_board();
        if board.seats(key, flight).is_some() && self.holds(key, (&entry.head, &entry.validity)) {
            if let Some(forms) = &entry.head.forms {
                // Renewed, it stands under the same key.
                let _ = forms.key.set(key.clone());
            }
            self.tiers.insert(key, &entry, replaced, prepared);
        }
    }

    /// Has no purge since a flight began concerned what it brought for, or from, a response with this head?
    pub(super) fn untouched(&self, key: &str, flight: &Flight, head: &Head) -> bool {
        self.epochs.untouched(flight.began, subject(key, head))
    }

    /// Forgets all variants of a key under which nothing is looked for any more.
    pub(super) fn forget(&self, key: &Key) {
        let _board = self.lock_board();
        self.tiers.remove(key.as_str());
    }

    /// Forgets one variant; the others of its key stay. Under the board's lock, so that no invalidation can slip between
    /// the look at what stands there and putting the others back.
    pub(super) fn give_up(&self, key: &Arc<str>, entry: &Arc<Entry>) {
        let _board = self.lock_board();
        self.tiers.give_up(key, entry);
    }

    /// Counts the weight of a form that was made after its entry was stored. Under the board's lock, so that no
    /// invalidation can slip between the look at what stands there and putting it back.
    pub(super) fn reweigh(&self, forms: &Arc<Forms>) {
        let Some(key) = forms.key.get() else { return };
        let _board = self.lock_board();
        self.tiers.reweigh(key, forms);
    }

    /// Are as many fetches under way as there may be?
    pub(super) fn busy(&self) -> bool {
        usize::try_from(self.metrics.fills.get()).is_ok_and(|fills| fills >= self.fills_max)
    }

    /// Why this key's last answer could not be stored, where that is still believed; where a range is asked for, the last
    /// answer to that: the whole may be too large, and its parts not.
    pub(super) fn uncacheable(&self, key: &Key, spec: Option<RangeSpec>, now: Timestamp) -> Option<Refusal> {
        let of_range = spec.map(|spec| Key::ranged(key.as_str(), spec));
        let known = self.refusals.get(of_range.as_deref().unwrap_or(key.as_str()), now)?;
        // What is not stored has no tags to be purged by.
        let subject = Subject { key: key.as_str(), tags: Some(&Tags::default()) };
        self.epochs.untouched(known.began, subject).then_some(known.refusal)
    }

    pub(super) fn remember_uncacheable(&self, key: &Arc<str>, refusal: Refusal, began: u64) {
        self.refusals.remember(key, refusal, (self.clock.now(), began));
    }

    pub(super) fn forget_uncacheable(&self, key: &Key, spec: Option<RangeSpec>) {
        let of_range = spec.map(|spec| Key::ranged(key.as_str(), spec));
        self.refusals.forget(of_range.as_deref().unwrap_or(key.as_str()));
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn lock_board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
