//! Whoever writes the journal: takes notes in their order, makes them durable together, and keeps the file small.
//!
//! One sync serves everybody who waits for it. When writing fails, nothing more is appended, because nobody knows what is
//! there: those who wait are told, and later how everything stands is written as a new journal, which brings what was
//! noted meanwhile as well. The same happens where the file has grown much larger than it would be anew.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::file::{Journal, record_bytes};
use super::metrics::JournalMetrics;
use super::notes::Batch;
#[cfg(test)]
use super::notes::Notes;
use super::ticket::{Durability, NotDurable};
use crate::cache::disk::device::Device;
use crate::cache::disk::share::Share;

/// A journal is written anew when it is so many times as long as it was then...
const GROWTH: u64 = 4;
/// ... and longer than this, which a start reads in less than a millisecond.
const SMALL_BYTES: u64 = 256 << 10;
/// How long a failing disk is left alone.
pub(super) const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// How everything stands, as the first record of a new journal; `None` once nobody knows any more.
pub(in crate::cache) type Standing = Box<dyn Fn() -> Option<Vec<u8>> + Send>;

/// A folder, and the store in it.
pub(in crate::cache) struct Seat<D> {
    pub(in crate::cache) device: Arc<D>,
    pub(in crate::cache) store: u64,
}

pub(in crate::cache) struct Scribe<D: Device> {
    standing: Standing,
    metrics: JournalMetrics,
    share: Share,
    small_bytes: u64,
    pause: Duration,
    seat: Option<Seat<D>>,
    state: State<D::File>,
}

enum State<F> {
    /// No folder has been used yet. What an earlier life left in it is given up as soon as it can be used, but a restart
    /// before that would find it, without the purges of this life.
    Absent,
    Writing {
        journal: Journal<F>,
        /// Beyond so many bytes it is written anew.
        length_max: u64,
    },
    Failed {
        why: NotDurable,
        retry: Instant,
    },
}

/// Why there is no new journal.
enum Setback {
    /// The one that counted still does.
    Kept(io::Error),
    /// Nobody knows which one counts.
    Unclear(io::Error),
}

impl<D: Device> Scribe<D> {
    /// Without a folder as yet. What the journal takes is counted in `share`.
    pub(in crate::cache) fn new(standing: Standing, share: Share, metrics: JournalMetrics) -> Self {
        let (seat, state) = (None, State::Absent);
        Self { standing, metrics, share, small_bytes: SMALL_BYTES, pause: RETRY_PAUSE, seat, state }
    }

    /// Tries again at once, and writes anew beyond so many bytes.
    #[cfg(test)]
    pub(in crate::cache) fn eager(mut self, small_bytes: u64) -> Self {
        (self.small_bytes, self.pause) = (small_bytes, Duration::ZERO);
        self
    }

    /// Writes on this thread what was noted.
    #[cfg(test)]
    pub(in crate::cache) fn write_noted(&mut self, notes: &Notes) {
        self.write(notes.take(Some(Duration::ZERO)).expect("the queue is open"));
    }

    /// Begins a new journal in a folder, with how everything stands now. After an error the folder cannot be used.
    pub(in crate::cache) fn attach(&mut self, seat: Seat<D>) -> io::Result<()> {
        match self.begin(&seat) {
            Ok(journal) => self.go_on(journal),
            Err(Setback::Kept(error) | Setback::Unclear(error)) => return Err(error),
        }
        self.seat = Some(seat);
        Ok(())
    }

    /// Writes what was noted, and tells those who wait.
    pub(super) fn write(&mut self, batch: Batch) {
        match &self.state {
            State::Absent => {}
            State::Failed { retry, .. } if *retry <= Instant::now() => self.renew(),
            State::Failed { .. } => {}
            // How everything stands has what was dropped.
            State::Writing { .. } if batch.spilled => self.renew(),
            State::Writing { .. } => self.append(&batch),
        }
        batch.answer(&self.durability());
    }

    /// How long nothing needs to be done where nothing is noted.
    pub(super) fn patience(&self) -> Option<Duration> {
        matches!(self.state, State::Failed { .. }).then_some(self.pause)
    }

