//! The filters of one exchange at work: their seats, and the messages that they still have to see.
//!
//! Everything that enters a guest of this exchange goes through here, one callback at a time: the exchange itself by
//! `Run`, and the bodies on their way by `FilteredBody`, from whichever task polls them. The lock around it is never held
//! over an await, and hardly ever contended: the parts of one exchange follow each other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{mem, thread};

use bytes::{Bytes, BytesMut};
use http::response;

use super::bodies::direction::Direction;
use super::bodies::heads::Heads;
use super::bodies::piece::Piece;
use super::failure::{Broken, FailureKind, FilterFailure};
use super::instance::Decision;
use super::plugin::Plugin;
use super::rollout::condition::Conditions;
use super::seats::Seats;
use super::stream::{EndOfStream, Stream};
use super::verdict::{LocalReply, Verdict};
use crate::config::OnError;
use crate::semantics::RequestHead;

/// What a run and its bodies share.
pub(super) type Shared = Arc<Mutex<Ensemble>>;

/// The ensemble. A panic in a guest's callback is none of ours: what it left is whole between callbacks.
pub(super) fn lock(shared: &Shared) -> MutexGuard<'_, Ensemble> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct Ensemble {
    pub(super) plugins: Arc<[Arc<Plugin>]>,
    conditions: Conditions,
    pub(super) seats: Seats,
    response: ResponsePhase,
    /// The heads, once the exchange has given them away, where a filter has yet to see them.
    pub(super) kept: Option<Box<Heads>>,
    /// What ended a body before its end.
    pub(super) ended: Option<Verdict>,
}

/// Whether the response callbacks have run: they see one response per exchange, so that filters which answer in them
/// cannot go round in circles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResponsePhase {
    Ahead,
    Over,
}

/// A body that goes no further; `Ensemble::ended` says why.
#[derive(Debug)]
pub(super) struct Ended;

impl Ensemble {
    pub(super) fn new(plugins: Arc<[Arc<Plugin>]>, conditions: Conditions, stream: Stream) -> Self {
        let seats = Seats::new(plugins.len(), stream);
        Self { plugins, conditions, seats, response: ResponsePhase::Ahead, kept: None, ended: None }
    }

    pub(super) fn on_request(&mut self, request: &mut RequestHead, end: EndOfStream) -> Verdict {
        self.seats.start_watch();
        for plugin in &self.plugins[self.seats.count()..] {
            if !self.conditions.hold(self.seats.count(), request) {
                self.seats.pass();
                continue;
            }
            match self.seats.enter(plugin, request, end) {
                Ok(Decision::Continue | Decision::Pause) => {}
                Ok(Decision::Reply(reply)) => {
                    self.seats.replied(&reply);
                    return Verdict::Reply(*reply);
                }
                Ok(Decision::Close) => return Verdict::Close,
                Err(failure) if plugin.profile.on_error == OnError::FailClosed => return Verdict::Fail(failure),
                Err(_) => {}
            }
        }
        Verdict::Continue
    }

    pub(super) fn on_response(
        &mut self,
        request: &mut RequestHead,
        response: &mut response::Parts,
        end: EndOfStream,
    ) -> Verdict {
        if mem::replace(&mut self.response, ResponsePhase::Over) == ResponsePhase::Over {
            return Verdict::Continue;
        }
        self.seats.start_watch();
        let mut answer: Option<LocalReply> = None;
        for (index, plugin) in self.plugins[..self.seats.count()].iter().enumerate().rev() {
            let end = answer.as_ref().map_or(end, |reply| reply.body.is_empty().into());
            match self.seats.answer(index, plugin, (&mut *request, &mut *response), end) {
                Ok(Decision::Continue | Decision::Pause) => {}
                Ok(Decision::Reply(reply)) => {
                    response.status = reply.status;
                    response.headers = reply.headers.clone();
                    self.seats.replied(&reply);
                    answer = Some(*reply);
                }
                Ok(Decision::Close) => return Verdict::Close,
                Err(failure) if plugin.profile.on_error == OnError::FailClosed => return Verdict::Fail(failure),
                Err(_) => {}
            }
        }
        if let Some(notes) = self.seats.notes_mut() {
            notes.status = Some(response.status);
        }
        answer.map_or(Verdict::Continue, Verdict::Reply)
    }

