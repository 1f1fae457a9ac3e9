//! The store: records under hashed keys, written by one thread, read by everybody.
//!
//! What is put is found from that moment on, first in what is pending and then in the log; what is removed is gone from that
//! moment on. It knows bytes only. Nothing here waits for the disk but what is `async`, and nothing fails: a store that
//! cannot be used is an empty one that says so in a metric.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prometheus::{IntCounter, IntCounterVec, Registry};

use super::answer::{Later, Mark, Put, Reading, Record};
use super::bounds::{Budget, Pool, Room};
use super::device::Device;
use super::generations::Kept;
use super::home::{self, Home, Wanted};
use super::latch::Latch;
use super::limits::Limits;
use super::metrics::{Attempt, Metrics, Outcome};
use super::read::Patience;
use super::record::{KeyHash, Kind};
use super::secret::Secret;
use super::share::Share;
use super::site::{Folders, Site};
use super::state::{State, States};
use super::stock::Stock;
use super::trouble::Trouble;
use super::writer::{Attendant, Desk, Ended, Pace, Writer};
use crate::config;

/// How long a clean end may take: several times what a full queue needs on a slow disk.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

/// A start waits for the log to be recovered, so that the first requests are not all misses; then it goes on without.
const PACE: Pace = Pace {
    pause_first: Duration::from_millis(100),
    pause_max: Duration::from_secs(10),
    look: Duration::from_secs(5),
    start: Duration::from_secs(2),
};

/// The store of a node. Cloning shares it; the last one to be dropped closes it.
pub(in crate::cache) struct Store<S: Site = Folders>(Arc<Inner<S>>);

struct Inner<S: Site> {
    stock: Arc<Stock<S::Device>>,
    states: Arc<States>,
    metrics: Arc<Metrics>,
    attendant: Arc<OnceLock<Attendant<S::Device>>>,
    ended: Arc<Latch>,
    secret: Secret,
    budget: Budget,
    pool: Pool,
}

impl<S: Site> Clone for Store<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Store {
    /// Opens the folder, or begins without and tries again: see `forebay_disk_state`.
    pub(in crate::cache) fn open(config: &config::Disk, registry: &Registry) -> Result<Self, prometheus::Error> {
        Self::begin(Folders::new(config.path.clone()), config, PACE, registry)
    }
}

impl<S: Site> Store<S> {
    pub(super) fn begin(
        site: S,
        config: &config::Disk,
        pace: Pace,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        let metrics = Arc::new(Metrics::register(registry)?);
        let stock = Arc::new(Stock::new(config.queue_bytes_max, metrics.damaged.clone()));
        let states = Arc::new(States::new(site.name()));
        Metrics::watch(registry, &stock, &states)?;
        let (attendant, settled, ended) = <(Arc<OnceLock<_>>, Arc<Latch>, Arc<Latch>)>::default();
        let entered = home::enter(&site, Wanted::Any).map_err(|barred| {
            // Whatever is there when it can be entered is begun anew, so nothing of it is owed a removal.
            stock.make_void();
            metrics.failed(Attempt::Open);
            let trouble = Trouble::Barred(barred);
            states.set(trouble.state(), &trouble);
            settled.open();
        });
        let entered = entered.ok();
        stock.set_home(entered.as_ref().map(|entered| entered.home.clone()));
        let secret = entered.as_ref().map_or_else(Secret::draw, |entered| entered.secret);
        let limits = Limits { segment_bytes: config.segment_bytes, bytes_max: config.bytes_max };
        let desk = Desk {
            stock: stock.clone(),
            states: states.clone(),
            metrics: metrics.clone(),
            attendant: attendant.clone(),
            settled: settled.clone(),
        };
        let ending = Ended { states: states.clone(), latch: ended.clone() };
        let writer = Writer::new(site, desk, (entered, secret), limits, pace);
        let life = move || {
            let _ending = ending;
            writer.run();
        };
        if let Err(error) = thread::Builder::new().name("disk-writer".into()).spawn(life) {
            states.set(State::Failed, &error);
        } else {
            settled.wait(pace.start);
        }
        let (budget, pool) = (Budget::new(config.write_rate, Instant::now()), Pool::new(config.reads_max));
        Ok(Self(Arc::new(Inner { stock, states, metrics, attendant, ended, secret, budget, pool })))
    }

