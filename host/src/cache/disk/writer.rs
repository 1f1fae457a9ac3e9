//! The one thread that writes: enters the folder, recovers the log, writes what is queued, and tries again where the disk
//! fails.
//!
//! Every turn either makes some progress or ends in a trouble, which makes the state and the length of the next pause. So
//! there is one way back for a full disk, a failing one and one that was taken away.

use std::io;
use std::iter;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::answer::Record;
use super::bounds::{Op, Task, Turn};
use super::device::Device;
use super::home::{self, Entered, HOME_BYTES, Home, Wanted};
use super::latch::Latch;
use super::limits::Limits;
use super::log::{Content, Log, WriteError};
use super::metrics::{Attempt, Metrics};
use super::pending::What;
use super::record::Kind;
use super::recovery::{Found, recover};
use super::secret::Secret;
use super::site::Site;
use super::state::{State, States};
use super::stock::Stock;
use super::tally::Reason;
use super::trouble::Trouble;

/// What others keep in the folder counts in steps of this, so that the log's budget does not change with each byte.
const ASIDE_STEP: u64 = 64 << 10;

/// What others may write in the folder before the log makes room for it.
const ASIDE_SPARE: u64 = 512 << 10;

/// Records that are written in one call, if so many wait. More bring nothing more.
const TOGETHER_MAX: usize = 16;

/// Room is given back when one part in this many of all room is spent.
const SPENT_SHARE: u64 = 16;

/// A disk that fails now and then costs the end of a store some tries, and not all that is stored.
const LAST_TRIES: u32 = 3;

/// Told when the store was begun anew while the process lives, before anything is written to it.
pub(in crate::cache) type Attendant<D> = Box<dyn Fn(&Home<D>) -> io::Result<()> + Send + Sync>;

/// How long the writer waits for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Before the first new try after a trouble; it doubles with each further one.
    pub(super) pause_first: Duration,
    pub(super) pause_max: Duration,
    /// How often it looks whether the folder is still there.
    pub(super) look: Duration,
    /// How long a start waits until it is known how the store is.
    pub(super) start: Duration,
}

/// What the writer shares with the store.
pub(super) struct Desk<D: Device> {
    pub(super) stock: Arc<Stock<D>>,
    pub(super) states: Arc<States>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) attendant: Arc<OnceLock<Attendant<D>>>,
    /// Open once it is known how the store is.
    pub(super) settled: Arc<Latch>,
}

pub(super) struct Writer<S: Site> {
    site: S,
    desk: Desk<S::Device>,
    secret: Secret,
    limits: Limits,
    pace: Pace,
    session: Option<Session<S>>,
    pause: Duration,
    troubled: bool,
    /// It was said that everything is well, and nothing else since.
    well: bool,
    looked: Instant,
    spent: Spent,
    /// Troubles that are borne once the queue is closed.
    last_tries: u32,
}

/// What is written, and whose room is not given back yet. Those who wait for room are woken once for many records then, not
/// once for each, which costs more than to write one.
#[derive(Default)]
struct Spent {
    records: Vec<What>,
    turns: Vec<Turn>,
    bytes: u64,
}

/// A folder that is entered, and its log once that is recovered.
struct Session<S: Site> {
    home: Arc<Home<S::Device>>,
    lock: S::Lock,
    log: Option<Log<S::Device>>,
    /// It was said that the disk is smaller than the budget.
    cramped: bool,
}

impl<S: Site> Writer<S> {
    /// `entered` is the folder, where the start of the process could enter it.
    pub(super) fn new(
        site: S,
        desk: Desk<S::Device>,
        (entered, secret): (Option<Entered<S>>, Secret),
        limits: Limits,
        pace: Pace,
    ) -> Self {
        let session = entered.map(|Entered { home, lock, .. }| Session { home, lock, log: None, cramped: false });
        let (pause, looked) = (pace.pause_first, Instant::now());
        let troubled = session.is_none();
        let spent = Spent::default();
        Self {
            site,
            desk,
            secret,
            limits,
            pace,
            session,
            pause,
            troubled,
            well: false,
            looked,
            spent,
            last_tries: LAST_TRIES,
        }
    }

    /// Writes until the queue is closed and empty, or there is no time left for it.
    pub(super) fn run(mut self) {
        if self.troubled {
            self.desk.stock.queue.pause(self.pause);
        }
        while !self.desk.stock.queue.is_over() {
            if let Err(trouble) = self.turn()
                && self.rest(&trouble).is_break()
            {
                break;
            }
        }
        if let Some(Session { log: Some(log), .. }) = &mut self.session {
            if self.desk.stock.owes() {
                // It is forgotten with this process, and the next one would find what was given up.
                _ = log.remove_all();
            } else {
                log.seal();
            }
        }
    }

