//! Lives of a node on a disk that fails as a seed decides: what was acknowledged holds in every later life, or nobody
//! knows anything any more, and is told so.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use fastrand::Rng;
use futures_util::FutureExt;
use prometheus::IntCounter;

use super::*;
use crate::cache::disk::{PowerDisk, Ticket, Trouble};
use crate::cache::purging::epochs::Subject;
use crate::cache::purging::purge::{Mode, Purge, Scope};
use crate::cache::purging::records::Ruling;
use crate::clock::Timestamp;
use crate::semantics::Tags;

const SEEDS: u64 = 1_500;
const STORE: u64 = 7;
/// Fewer than there are scopes, so that records are given up.
const RECORDS_MAX: usize = 12;
const URLS: u64 = 10;

fn url(number: u64) -> String {
    format!("http://a.example/{number}")
}

/// A purge that was acknowledged.
struct Acknowledged {
    purge: Purge,
    number: u64,
    /// The URL that it concerns, and when it was; everything on purges of all.
    url: u64,
    at: Timestamp,
}

/// A node that knows only what it was told.
struct Node {
    seed: u64,
    rng: Rng,
    disk: PowerDisk,
    memories: Memories,
    scribe: Scribe<PowerDisk>,
    acknowledged: Vec<Acknowledged>,
    waiting: Vec<(Acknowledged, Ticket)>,
    /// Changes before the last purge that was acknowledged, and later ones.
    changed: Vec<(u64, u64)>,
    changing: Vec<(u64, u64)>,
    /// The largest numbers ever given out.
    given: (u64, u64),
    seconds: u64,
}

fn scribe(memories: &Memories) -> Scribe<PowerDisk> {
    let known = (Arc::downgrade(&memories.epochs), Arc::downgrade(&memories.changes));
    let errors = IntCounter::new("errors", "of the test").expect("a name");
    let metrics = JournalMetrics::register(&Registry::new(), errors).expect("new");
    let share = Share::of(Arc::<AtomicU64>::default());
    Scribe::new(Box::new(move || standing(&known)), share, metrics).eager(1_500)
}

impl Node {
    fn new(seed: u64) -> Self {
        let memories = Memories::none(Most::of(RECORDS_MAX, None));
        let scribe = scribe(&memories);
        let (acknowledged, waiting, changed, changing) = Default::default();
        let (disk, rng) = (PowerDisk::new(seed), Rng::with_seed(seed));
        let (given, seconds) = ((0, 0), 1_000);
        let mut node =
            Self { seed, rng, disk, memories, scribe, acknowledged, waiting, changed, changing, given, seconds };
        node.attach();
        node
    }

    fn attach(&mut self) {
        let seat = Seat { device: Arc::new(self.disk.clone()), store: STORE };
        self.scribe.attach(seat).unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
    }

