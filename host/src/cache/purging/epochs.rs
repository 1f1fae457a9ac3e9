//! Purges in constant time: one sequence of numbers for the whole node, and no index of what is stored.
//!
//! Every purge takes the next number. A response carries the number that stood when its lookup began, before anything was
//! read, and is good while no purge that concerns it has a higher one; so what was being fetched or confirmed when a purge
//! came is never used after it. Records are bounded: where the oldest is given up, everything from before it counts as
//! purged. With a disk tier every purge is written down, and found again by the next life of the node.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::ledger::{Event, Ledger, Payload, Posting, next_life};
use super::purge::{Mode, Purge, Scope};
use super::records::{Record, Ruling, ScopeKind};
use crate::cache::disk::Ticket;
use crate::cache::place::Place;
use crate::clock::Timestamp;
use crate::semantics::Tags;

/// What a purge may concern: something stored, or on its way.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Subject<'a> {
    pub(in crate::cache) key: &'a str,
    /// `None` while nobody knows them: then every purge of a tag or a group concerns it.
    pub(in crate::cache) tags: Option<&'a Tags>,
}

/// A purge that concerns a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    pub scope: &'static str,
    /// Empty for a purge of all.
    pub text: String,
    pub epoch: u64,
}

pub(in crate::cache) struct Epochs {
    /// The last purge that is in force. Written under the tables' lock.
    latest: AtomicU64,
    tables: RwLock<Tables>,
    records_max: usize,
    ledger: Ledger,
}

#[derive(Default)]
struct Tables {
    /// The last purge whose record was given up: whatever is older counts as purged.
    floor: u64,
    all: Record,
    /// Purges of any tag or group.
    tagged: Record,
    records: HashMap<ScopeKind, HashMap<Arc<str>, Record>>,
    /// How many prefixes have which length in bytes.
    prefix_lengths: BTreeMap<usize, usize>,
    /// The scopes by their last purge.
    order: BTreeMap<(u64, ScopeKind), Arc<str>>,
}

impl Epochs {
    pub(in crate::cache) fn new(records_max: usize, ledger: Ledger) -> Self {
        Self { latest: AtomicU64::new(0), tables: RwLock::default(), records_max, ledger }
    }

    /// The number of the last purge: what a lookup takes down before it reads anything.
    pub(in crate::cache) fn latest(&self) -> u64 {
        self.latest.load(Ordering::Acquire)
    }

    /// Takes the next number for a purge, and returns it once the purge is in force for everybody.
    pub(in crate::cache) fn purge(&self, purge: &Purge, at: Timestamp) -> u64 {
        self.enact(purge, at, Ledger::post).0
    }

    /// The same, and the ticket of its being written down.
    pub(in crate::cache) fn purge_durably(&self, purge: &Purge, at: Timestamp) -> (u64, Ticket) {
        self.enact(purge, at, Ledger::post_durably)
    }

    fn enact<T>(&self, purge: &Purge, at: Timestamp, post: impl FnOnce(&Ledger, &Posting<'_>) -> T) -> (u64, T) {
        let text = purge.scope.to_string();
        let scope = (kind(&purge.scope), text.as_str());
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let event = Event { number: self.latest.load(Ordering::Relaxed) + 1, mode: purge.mode, at };
        tables.enact(scope, event);
        tables.bound(self.records_max);
        self.latest.store(event.number, Ordering::Release);
        // Under the lock, so that purges are written down in their order.
        let posted = post(&self.ledger, &Posting::Purged { event, scope, floor: tables.floor });
        (event.number, posted)
    }

    /// Takes in what was written down, in its order, before anybody asks. What is not about purges is left alone.
    pub(in crate::cache) fn recall(&self, posting: &Posting<'_>) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        match posting {
            Posting::Purges { latest, floor } => {
                tables.floor = tables.floor.max(*floor);
                self.latest.fetch_max(*latest, Ordering::Release);
            }
            Posting::Standing { scope, record } => tables.put(*scope, record.clone()),
            // What a standing has in it already is not done again.
            Posting::Purged { event, scope, floor } if event.number > self.latest.load(Ordering::Relaxed) => {
                tables.enact(*scope, *event);
                tables.floor = tables.floor.max(*floor);
                self.latest.store(event.number, Ordering::Release);
            }
            _ => return,
        }
        tables.bound(self.records_max);
    }

    /// From here on purges have numbers that no earlier life has given out. Before anybody asks.
    pub(in crate::cache) fn begin_life(&self) {
        self.latest.store(next_life(self.latest()), Ordering::Release);
    }

    /// Adds how everything stands.
    pub(in crate::cache) fn describe(&self, payload: &mut Payload) {
        let tables = self.read();
        payload.add(&Posting::Purges { latest: self.latest(), floor: tables.floor });
        let mut add = |kind, text, record: &Record| {
            payload.add(&Posting::Standing { scope: (kind, text), record: record.clone() });
        };
        add(ScopeKind::All, "", &tables.all);
        add(ScopeKind::Tagged, "", &tables.tagged);
        for (kind, table) in &tables.records {
            table.iter().for_each(|(text, record)| add(*kind, text, record));
        }
    }

    /// What the purges after `birth` make of a subject, and the last purge that was looked at.
    pub(in crate::cache) fn since(&self, birth: u64, subject: Subject<'_>) -> (Ruling, u64) {
        let tables = self.read();
        // Purges write it under the lock that is held here.
        (tables.since(birth, subject), self.latest())
    }