    /// Makes durable what nobody waited for.
    pub(super) fn finish(&mut self) {
        if let State::Writing { journal, .. } = &self.state
            && let Err(error) = journal.sync()
        {
            self.fail(&error);
        }
    }

    fn durability(&self) -> Durability {
        match &self.state {
            State::Absent => Err(NotDurable::because(&"the folder of the disk tier cannot be used")),
            State::Writing { .. } => Ok(()),
            State::Failed { why, .. } => Err(why.clone()),
        }
    }

    fn append(&mut self, batch: &Batch) {
        let bytes: u64 = batch.payloads.iter().map(|payload| record_bytes(payload.len())).sum();
        if self.is_long_with(bytes) && self.compact() {
            return;
        }
        let State::Writing { journal, .. } = &mut self.state else { return };
        let began = Instant::now();
        let appended = journal.append(batch.payloads.iter().map(Vec::as_slice));
        let written = appended.and_then(|()| if batch.is_awaited() { journal.sync() } else { Ok(()) });
        self.share.set(journal.length());
        match written {
            Ok(()) if batch.is_awaited() => self.metrics.seconds.observe(began.elapsed().as_secs_f64()),
            Ok(()) => {}
            Err(error) => self.fail(&error),
        }
    }

    fn is_long_with(&self, bytes: u64) -> bool {
        matches!(&self.state, State::Writing { journal, length_max } if journal.length() + bytes > *length_max)
    }

    /// Writes the journal anew because it is long; `false` where the one that is there goes on.
    fn compact(&mut self) -> bool {
        match self.begin_again() {
            Ok(journal) => self.go_on(journal),
            Err(Setback::Unclear(error)) => self.fail(&error),
            Err(Setback::Kept(error)) => {
                self.metrics.errors.inc();
                tracing::warn!(%error, "the journal of the disk tier cannot be written anew, and grows");
                if let State::Writing { journal, length_max } = &mut self.state {
                    *length_max = journal.length() + self.small_bytes;
                }
                return false;
            }
        }
        true
    }

    /// Writes the journal anew because the one that is there does not say everything.
    fn renew(&mut self) {
        match self.begin_again() {
            Ok(journal) => self.go_on(journal),
            Err(Setback::Kept(error) | Setback::Unclear(error)) => self.fail(&error),
        }
    }

    fn begin_again(&mut self) -> Result<Journal<D::File>, Setback> {
        match self.seat.take() {
            None => Err(Setback::Kept(io::ErrorKind::NotFound.into())),
            Some(seat) => {
                let begun = self.begin(&seat);
                self.seat = Some(seat);
                begun
            }
        }
    }

    /// A new journal in the place of the one that is there; while both are, both are counted.
    fn begin(&mut self, seat: &Seat<D>) -> Result<Journal<D::File>, Setback> {
        let ending = || Setback::Kept(io::Error::other("the node is ending"));
        let standing = (self.standing)().ok_or_else(ending)?;
        let before = self.share.bytes();
        self.share.set(before + record_bytes(standing.len()));
        let drafted = Journal::draft(&*seat.device, seat.store, &standing);
        let begun =
            drafted.map_err(Setback::Kept).and_then(|draft| draft.install(&*seat.device).map_err(Setback::Unclear));
        self.share.set(begun.as_ref().map_or(before, Journal::length));
        begun
    }

    fn go_on(&mut self, journal: Journal<D::File>) {
        if matches!(self.state, State::Failed { .. }) {
            tracing::info!("purges are written down again");
        }
        let length_max = (journal.length() * GROWTH).max(self.small_bytes);
        self.state = State::Writing { journal, length_max };
    }

    fn fail(&mut self, error: &io::Error) {
        self.metrics.errors.inc();
        if !matches!(self.state, State::Failed { .. }) {
            tracing::error!(%error, "purges are in force, but cannot be written down");
        }
        self.state = State::Failed { why: NotDurable::because(error), retry: Instant::now() + self.pause };
    }
}

#[cfg(test)]
mod tests;
