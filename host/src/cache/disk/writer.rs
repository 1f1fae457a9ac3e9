//! The one thread that writes: enters the folder, recovers the log, writes what is queued, and tries again where the disk
//! fails.
//!
//! Every turn either makes some progress or ends in a trouble, which makes the state and the length of the next pause. So
//! there is one way back for a full disk, a failing one and one that was taken away.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::bounds::{Op, Task};
use super::device::Device;
use super::home::{self, Entered, HOME_BYTES, Home, Wanted};
use super::latch::Latch;
use super::limits::Limits;
use super::log::{Content, Log, WriteError};
use super::metrics::{Attempt, Metrics};
use super::record::Kind;
use super::recovery::{Found, recover};
use super::secret::Secret;
use super::site::{Barred, Site};
use super::state::{State, States};
use super::stock::Stock;
use super::tally::Reason;

/// What others keep in the folder counts in steps of this, so that the log's budget does not change with each byte.
const ASIDE_STEP: u64 = 64 << 10;

/// What others may write in the folder before the log makes room for it.
const ASIDE_SPARE: u64 = 512 << 10;

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
}

/// A folder that is entered, and its log once that is recovered.
struct Session<S: Site> {
    home: Arc<Home<S::Device>>,
    lock: S::Lock,
    log: Option<Log<S::Device>>,
    /// It was said that the disk is smaller than the budget.
    cramped: bool,
}

/// Why a turn made no progress.
#[derive(Debug)]
pub(super) enum Trouble {
    Barred(Barred),
    Io(Attempt, io::Error),
}

impl Trouble {
    pub(super) fn state(&self) -> State {
        match self {
            Self::Barred(Barred::Locked(_)) => State::Locked,
            Self::Barred(Barred::Io { error, .. }) | Self::Io(_, error) => State::after(error),
        }
    }

    fn attempt(&self) -> Attempt {
        match self {
            Self::Io(attempt, _) => *attempt,
            Self::Barred(_) => Attempt::Open,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Barred(barred) => barred.fmt(f),
            Self::Io(Attempt::Write, error) => write!(f, "writing fails: {error}"),
            Self::Io(_, error) => error.fmt(f),
        }
    }
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
        Self { site, desk, secret, limits, pace, session, pause, troubled, well: false, looked }
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
            log.seal();
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
        let patience = if self.troubled { Duration::ZERO } else { self.pace.look };
        let Some(op) = self.desk.stock.queue.take(patience) else {
            self.well();
            return Ok(());
        };
        let written = write(log, op, &self.desk);
        if let Ok(Some(Written)) = written {
            self.well();
            if op.task == Task::Put {
                self.pause = self.pace.pause_first;
            }
        }
        written.map(drop)
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
        self.desk.metrics.failed(trouble.attempt());
        self.desk.states.set(trouble.state(), trouble);
        self.desk.settled.open();
        if self.desk.stock.queue.is_closing() {
            return ControlFlow::Break(());
        }
        self.desk.stock.queue.pause(self.pause);
        self.pause = (self.pause * 2).min(self.pace.pause_max);
        ControlFlow::Continue(())
    }
}

/// Something reached the disk.
struct Written;

/// Writes what is queued; `None` where something newer took its place.
fn write<D: Device>(log: &mut Log<D>, op: Op, desk: &Desk<D>) -> Result<Option<Written>, Trouble> {
    let Desk { stock, metrics, .. } = desk;
    let record = match op.task {
        Task::Remove => None,
        Task::Put => match stock.pending.numbered(op.key, op.number) {
            None => return Ok(None),
            record => record,
        },
    };
    let (kind, meta, body): (_, &[u8], &[u8]) =
        record.as_ref().map_or((Kind::Removal, &[], &[]), |record| (record.kind, &record.meta, &record.body));
    let begun = Instant::now();
    match log.write(&Content { kind, key: op.key, meta, body }) {
        Ok(place) => {
            metrics.wrote(place.length, begun.elapsed());
            stock.done(op);
            Ok(Some(Written))
        }
        // Only the record is wrong, and what the key had before is removed in its place.
        Err(WriteError::TooLarge(_)) if op.task == Task::Put => {
            stock.failed(op);
            Ok(None)
        }
        Err(error) => {
            stock.failed(op);
            Err(Trouble::Io(Attempt::Write, plain(error)))
        }
    }
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