    /// Waits until everything is written.
    #[cfg(test)]
    pub(in crate::cache) fn wait_until_quiet(&self) {
        self.0.stock.queue.wait_until_quiet();
    }

    /// The keyed hash of a key in parts; no two lists of parts run into each other.
    pub(in crate::cache) fn hash(&self, parts: &[&[u8]]) -> KeyHash {
        self.0.secret.hash(parts)
    }

    /// The key of one slice of a large body.
    pub(in crate::cache) fn slice_key(&self, generation: u64, number: u32) -> KeyHash {
        self.0.secret.slice_key(generation, number)
    }

    /// Takes the place of what the key had.
    pub(in crate::cache) fn put(&self, key: KeyHash, kind: Kind, content: (Bytes, Bytes)) -> Put {
        let room = if self.0.states.now().takes_writes() {
            self.0.stock.queue.try_room(content.0.len() + content.1.len()).ok_or(Outcome::QueueFull)
        } else {
            Err(Outcome::Unavailable)
        };
        self.put_into(room, key, kind, content)
    }

    /// The same, with room that was waited for. It must have been asked for as many bytes as `content` has.
    pub(in crate::cache) fn put_in(&self, room: Room, key: KeyHash, kind: Kind, content: (Bytes, Bytes)) -> Put {
        let room = if !self.0.states.now().takes_writes() {
            Err(Outcome::Unavailable)
        } else if room.holds(content.0.len() + content.1.len()) {
            Ok(room)
        } else {
            Err(Outcome::QueueFull)
        };
        self.put_into(room, key, kind, content)
    }

    fn put_into(&self, room: Result<Room, Outcome>, key: KeyHash, kind: Kind, content: (Bytes, Bytes)) -> Put {
        let bytes = content.0.len() + content.1.len();
        let put = room.and_then(|room| {
            let queued = self.0.stock.put(key, kind, content, room);
            queued.then_some(()).ok_or(Outcome::Unavailable)
        });
        if kind == Kind::Entry {
            self.count(put.err().unwrap_or(Outcome::Stored));
        }
        if put.is_err() {
            self.0.stock.remove(key);
            return Put::Skipped;
        }
        self.0.budget.charge(bytes as u64, Instant::now());
        Put::Queued
    }

    /// The key has nothing from now on, also after a restart.
    pub(in crate::cache) fn remove(&self, key: KeyHash) {
        self.0.stock.remove(key);
    }

    /// What kind of record the key has; `None` where it has none.
    pub(in crate::cache) fn kind(&self, key: KeyHash) -> Option<Kind> {
        self.0.stock.kind(key)
    }

    /// The record, where no disk must be waited for.
    pub(in crate::cache) fn read(&self, key: KeyHash) -> Reading {
        read(&self.0.stock, &self.0.metrics, key, Patience::Now)
    }

    /// The record, as soon as the disk has brought it.
    pub(in crate::cache) async fn wait(&self, later: Later) -> Option<Record> {
        let (stock, metrics) = (self.0.stock.clone(), self.0.metrics.clone());
        let reading = self.0.pool.run(move || read(&stock, &metrics, later.0, Patience::Wait)).await;
        if let Some(Reading::Here(record)) = reading { Some(record) } else { None }
    }

    /// Is this still what the key has? `false` also where it was moved meanwhile: written, or kept by eviction.
    pub(in crate::cache) fn is_latest(&self, key: KeyHash, mark: Mark) -> bool {
        self.0.stock.is_latest(key, mark)
    }

