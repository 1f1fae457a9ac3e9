//! A fetch that several requests share: one writes, all read, each at its own pace.
//!
//! The state behind `Lead`, `Filling` and `Follower`. While a body is small enough for memory, all its bytes stay, so a
//! request that comes late reads from the start. Once it has outgrown that, what lies in the disk tier may go from memory,
//! and readers that are behind fetch it from there. Where nothing takes it, the flight is closed to newcomers and becomes a
//! bounded window: the writer waits for the slowest reader, and bytes that everybody has read are let go.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::content::Content;
use super::disk::Kept;
use super::entry::Head;
use super::tier::Slices;
use crate::body::BodyError;
use crate::semantics::{ProxyError, Selection, Trouble};

mod window;

use window::Window;

/// Bytes that a flight which does not keep all holds in memory.
const WINDOW_BYTES: u64 = 1 << 20;

/// Why a fetch brought no response; told to everybody who waited for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchFailure {
    pub error: ProxyError,
    /// The stable word of a failure that is not the origin's; `None` where it is, and the error's token is its word.
    pub own_word: Option<&'static str>,
    pub detail: Arc<str>,
}

impl FetchFailure {
    /// The trouble with the origin behind it; `None` where it was not the origin's.
    pub fn trouble(&self) -> Option<Trouble> {
        if self.own_word.is_some() { None } else { Trouble::of_failure(self.error) }
    }
}

/// Where a fetch stands.
#[derive(Debug, Clone)]
pub(super) enum Phase {
    /// No head yet.
    Fetching,
    /// Head and part of the body are here.
    Streaming,
    /// The whole body is here.
    Complete,
    /// The answer is for the one who fetched it: everybody else fetches alone. Its body comes.
    Alone,
    /// The same, and the whole body is here.
    AloneComplete,
    /// The answer cannot be shared or stored: everybody fetches alone.
    Released,
    /// The leader is gone: somebody else takes over.
    Lost,
    /// There is no answer.
    Failed(FetchFailure),
    /// The body broke off.
    Broken(BodyError),
}

pub(super) struct Flight {
    /// The last purge that was in force when the lookup that led to it began.
    pub(super) began: u64,
    pub(super) head: OnceLock<Arc<Head>>,
    /// For which values of which request fields it is fetched, where that is known before the head is here.
    presumed: Option<Selection>,
    /// How many invalidations there had been when it was asked for.
    pub(super) took_off: u64,
    /// Where the bytes lie that are no longer in memory.
    slices: OnceLock<(Slices, Kept)>,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    window: Window,
    keeping: Keeping,
    /// From the start, so many bytes can be read from the slices.
    spilled: u64,
    seats: Vec<Option<Seat>>,
    /// Somebody has had a seat.
    boarded: bool,
    writer: Option<Waker>,
}

/// What of a body stays in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    All,
    /// What is not in the slices yet, and a little more.
    Unspilled,
    /// What the slowest reader has not had; and the writer waits for it.
    Unread,
}

/// One reader: how far it is, and whom to wake.
struct Seat {
    at: u64,
    waker: Option<Waker>,
}

/// What comes next for a reader.
pub(super) enum Piece {
    Here(Bytes),
    /// It is to be read from the slices, from this position; they are written up to another.
    Behind {
        at: u64,
        written: u64,
    },
}