    fn act(&mut self) {
        self.seconds += 1;
        match self.rng.u8(..10) {
            0..5 => self.purge(),
            5 => {
                let purge = Purge { scope: Scope::Group { origin: url(0), name: "g".to_owned() }, mode: Mode::Hard };
                let number = self.memories.epochs.purge(&purge, self.now());
                self.given.0 = number;
            }
            6..9 => {
                let number = self.rng.u64(..URLS);
                self.memories.changes.record(&url(number));
                self.given.1 = self.memories.changes.last(&url(number));
                self.changing.push((number, self.given.1));
            }
            _ => self.write(),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix(Duration::from_secs(self.seconds))
    }

    fn purge(&mut self) {
        let number = self.rng.u64(..URLS);
        let scope = match self.rng.u8(..20) {
            0 => Scope::All,
            1..5 => Scope::Tag(number.to_string()),
            5..9 => Scope::Prefix(url(number)),
            _ => Scope::Url(url(number)),
        };
        let mode = if self.rng.u8(..4) == 0 { Mode::Soft } else { Mode::Hard };
        let (purge, at) = (Purge { scope, mode }, self.now());
        let (epoch, ticket) = self.memories.epochs.purge_durably(&purge, at);
        assert!(epoch > self.given.0, "seed {}: {epoch} was given out before", self.seed);
        self.given.0 = epoch;
        self.waiting.push((Acknowledged { purge, number: epoch, url: number, at }, ticket));
    }

    fn write(&mut self) {
        self.scribe.write_noted(&self.memories.notes);
        for (purge, ticket) in std::mem::take(&mut self.waiting) {
            let told = ticket.durable().now_or_never();
            let told = told.unwrap_or_else(|| panic!("seed {}: nobody answers", self.seed));
            if told.is_ok() {
                self.acknowledged.push(purge);
                self.changed.append(&mut self.changing);
            }
        }
    }

    /// Is everything that was acknowledged in force?
    fn check(&self) {
        let seed = self.seed;
        for acknowledged in &self.acknowledged {
            let Acknowledged { purge, number, url: of, at } = acknowledged;
            let tags = tags(*of);
            let (ruling, _) = self.memories.epochs.since(number - 1, Subject { key: &url(*of), tags: Some(&tags) });
            let holds = match (ruling, purge.mode) {
                (Ruling::Purged, _) => true,
                (Ruling::Ends(end), Mode::Soft) => end <= *at,
                _ => false,
            };
            assert!(holds, "seed {seed}: {purge:?} has number {number} and is {ruling:?}");
        }
        for (number, change) in &self.changed {
            assert!(self.memories.changes.last(&url(*number)) >= *change, "seed {seed}: a change of {number} is lost");
        }
        assert!(self.memories.epochs.records() <= RECORDS_MAX, "seed {seed}");
    }

    /// The process ends and another one begins; `Begun::Anew` where nobody knows what there was.
    fn restart(&mut self) -> Begun {
        self.disk.mend();
        self.waiting.clear();
        self.changing.clear();
        let read = read_journal(&self.disk, STORE);
        let begun = if read.is_ok() { Begun::Again } else { Begun::Anew };
        let payloads = read.ok().map(|read| read.unwrap_or_else(|| panic!("seed {}: no journal", self.seed)));
        self.memories = match payloads {
            Some(payloads) => {
                Memories::of(&payloads, Most::of(RECORDS_MAX, None)).expect("what a journal has was written")
            }
            None => Memories::none(Most::of(RECORDS_MAX, None)),
        };
        if begun == Begun::Anew {
            (self.acknowledged, self.changed, self.given) = Default::default();
        }
        self.scribe = scribe(&self.memories);
        self.attach();
        begun
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    Again,
    Anew,
}

fn tags(number: u64) -> Tags {
    let value = http::HeaderValue::from_str(&number.to_string()).expect("digits");
    Tags::of(&http::HeaderMap::from_iter([(http::HeaderName::from_static("surrogate-key"), value)]))
}

fn live(seed: u64, each: impl Fn(&mut Node)) {
    let mut node = Node::new(seed);
    for _ in 0..4 {
        let count = node.rng.usize(..40);
        (0..count).for_each(|_| node.act());
        node.check();
        each(&mut node);
        node.check();
    }
}

#[test]
fn what_was_acknowledged_holds_after_a_death_at_any_step_and_a_power_cut() {
    for seed in 0..SEEDS {
        live(seed, |node| {
            let steps = node.rng.u32(..12);
            node.disk.expect(steps, Trouble::Death);
            while node.disk.trouble() == Trouble::None {
                node.act();
                node.write();
            }
            if node.rng.bool() {
                node.disk.cut_power();
            }
            assert_eq!(node.restart(), Begun::Again, "seed {seed}: nothing was damaged");
        });
    }
}

#[test]
fn what_a_failing_disk_did_not_take_is_not_acknowledged_until_it_does() {
    for seed in 0..SEEDS {
        live(seed, |node| {
            let steps = node.rng.u32(..12);
            let trouble = if node.rng.bool() { Trouble::Eio } else { Trouble::Full };
            node.disk.expect(steps, trouble);
            (0..20).for_each(|_| node.act());
            node.write();
            let mended = node.rng.bool();
            if mended {
                node.disk.mend();
                node.act();
                node.write();
            }
            if node.rng.bool() {
                node.disk.cut_power();
            }
            assert_eq!(node.restart(), Begun::Again, "seed {seed}: nothing was damaged");
        });
    }
}

#[test]
fn a_flipped_bit_brings_nothing_back() {
    for seed in 0..SEEDS {
        live(seed, |node| {
            node.write();
            assert!(node.disk.rot("journal"), "seed {seed}: there is a journal");
            assert_eq!(node.restart(), Begun::Anew, "seed {seed}: nobody noticed");
        });
    }
}

#[test]
fn a_small_disk_tier_has_room_for_few_records() {
    let most = |disk| (Most::of(100_000, disk).purges, Most::of(100_000, disk).changes);
    assert_eq!(most(None), (100_000, CHANGES_MAX));
    assert_eq!(most(Some(10 << 30)), (100_000, CHANGES_MAX));
    assert_eq!(most(Some(16 << 20)), (8_192, 8_192));
}