    /// Room for a record of so many bytes, meta and body, as soon as there is some; `None` where there is no disk to write
    /// to. Given back when it is dropped.
    pub(in crate::cache) async fn reserve(&self, bytes: usize) -> Option<Room> {
        tokio::select! {
            biased;
            () = self.0.states.until(|state| !state.takes_writes()) => None,
            room = self.0.stock.queue.room(bytes) => room,
        }
    }

    /// Does the write rate leave anything for one more response? What was begun is written in any case.
    pub(in crate::cache) fn affords(&self) -> bool {
        self.0.budget.affords(Instant::now())
    }

    /// Counts a response that was not even put, and what was put is counted by `put`.
    pub(in crate::cache) fn count(&self, outcome: Outcome) {
        self.0.metrics.admission(outcome);
    }

    /// Counts evictions in the counter of all tiers.
    pub(in crate::cache) fn count_evictions_in(&self, evictions: &IntCounterVec) {
        self.0.metrics.count_evictions_in(evictions);
    }

    /// Keeps the slices of a body from eviction, for one who reads or writes it.
    pub(in crate::cache) fn keep(&self, generation: u64) -> Kept {
        self.0.stock.contents.generations.keep(generation)
    }

    /// The folder, while there is one.
    pub(in crate::cache) fn home(&self) -> Option<Arc<Home<S::Device>>> {
        self.0.stock.home()
    }

    /// Names the one who is told when the store is begun anew later on. The first one stays.
    pub(in crate::cache) fn attend(&self, attendant: Attendant<S::Device>) {
        _ = self.0.attendant.set(attendant);
    }

    /// For one who keeps a file in the folder. Room for what it grows by is made soon; twice its size, and half a mebibyte
    /// more, are always free.
    pub(in crate::cache) fn share(&self) -> Share {
        Share::of(self.0.stock.aside.clone())
    }

    /// Gives up all that is stored, at once for readers, and soon on the disk: the folder is entered once more, and the
    /// attendant is told.
    pub(in crate::cache) fn begin_anew(&self) {
        let Inner { stock, .. } = &*self.0;
        stock.make_void();
        stock.forsaken.store(true, Ordering::Release);
        stock.queue.nudge();
    }

    /// Where failures to make something outlast a power cut are counted.
    pub(in crate::cache) fn sync_errors(&self) -> IntCounter {
        self.0.metrics.failures(Attempt::Sync)
    }

    pub(super) fn state(&self) -> State {
        self.0.states.now()
    }

    /// Bytes that wait to be written.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.0.stock.queue.bytes()
    }

    /// Records on the disk, and the bytes of memory that finding them takes.
    pub(super) fn index(&self) -> (usize, usize) {
        let index = &self.0.stock.contents.index;
        (index.len(), index.bytes())
    }
}

impl<S: Site> Inner<S> {
    /// Writes what waits, and ends the log so that the next start is fast. Blocks for some seconds at most. What is put
    /// afterwards is not stored, and what is removed afterwards is gone for this process only.
    fn close(&self) {
        self.stock.queue.close(Instant::now() + CLOSE_PATIENCE);
        // The deadline is looked at between two writes; one that never ends is not waited for.
        if !self.ended.wait(2 * CLOSE_PATIENCE) {
            tracing::warn!("disk tier: a write does not end; what waits to be written is lost");
        }
    }
}

impl<S: Site> Drop for Inner<S> {
    fn drop(&mut self) {
        self.close();
    }
}

fn read<D: Device>(stock: &Stock<D>, metrics: &Metrics, key: KeyHash, patience: Patience) -> Reading {
    let begun = Instant::now();
    match stock.read(key, patience) {
        Ok(Reading::Here(record)) => {
            metrics.read(record.meta.len() + record.body.len(), begun.elapsed());
            Reading::Here(record)
        }
        Ok(reading) => reading,
        Err(error) => {
            metrics.failed(Attempt::Read);
            tracing::debug!(%error, "a record cannot be read");
            Reading::Absent
        }
    }
}

#[cfg(test)]
mod tests;