impl Flight {
    pub(super) fn new(took_off: u64, began: u64, presumed: Option<Selection>) -> Self {
        Self {
            began,
            head: OnceLock::new(),
            presumed,
            took_off,
            slices: OnceLock::new(),
            state: Mutex::new(State {
                phase: Phase::Fetching,
                window: Window::default(),
                keeping: Keeping::All,
                spilled: 0,
                seats: Vec::new(),
                boarded: false,
                writer: None,
            }),
        }
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By which request fields its answer is selected, as far as that is known.
    pub(super) fn selection(&self) -> Option<&Selection> {
        self.head.get().map(|head| &head.selection).or(self.presumed.as_ref())
    }

    /// Takes a reader in, at the start of the body.
    pub(super) fn sit(&self) -> usize {
        let mut state = self.lock();
        state.boarded = true;
        let seat = Some(Seat { at: 0, waker: None });
        match state.seats.iter().position(Option::is_none) {
            Some(free) => {
                state.seats[free] = seat;
                free
            }
            None => {
                state.seats.push(seat);
                state.seats.len() - 1
            }
        }
    }

    /// Has everybody left who was here?
    pub(super) fn deserted(&self) -> bool {
        let state = self.lock();
        state.boarded && state.seats.iter().all(Option::is_none)
    }

    /// This reader goes on from `at`: what lies before is not for it, or it has had it.
    pub(super) fn move_on(&self, seat: usize, at: u64) {
        let waker = self.lock().move_on(seat, at);
        waker.into_iter().for_each(Waker::wake);
    }

    pub(super) fn leave(&self, seat: usize) {
        let mut state = self.lock();
        state.seats[seat] = None;
        let waker = state.after_reading();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Enters `phase` and wakes every reader.
    pub(super) fn enter(&self, phase: Phase) {
        let mut state = self.lock();
        state.phase = phase;
        let wakers = state.readers_to_wake();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Adds a piece of the body.
    pub(super) fn add(&self, chunk: Bytes) {
        let mut state = self.lock();
        state.window.push(chunk);
        state.let_go();
        let wakers = state.readers_to_wake();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The whole content at once, in place of `add`.
    pub(super) fn bring(&self, content: &Content) {
        match content.sliced() {
            Some(sliced) if content.here().is_none() => {
                self.spill_to(sliced.slices());
                let mut state = self.lock();
                state.window = Window::empty_at(sliced.total());
                state.spilled = sliced.total();
            }
            _ => content.here().into_iter().for_each(|bytes| self.add(bytes.clone())),
        }
    }

    /// What has been written to these slices need not stay in memory.
    pub(super) fn spill_to(&self, slices: &Slices) {
        let _ = self.slices.set((slices.clone(), slices.keep()));
        self.lock().keeping = Keeping::Unspilled;
    }

    /// From the start, so many bytes can be read from the slices.
    pub(super) fn spilled(&self, bytes: u64) {
        let mut state = self.lock();
        state.spilled = bytes;
        state.let_go();
    }

    /// Nothing takes the body any more: from now on its readers set the pace. No newcomer may be seated.
    pub(super) fn narrow(&self) {
        let mut state = self.lock();
        state.keeping = Keeping::Unread;
        state.let_go();
    }

    /// Where the bytes lie that are no longer in memory.
    pub(super) fn slices(&self) -> Option<&Slices> {
        self.slices.get().map(|(slices, _)| slices)
    }

    /// Ready when there is room for more; `false` when nobody reads any more. Only a narrow flight makes it wait.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        if state.keeping != Keeping::Unread {
            return Poll::Ready(true);
        }
        if state.seats.iter().all(Option::is_none) {
            return Poll::Ready(false);
        }
        if state.window.held() <= WINDOW_BYTES {
            return Poll::Ready(true);
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The whole body, put together; call after the last `add`, where all of it stays in memory.
    pub(super) fn whole(&self) -> Bytes {
        self.lock().window.joined()
    }

    /// Ready when the fetch has left `Fetching`.
    pub(super) fn poll_landed(&self, seat: usize, cx: &mut Context<'_>) -> Poll<Phase> {
        let mut state = self.lock();
        if let Phase::Fetching = state.phase {
            state.wait(seat, cx);
            return Poll::Pending;
        }
        Poll::Ready(state.phase.clone())
    }

    /// The next piece of the body for this reader.
    pub(super) fn poll_next(&self, seat: usize, cx: &mut Context<'_>) -> Poll<Option<Result<Piece, BodyError>>> {
        let mut state = self.lock();
        let Some(at) = state.seats[seat].as_ref().map(|seat| seat.at) else {
            return Poll::Ready(Some(Err(BodyError::Abandoned)));
        };
        if let Some(chunk) = state.window.at(at) {
            let waker = state.move_on(seat, at + chunk.len() as u64);
            drop(state);
            waker.into_iter().for_each(Waker::wake);
            return Poll::Ready(Some(Ok(Piece::Here(chunk))));
        }
        if at < state.spilled {
            return Poll::Ready(Some(Ok(Piece::Behind { at, written: state.spilled })));
        }
        match &state.phase {
            Phase::Complete | Phase::AloneComplete => Poll::Ready(None),
            Phase::Broken(error) => Poll::Ready(Some(Err(error.clone()))),
            Phase::Streaming | Phase::Fetching | Phase::Alone => {
                state.wait(seat, cx);
                Poll::Pending
            }
            Phase::Released | Phase::Lost | Phase::Failed(_) => Poll::Ready(Some(Err(BodyError::Abandoned))),
        }
    }

    /// How many bytes this reader has still to come, where the head told the length.
    pub(super) fn left(&self, seat: usize) -> Option<u64> {
        let length = self.head.get()?.length?;
        let at = self.lock().seats[seat].as_ref().map_or(0, |seat| seat.at);
        Some(length.saturating_sub(at))
    }

    /// Has this reader had everything? Also where the writer has not said so yet, but the head did.
    pub(super) fn finished(&self, seat: usize) -> bool {
        let promised = self.head.get().and_then(|head| head.length);
        let state = self.lock();
        let Some(seat) = &state.seats[seat] else { return false };
        let at_end = seat.at >= state.window.end();
        promised == Some(seat.at) || (at_end && matches!(state.phase, Phase::Complete | Phase::AloneComplete))
    }
}

impl State {
    fn wait(&mut self, seat: usize, cx: &mut Context<'_>) {
        if let Some(Some(seat)) = self.seats.get_mut(seat) {
            match &mut seat.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
        }
    }

    fn readers_to_wake(&mut self) -> Vec<Waker> {
        self.seats.iter_mut().flatten().filter_map(|seat| seat.waker.take()).collect()
    }

    fn move_on(&mut self, seat: usize, at: u64) -> Option<Waker> {
        if let Some(Some(seat)) = self.seats.get_mut(seat) {
            seat.at = at;
        }
        self.after_reading()
    }

    /// A reader moved on or left: lets pieces go, and gives the writer to wake if that made room.
    fn after_reading(&mut self) -> Option<Waker> {
        self.let_go();
        let room = self.window.held() <= WINDOW_BYTES || self.seats.iter().all(Option::is_none);
        if room { self.writer.take() } else { None }
    }

    fn let_go(&mut self) {
        let read = match self.keeping {
            Keeping::All => return,
            Keeping::Unspilled => 0,
            Keeping::Unread => {
                let end = self.window.end();
                self.seats.iter().flatten().map(|seat| seat.at).min().unwrap_or(end)
            }
        };
        let spilled = self.spilled;
        self.window.let_go(|end, held| end <= read || (end <= spilled && held > WINDOW_BYTES));
    }
}