    fn turn(&mut self) -> Result<(), Trouble> {
        self.look();
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.enter()?,
        };
        let worked = self.work(&mut session);
        self.session = Some(session);
        worked
    }

    /// Is the folder still there, and still good? Asked now and then, and after each trouble. What it held is given up where
    /// it is not.
    fn look(&mut self) {
        let Desk { stock, states, metrics, .. } = &self.desk;
        let forsaken = stock.forsaken.swap(false, Ordering::AcqRel);
        if !forsaken && !self.troubled && self.looked.elapsed() < self.pace.look {
            return;
        }
        self.looked = Instant::now();
        let there = self.session.as_ref().is_none_or(|session| self.site.holds(&session.lock));
        if !there {
            metrics.failed(Attempt::Open);
            states.set(State::Absent, &"the folder was removed or replaced");
        }
        if forsaken || !there {
            (self.session, self.well) = (None, false);
            stock.set_home(None);
            stock.make_void();
            stock.contents.clear();
        }
    }

    fn enter(&self) -> Result<Session<S>, Trouble> {
        let Entered { home, lock, .. } = home::enter(&self.site, Wanted::New(self.secret)).map_err(Trouble::Barred)?;
        if let Some(attendant) = self.desk.attendant.get() {
            attendant(&home).map_err(|error| Trouble::Io(Attempt::Open, error))?;
        }
        self.desk.stock.set_home(Some(home.clone()));
        Ok(Session { home, lock, log: None, cramped: false })
    }

    fn work(&mut self, session: &mut Session<S>) -> Result<(), Trouble> {
        let log = match &mut session.log {
            Some(log) => log,
            none => none.insert(self.recover(&session.home)?),
        };
        if self.desk.stock.is_void() {
            log.remove_all().map_err(|error| Trouble::Io(Attempt::Remove, error))?;
            self.desk.stock.emptied();
        }
        let bytes_max = self.bytes_max();
        if log.limits.bytes_max != bytes_max {
            log.set_bytes_max(bytes_max).map_err(|error| Trouble::Io(Attempt::Remove, plain(error)))?;
            // Counted before the wait for the next record.
            self.desk.metrics.evicted(&log.take_tally());
        }
        let written = self.write_next(log);
        let tally = log.take_tally();
        self.desk.metrics.evicted(&tally);
        if tally.removed(Reason::NoSpace).records > 0 && !std::mem::replace(&mut session.cramped, true) {
            let bytes = self.desk.stock.contents.segments.bytes();
            tracing::warn!(
                bytes,
                "disk tier: the disk is full before the size is reached; the oldest is given up instead"
            );
        }
        written
    }

    fn recover(&self, home: &Home<S::Device>) -> Result<Log<S::Device>, Trouble> {
        let begun = Instant::now();
        let stock = &self.desk.stock;
        let (log, found) = recover(home.device.clone(), stock.contents.clone(), home.store, self.limits)
            .map_err(|error| Trouble::Io(Attempt::Open, error))?;
        self.desk.metrics.recovered(begun.elapsed());
        let (Found { segments, walked, given_up }, records) = (found, stock.contents.index.len());
        tracing::info!(segments, walked, given_up, records, "disk tier: recovered");
        if given_up > 0 {
            tracing::warn!(given_up, "disk tier: segments are given up, because newer records than theirs may be lost");
        }
        stock.recovered();
        Ok(log)
    }

    /// The log's share of the budget.
    fn bytes_max(&self) -> u64 {
        let aside = self.desk.stock.aside.load(Ordering::Relaxed);
        // Twice, because a file that is written anew is there twice for a moment.
        let aside = (2 * aside).next_multiple_of(ASIDE_STEP);
        self.limits.bytes_max.saturating_sub(HOME_BYTES + aside + ASIDE_SPARE)
    }

    fn write_next(&mut self, log: &mut Log<S::Device>) -> Result<(), Trouble> {
        if !self.troubled {
            self.well();
        }
        self.give_back();
        let patience = if self.troubled { Duration::ZERO } else { self.pace.look };
        let queue = &self.desk.stock.queue;
        let Some(next) = queue.take(patience) else {
            self.well();
            return Ok(());
        };
        // After a trouble one record is enough to see whether it is over.
        let more = if self.troubled { Vec::new() } else { queue.take_more(TOGETHER_MAX - 1) };
        let (ops, turns): (Vec<Op>, Vec<Option<Turn>>) = iter::once(next).chain(more).unzip();
        self.spent.turns.extend(turns.into_iter().flatten());
        let (written, trouble) = write(log, &ops, &self.desk);
        if written.bytes > 0 {
            self.spent.bytes += written.bytes;
            self.spent.records.extend(written.records);
            self.well();
            if ops.iter().any(|op| op.task == Task::Put) {
                self.pause = self.pace.pause_first;
            }
        }
        trouble.map_or(Ok(()), Err)
    }

    /// Gives room back if it is worth it, or if nothing else will soon.
    fn give_back(&mut self) {
        let queue = &self.desk.stock.queue;
        if self.spent.bytes > queue.bytes_max() as u64 / SPENT_SHARE || queue.is_empty() {
            self.spent = Spent::default();
        }
    }

    /// Says so once: this is called for every record, and each word of it would cost a lock or a system call.
    fn well(&mut self) {
        if std::mem::replace(&mut self.well, true) && !self.troubled {
            return;
        }
        self.troubled = false;
        self.desk.states.set(State::Ok, &"records are read and written");
        self.desk.settled.open();
    }

    /// Says what is wrong, and waits; `Break` where there is no time for that.
    fn rest(&mut self, trouble: &Trouble) -> ControlFlow<()> {
        (self.troubled, self.well) = (true, false);
        self.spent = Spent::default();
        self.desk.metrics.failed(trouble.attempt());
        self.desk.states.set(trouble.state(), trouble);
        self.desk.settled.open();
        if self.desk.stock.queue.is_closing() {
            self.last_tries -= 1;
            return if self.last_tries == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        }
        self.desk.stock.queue.pause(self.pause);
        self.pause = (self.pause * 2).min(self.pace.pause_max);
        ControlFlow::Continue(())
    }
}