    /// Has no purge after `birth` concerned it?
    pub(in crate::cache) fn untouched(&self, birth: u64, subject: Subject<'_>) -> bool {
        self.latest() == birth || self.since(birth, subject).0 == Ruling::Holds
    }

    /// The recorded purges of a subject's scopes, whenever it was stored.
    pub(in crate::cache) fn concerns(&self, subject: Subject<'_>) -> Vec<Concern> {
        let tables = self.read();
        let mut found = Vec::new();
        if tables.all.last() > 0 {
            found.push(Concern { scope: "all", text: String::new(), epoch: tables.all.last() });
        }
        tables.each(subject, |kind, text, record| {
            found.push(Concern { scope: kind.word(), text: text.to_owned(), epoch: record.last() });
        });
        found
    }

    /// Scopes on record.
    pub(in crate::cache) fn records(&self) -> usize {
        self.read().order.len()
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn enact(&mut self, (kind, text): (ScopeKind, &str), event: Event) {
        match kind {
            ScopeKind::All => self.purge_all(event),
            ScopeKind::Url => {
                self.add(ScopeKind::Url, text, event);
                self.add(ScopeKind::Path, without_query(text), event);
            }
            kind => self.add(kind, text, event),
        }
    }

    fn purge_all(&mut self, event: Event) {
        self.all.add(event.number, event.mode, event.at);
        if event.mode == Mode::Hard {
            // Whatever the other records are about is older than this.
            let all = std::mem::take(&mut self.all);
            *self = Self { all, floor: self.floor, ..Self::default() };
        }
    }

    fn add(&mut self, kind: ScopeKind, text: &str, event: Event) {
        if matches!(kind, ScopeKind::Tag | ScopeKind::Group) {
            self.tagged.add(event.number, event.mode, event.at);
        }
        let mut record = self.records.get(&kind).and_then(|table| table.get(text)).cloned().unwrap_or_default();
        record.add(event.number, event.mode, event.at);
        self.put((kind, text), record);
    }

    /// Puts a record in the place of what was known of its scope.
    fn put(&mut self, (kind, text): (ScopeKind, &str), record: Record) {
        match kind {
            ScopeKind::All => return self.all = record,
            ScopeKind::Tagged => return self.tagged = record,
            _ => {}
        }
        let table = self.records.entry(kind).or_default();
        let text = table.get_key_value(text).map_or_else(|| Arc::from(text), |(known, _)| known.clone());
        let last = record.last();
        match table.insert(text.clone(), record) {
            Some(known) => _ = self.order.remove(&(known.last(), kind)),
            None if kind == ScopeKind::Prefix => *self.prefix_lengths.entry(text.len()).or_default() += 1,
            None => {}
        }
        self.order.insert((last, kind), text);
    }

    /// Gives up the oldest records above a number of them, and what the floor has made superfluous.
    fn bound(&mut self, records_max: usize) {
        while let Some(((oldest, _), _)) = self.order.first_key_value()
            && (self.order.len() > records_max || *oldest <= self.floor)
        {
            self.give_up_oldest();
        }
    }

    fn give_up_oldest(&mut self) {
        let Some(((number, kind), text)) = self.order.pop_first() else { return };
        self.floor = self.floor.max(number);
        if let Some(table) = self.records.get_mut(&kind) {
            table.remove(&text);
        }
        if kind == ScopeKind::Prefix
            && let Some(count) = self.prefix_lengths.get_mut(&text.len())
        {
            *count -= 1;
            if *count == 0 {
                self.prefix_lengths.remove(&text.len());
            }
        }
    }

    fn since(&self, birth: u64, subject: Subject<'_>) -> Ruling {
        if birth < self.floor {
            return Ruling::Purged;
        }
        let mut ruling = self.all.since(birth);
        if subject.tags.is_none_or(Tags::are_cut) {
            ruling = ruling.and(self.tagged.since(birth));
        }
        self.each(subject, |_, _, record| ruling = ruling.and(record.since(birth)));
        ruling
    }

    /// Shows every record of a scope that the subject is in, but not that of all.
    fn each(&self, subject: Subject<'_>, mut show: impl FnMut(ScopeKind, &str, &Record)) {
        let mut look = |kind, text: &str| {
            if let Some(record) = self.records.get(&kind).and_then(|table| table.get(text)) {
                show(kind, text, record);
            }
        };
        let place = Place::of(subject.key);
        look(ScopeKind::Host, place.host);
        look(ScopeKind::Url, place.url);
        if place.merged {
            look(ScopeKind::Path, without_query(place.url));
        }
        for length in self.prefix_lengths.range(..=place.url.len()).map(|(length, _)| *length) {
            // A length that ends inside a character is no prefix of this URL.
            if let Some(prefix) = place.url.get(..length) {
                look(ScopeKind::Prefix, prefix);
            }
        }
        let Some(tags) = subject.tags else { return };
        tags.names().iter().for_each(|name| look(ScopeKind::Tag, name));
        for name in tags.groups() {
            look(
                ScopeKind::Group,
                &Scope::Group { origin: place.origin.to_owned(), name: name.to_string() }.to_string(),
            );
        }
    }
}

/// Under what its purges are recorded.
fn kind(scope: &Scope) -> ScopeKind {
    match scope {
        Scope::All => ScopeKind::All,
        Scope::Host(_) => ScopeKind::Host,
        Scope::Url(_) => ScopeKind::Url,
        Scope::Prefix(_) => ScopeKind::Prefix,
        Scope::Tag(_) => ScopeKind::Tag,
        Scope::Group { .. } => ScopeKind::Group,
    }
}

fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

#[cfg(test)]
mod tests;