    /// Whether filters entered see this body, or what follows it.
    pub(super) fn sees(&self, direction: Direction) -> bool {
        let mut entered = self.plugins[..self.seats.count()].iter();
        entered.any(|plugin| plugin.interests.behind_head(direction))
    }

    /// Takes a piece of a body that is not the last through the filters, each of which may hold it back in its place in
    /// `held`. What comes out at the other end may go on; `None` where a filter holds it.
    pub(super) fn on_body(
        &mut self,
        direction: Direction,
        held: &mut [BytesMut],
        bytes: Bytes,
    ) -> Result<Option<Bytes>, Ended> {
        let Some(mut heads) = self.kept.take() else { return Ok(Some(bytes)) };
        self.seats.start_watch();
        let count = held.len().min(self.seats.count());
        let mut outcome = Ok(Some(bytes));
        for step in 0..count {
            let index = if direction == Direction::Request { step } else { count - 1 - step };
            let Ok(Some(bytes)) = outcome else { break };
            outcome = self.step(direction, index, (&mut heads, &mut held[index]), bytes);
        }
        self.kept = Some(heads);
        outcome
    }

    /// One filter's part in `on_body`.
    pub(super) fn step(
        &mut self,
        direction: Direction,
        index: usize,
        (heads, held): (&mut Heads, &mut BytesMut),
        bytes: Bytes,
    ) -> Result<Option<Bytes>, Ended> {
        let plugin = &*self.plugins[index];
        if !plugin.interests.in_body(direction) {
            return Ok(Some(bytes));
        }
        let whole = joined(held, bytes);
        // Where a failure is passed over, the filter's part in the body must not show.
        let before = (plugin.profile.on_error == OnError::FailOpen).then(|| whole.clone());
        let mut piece = Piece::of(direction, whole);
        let decision = self.seats.body(index, plugin, (direction.callback(), heads), (&mut piece, EndOfStream::No));
        let whole = piece.bytes;
        match decision {
            Ok(Decision::Continue) => return Ok(Some(whole)),
            Ok(Decision::Pause) => {
                drop(before);
                if whole.len() <= plugin.profile.limits.body_buffer_max {
                    *held = whole.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
                    return Ok(None);
                }
                let cause = format!("the guest holds back {} bytes of a body", whole.len());
                let broken = Broken::new(FailureKind::BodyBuffer, cause);
                let failure = self.seats.fail(index, plugin, (direction.callback(), broken));
                return end_or_skip(&mut self.ended, plugin, (failure, whole));
            }
            Ok(Decision::Reply(reply)) => self.ended = Some(Verdict::Reply(*reply)),
            Ok(Decision::Close) => self.ended = Some(Verdict::Close),
            Err(failure) => {
                return end_or_skip(&mut self.ended, plugin, (failure, before.unwrap_or_default()));
            }
        }
        Err(Ended)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.seats.elapsed()
    }

    /// Ends the contexts of all filters entered, with log, done and delete. A second call does nothing: every seat is left
    /// once.
    pub(super) fn end(&mut self) {
        let panicking = thread::panicking();
        let mut heads = self.kept.take();
        self.seats.start_watch();
        for (index, plugin) in self.plugins[..self.seats.count()].iter().enumerate() {
            if panicking {
                // A guest entered while a panic unwinds could only turn it into an abort.
                self.seats.abandon(index, plugin);
            } else {
                self.seats.leave(index, plugin, heads.as_deref_mut());
            }
        }
    }
}

/// What was held back, and what comes now; neither is copied where the other is empty.
pub(super) fn joined(held: &mut BytesMut, bytes: Bytes) -> Bytes {
    if held.is_empty() {
        return bytes;
    }
    held.extend_from_slice(&bytes);
    mem::take(held).freeze()
}

/// What a failed filter makes of a body: its end, or `bytes` as they came.
fn end_or_skip(
    ended: &mut Option<Verdict>,
    plugin: &Plugin,
    (failure, bytes): (FilterFailure, Bytes),
) -> Result<Option<Bytes>, Ended> {
    match plugin.profile.on_error {
        OnError::FailOpen => Ok(Some(bytes)),
        OnError::FailClosed => {
            *ended = Some(Verdict::Fail(failure));
            Err(Ended)
        }
    }
}