/// Writes what is queued, but for what something newer took the place of. What reached the disk, and the first trouble.
fn write<D: Device>(log: &mut Log<D>, ops: &[Op], desk: &Desk<D>) -> (Spent, Option<Trouble>) {
    let Desk { stock, metrics, .. } = desk;
    let records = ops.iter().map(|op| stock.pending.numbered(op.key, op.number));
    let wanted = |(op, record): &(&Op, Option<Record>)| op.task == Task::Remove || record.is_some();
    let work: Vec<(&Op, Option<Record>)> = ops.iter().zip(records).filter(wanted).collect();
    let contents: Vec<Content<'_>> = work.iter().map(|(op, record)| content(op, record.as_ref())).collect();
    let begun = Instant::now();
    let results = log.write_all(&contents);
    let each = begun.elapsed() / results.len().max(1) as u32;
    let (mut spent, mut trouble) = (Spent::default(), None);
    for ((op, _), result) in work.iter().zip(results) {
        match result {
            Ok(place) => {
                metrics.wrote(place.length, each);
                spent.bytes += place.length;
                spent.records.extend(stock.done(**op));
            }
            // A log without room for a removal has none for anything that could come back.
            Err(WriteError::TooLarge(_)) if op.task == Task::Remove => match log.remove_all() {
                Ok(()) => drop(stock.done(**op)),
                Err(error) => {
                    stock.failed(**op);
                    trouble.get_or_insert(Trouble::Io(Attempt::Remove, error));
                }
            },
            Err(error) => {
                stock.failed(**op);
                // Only the record is wrong, and what the key had before is removed in its place.
                let harmless = matches!(error, WriteError::TooLarge(_)) && op.task == Task::Put;
                if !harmless {
                    trouble.get_or_insert(Trouble::Io(Attempt::Write, plain(error)));
                }
            }
        }
    }
    (spent, trouble)
}

fn content<'a>(op: &Op, record: Option<&'a Record>) -> Content<'a> {
    let nothing: (Kind, &[u8], &[u8]) = (Kind::Removal, &[], &[]);
    let (kind, meta, body) = record.map_or(nothing, |record| (record.kind, &record.meta, &record.body));
    Content { kind, key: op.key, meta, body }
}

fn plain(error: WriteError) -> io::Error {
    match error {
        WriteError::Io(error) => error,
        too_large => io::Error::other(too_large),
    }
}

/// Tells, when it is dropped, that the writer has ended and let go of the folder.
pub(super) struct Ended {
    pub(super) states: Arc<States>,
    pub(super) latch: Arc<Latch>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.states.set(State::Failed, &"the writer ended in a panic");
        }
        self.latch.open();
    }
}
