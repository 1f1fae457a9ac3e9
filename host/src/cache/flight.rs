//! A fetch that several requests share: one writes, all read, from the first byte on.
//!
//! The state behind `Lead`, `Filling` and `Follower`. While a body may still be stored, all its bytes stay, so a request
//! that comes late reads from the start. Once it has grown past what may be stored, the flight is closed to newcomers and
//! becomes a bounded window: the writer waits for the slowest reader, and bytes that everybody has read are let go.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::content::Content;
use super::entry::Head;
use crate::body::BodyError;
use crate::semantics::{ProxyError, Selection};

/// Bytes that a flight in window mode holds for its slowest reader.
const WINDOW_BYTES: u64 = 1 << 20;

/// Why a fetch brought no response; told to everybody who waited for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchFailure {
    pub error: ProxyError,
    pub detail: Arc<str>,
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
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    chunks: VecDeque<Bytes>,
    /// The position of `chunks[0]` in the body, in chunks.
    first: usize,
    /// Bytes in `chunks`.
    held: u64,
    /// In window mode, read chunks are let go.
    window: bool,
    seats: Vec<Option<Seat>>,
    writer: Option<Waker>,
}

/// One reader: how far it is, and whom to wake.
struct Seat {
    next: usize,
    /// Bytes it has had.
    read: u64,
    waker: Option<Waker>,
}

impl Flight {
    pub(super) fn new(took_off: u64, began: u64, presumed: Option<Selection>) -> Self {
        Self {
            began,
            head: OnceLock::new(),
            presumed,
            took_off,
            state: Mutex::new(State {
                phase: Phase::Fetching,
                chunks: VecDeque::new(),
                first: 0,
                held: 0,
                window: false,
                seats: Vec::new(),
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
        let seat = Some(Seat { next: 0, read: 0, waker: None });
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

    /// Adds a piece of the body. From the first call with `window` on, the flight holds a window only.
    pub(super) fn add(&self, chunk: Bytes, window: bool) {
        let mut state = self.lock();
        state.held += chunk.len() as u64;
        state.chunks.push_back(chunk);
        state.window |= window;
        state.let_go();
        let wakers = state.readers_to_wake();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The whole content at once, in place of `add`.
    pub(super) fn bring(&self, content: &Content) {
        if let Some(bytes) = content.here() {
            self.add(bytes.clone(), false);
        }
    }

    /// Ready when there is room for more; `false` when nobody reads any more. Only window mode makes it wait.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        if !state.window {
            return Poll::Ready(true);
        }
        if state.seats.iter().all(Option::is_none) {
            return Poll::Ready(false);
        }
        if state.held <= WINDOW_BYTES {
            return Poll::Ready(true);
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The whole body, put together; call after the last `add`, outside window mode.
    pub(super) fn whole(&self) -> Bytes {
        let state = self.lock();
        let mut whole = bytes::BytesMut::with_capacity(usize::try_from(state.held).unwrap_or(0));
        for chunk in &state.chunks {
            whole.extend_from_slice(chunk);
        }
        whole.freeze()
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
    pub(super) fn poll_next(&self, seat: usize, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut state = self.lock();
        let Some(next) = state.seats[seat].as_ref().map(|seat| seat.next) else {
            return Poll::Ready(Some(Err(BodyError::Abandoned)));
        };
        if let Some(chunk) = state.chunks.get(next - state.first).cloned() {
            if let Some(seat) = &mut state.seats[seat] {
                seat.next = next + 1;
                seat.read += chunk.len() as u64;
            }
            let waker = state.after_reading();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
            return Poll::Ready(Some(Ok(chunk)));
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

    /// Has this reader had everything? Also where the writer has not said so yet, but the head did.
    pub(super) fn finished(&self, seat: usize) -> bool {
        let promised = self.head.get().and_then(|head| head.length);
        let state = self.lock();
        let Some(seat) = &state.seats[seat] else { return false };
        let at_end = seat.next == state.first + state.chunks.len();
        promised == Some(seat.read) || (at_end && matches!(state.phase, Phase::Complete | Phase::AloneComplete))
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

    /// A reader moved on or left: lets read chunks go, and gives the writer to wake if that made room.
    fn after_reading(&mut self) -> Option<Waker> {
        self.let_go();
        let room = self.held <= WINDOW_BYTES || self.seats.iter().all(Option::is_none);
        if room { self.writer.take() } else { None }
    }

    fn let_go(&mut self) {
        if !self.window {
            return;
        }
        let end = self.first + self.chunks.len();
        let slowest = self.seats.iter().flatten().map(|seat| seat.next).min().unwrap_or(end);
        while self.first < slowest {
            let Some(chunk) = self.chunks.pop_front() else { break };
            self.held -= chunk.len() as u64;
            self.first += 1;
        }
    }
}
