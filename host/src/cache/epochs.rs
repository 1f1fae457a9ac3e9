//! Purges in constant time: one sequence of numbers for the whole node, and no index of what is stored.
//!
//! Every purge takes the next number. A response carries the number that stood when its lookup began, before anything was
//! read, and is good while no purge that concerns it has a higher one; so what was being fetched or confirmed when a purge
//! came is never used after it. Records are bounded: where the oldest is given up, everything from before it counts as
//! purged.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::place::Place;
use super::purge::{Mode, Purge, Scope};
use super::records::{Record, Ruling};
use crate::clock::Timestamp;
use crate::semantics::Tags;

/// What a purge may concern: something stored, or on its way.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) key: &'a str,
    /// `None` while nobody knows them: then every purge of a tag or a group concerns it.
    pub(super) tags: Option<&'a Tags>,
}

/// A purge that concerns a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    pub scope: &'static str,
    /// Empty for a purge of all.
    pub text: String,
    pub epoch: u64,
}

pub(super) struct Epochs {
    /// The last purge that is in force. Written under the tables' lock.
    latest: AtomicU64,
    tables: RwLock<Tables>,
    records_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Host,
    Url,
    /// A URL without its query, beside each URL: where one key stands for several queries, nobody can tell from a key
    /// which ones, so a purge of any concerns it.
    Path,
    Prefix,
    Tag,
    Group,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Url | Self::Path => "url",
            Self::Prefix => "prefix",
            Self::Tag => "tag",
            Self::Group => "group",
        }
    }
}

#[derive(Default)]
struct Tables {
    /// The last purge whose record was given up: whatever is older counts as purged.
    floor: u64,
    all: Record,
    /// Purges of any tag or group.
    tagged: Record,
    records: HashMap<Kind, HashMap<Arc<str>, Record>>,
    /// How many prefixes have which length in bytes.
    prefix_lengths: BTreeMap<usize, usize>,
    /// The scopes by their last purge.
    order: BTreeMap<(u64, Kind), Arc<str>>,
}

impl Epochs {
    pub(super) fn new(records_max: usize) -> Self {
        Self { latest: AtomicU64::new(0), tables: RwLock::default(), records_max }
    }

    /// The number of the last purge: what a lookup takes down before it reads anything.
    pub(super) fn latest(&self) -> u64 {
        self.latest.load(Ordering::Acquire)
    }

    /// Takes the next number for a purge, and returns it once the purge is in force for everybody.
    pub(super) fn purge(&self, purge: &Purge, at: Timestamp) -> u64 {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let number = self.latest.load(Ordering::Relaxed) + 1;
        let text = purge.scope.to_string();
        match &purge.scope {
            Scope::All => tables.purge_all(number, purge.mode, at),
            Scope::Host(_) => tables.add(Kind::Host, &text, (number, purge.mode, at)),
            Scope::Url(_) => {
                tables.add(Kind::Url, &text, (number, purge.mode, at));
                tables.add(Kind::Path, without_query(&text), (number, purge.mode, at));
            }
            Scope::Prefix(_) => tables.add(Kind::Prefix, &text, (number, purge.mode, at)),
            Scope::Tag(_) => tables.add(Kind::Tag, &text, (number, purge.mode, at)),
            Scope::Group { .. } => tables.add(Kind::Group, &text, (number, purge.mode, at)),
        }
        while tables.order.len() > self.records_max {
            tables.give_up_oldest();
        }
        self.latest.store(number, Ordering::Release);
        number
    }

    /// What the purges after `birth` make of a subject, and the last purge that was looked at.
    pub(super) fn since(&self, birth: u64, subject: Subject<'_>) -> (Ruling, u64) {
        let tables = self.read();
        // Purges write it under the lock that is held here.
        (tables.since(birth, subject), self.latest())
    }

    /// Has no purge after `birth` concerned it?
    pub(super) fn untouched(&self, birth: u64, subject: Subject<'_>) -> bool {
        self.latest() == birth || self.since(birth, subject).0 == Ruling::Holds
    }

    /// The recorded purges of a subject's scopes, whenever it was stored.
    pub(super) fn concerns(&self, subject: Subject<'_>) -> Vec<Concern> {
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
    pub(super) fn records(&self) -> usize {
        self.read().order.len()
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn purge_all(&mut self, number: u64, mode: Mode, at: Timestamp) {
        self.all.add(number, mode, at);
        if mode == Mode::Hard {
            // Whatever the other records are about is older than this.
            let all = std::mem::take(&mut self.all);
            *self = Self { all, floor: self.floor, ..Self::default() };
        }
    }

    fn add(&mut self, kind: Kind, text: &str, (number, mode, at): (u64, Mode, Timestamp)) {
        if matches!(kind, Kind::Tag | Kind::Group) {
            self.tagged.add(number, mode, at);
        }
        let table = self.records.entry(kind).or_default();
        let text = table.get_key_value(text).map_or_else(|| Arc::from(text), |(known, _)| known.clone());
        let record = table.entry(text.clone()).or_default();
        if record.last() > 0 {
            self.order.remove(&(record.last(), kind));
        } else if kind == Kind::Prefix {
            *self.prefix_lengths.entry(text.len()).or_default() += 1;
        }
        record.add(number, mode, at);
        self.order.insert((number, kind), text);
    }

    fn give_up_oldest(&mut self) {
        let Some(((number, kind), text)) = self.order.pop_first() else { return };
        self.floor = self.floor.max(number);
        if let Some(table) = self.records.get_mut(&kind) {
            table.remove(&text);
        }
        if kind == Kind::Prefix
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
    fn each(&self, subject: Subject<'_>, mut show: impl FnMut(Kind, &str, &Record)) {
        let mut look = |kind, text: &str| {
            if let Some(record) = self.records.get(&kind).and_then(|table| table.get(text)) {
                show(kind, text, record);
            }
        };
        let place = Place::of(subject.key);
        look(Kind::Host, place.host);
        look(Kind::Url, place.url);
        if place.merged {
            look(Kind::Path, without_query(place.url));
        }
        for length in self.prefix_lengths.range(..=place.url.len()).map(|(length, _)| *length) {
            // A length that ends inside a character is no prefix of this URL.
            if let Some(prefix) = place.url.get(..length) {
                look(Kind::Prefix, prefix);
            }
        }
        let Some(tags) = subject.tags else { return };
        tags.names().iter().for_each(|name| look(Kind::Tag, name));
        for name in tags.groups() {
            look(Kind::Group, &Scope::Group { origin: place.origin.to_owned(), name: name.to_string() }.to_string());
        }
    }
}

fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

#[cfg(test)]
mod tests;
