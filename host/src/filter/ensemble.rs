//! The filters of one exchange at work: their seats, and the messages that they still have to see.
//!
//! Everything that enters a guest of this exchange goes through here, one callback at a time: the exchange itself by
//! `Run`, and the bodies on their way by `FilteredBody`, from whichever task polls them. The lock around it is never held
//! over an await, and hardly ever contended: the parts of one exchange follow each other.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{mem, thread};

use bytes::{Bytes, BytesMut};
use http::response;

use super::bodies::direction::Direction;
use super::bodies::heads::Heads;
use super::bodies::piece::Piece;
use super::calls::pauses::Pauses;
use super::failure::{Broken, Callback, FailureKind, FilterFailure};
use super::instance::decision::Decision;
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
    pub(super) response: ResponsePhase,
    /// The reply that took the response's place, while filters still have to see it.
    pub(super) answer: Option<LocalReply>,
    pub(super) pauses: Pauses,
    /// What a filter decided while nobody was at hand to be told; heeded before the response goes on.
    pub(super) late: Option<Verdict>,
    /// The heads, once the exchange has given them away, where a filter has yet to see them.
    pub(super) kept: Option<Box<Heads>>,
    /// The heads, once the exchange is over, for contexts that outlive it.
    pub(super) left: Option<Box<Heads>>,
    /// The filters that have still to see a body that was not read ahead, both ways.
    pub(super) request_from: usize,
    pub(super) response_to: Option<usize>,
    /// What ended a body before its end.
    pub(super) ended: Option<Verdict>,
}

/// Whether the response callbacks have run: they see one response per exchange, so that filters which answer in them
/// cannot go round in circles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponsePhase {
    Ahead,
    /// A filter holds it back, and so many have still to see it.
    Left(usize),
    Over,
}

/// A body that goes no further; `Ensemble::ended` says why.
#[derive(Debug)]
pub(super) struct Ended;

impl Ensemble {
    pub(super) fn new(plugins: Arc<[Arc<Plugin>]>, conditions: Conditions, stream: Stream) -> Self {
        let seats = Seats::new(plugins.len(), stream);
        Self {
            plugins,
            conditions,
            seats,
            response: ResponsePhase::Ahead,
            answer: None,
            pauses: Pauses::default(),
            late: None,
            kept: None,
            left: None,
            request_from: 0,
            response_to: None,
            ended: None,
        }
    }

    /// Hands the request to the filters that have not seen it; `None` where one of them holds it back.
    pub(super) fn on_request(&mut self, request: &mut RequestHead, end: EndOfStream) -> Option<Verdict> {
        if self.seats.count() > 0 {
            // Not the first time: who was there has waited meanwhile.
            self.seats.start_watch();
        }
        for plugin in &self.plugins[self.seats.count()..] {
            if !self.conditions.hold(self.seats.count(), request) {
                self.seats.pass();
                continue;
            }
            match self.seats.enter(plugin, request, end) {
                Ok(Decision::Continue | Decision::Done) => {}
                Ok(Decision::Pause) => {
                    self.pauses.at_head(self.seats.count() - 1, Callback::RequestHeaders);
                    return None;
                }
                Ok(Decision::Reply(reply)) => {
                    self.seats.replied(&reply);
                    return Some(Verdict::Reply(*reply));
                }
                Ok(Decision::Close) => return Some(Verdict::Close),
                Err(failure) if plugin.profile.on_error == OnError::FailClosed => return Some(Verdict::Fail(failure)),
                Err(_) => {}
            }
        }
        Some(Verdict::Continue)
    }

    /// Hands the response to the filters that have not seen it; `None` where one of them holds it back.
    pub(super) fn on_response(
        &mut self,
        request: &mut RequestHead,
        response: &mut response::Parts,
        end: EndOfStream,
    ) -> Option<Verdict> {
        self.hear();
        let left = match mem::replace(&mut self.response, ResponsePhase::Over) {
            ResponsePhase::Ahead => self.seats.count(),
            ResponsePhase::Left(left) => left,
            ResponsePhase::Over => return Some(Verdict::Continue),
        };
        match self.late.take() {
            None | Some(Verdict::Continue) => {}
            Some(Verdict::Reply(reply)) => self.replace(response, reply),
            Some(other) => return Some(other),
        }
        self.seats.start_watch();
        for (index, plugin) in self.plugins[..left].iter().enumerate().rev() {
            let end = self.answer.as_ref().map_or(end, |reply| reply.body.is_empty().into());
            match self.seats.answer(index, plugin, (&mut *request, &mut *response), end) {
                Ok(Decision::Continue | Decision::Done) => {}
                Ok(Decision::Pause) => {
                    self.pauses.at_head(index, Callback::ResponseHeaders);
                    self.response = ResponsePhase::Left(index);
                    return None;
                }
                Ok(Decision::Reply(reply)) => {
                    self.seats.replied(&reply);
                    put(&reply, response);
                    self.answer = Some(*reply);
                }
                Ok(Decision::Close) => return Some(Verdict::Close),
                Err(failure) if plugin.profile.on_error == OnError::FailClosed => return Some(Verdict::Fail(failure)),
                Err(_) => {}
            }
        }
        if let Some(notes) = self.seats.notes_mut() {
            notes.status = Some(response.status);
        }
        Some(self.answer.take().map_or(Verdict::Continue, Verdict::Reply))
    }

    /// Has a reply take the response's place; filters that have not seen the response see the reply.
    pub(super) fn replace(&mut self, response: &mut response::Parts, reply: LocalReply) {
        put(&reply, response);
        self.answer = Some(reply);
    }

    /// The filters entered that have not read this body ahead.
    pub(super) fn remaining(&self, direction: Direction) -> Range<usize> {
        match direction {
            Direction::Request => self.request_from..self.seats.count(),
            Direction::Response => 0..self.response_to.unwrap_or(self.seats.count()),
        }
    }

    /// Whether any of them sees it, or what follows it.
    pub(super) fn sees(&self, direction: Direction) -> bool {
        let mut entered = self.plugins[self.remaining(direction)].iter();
        entered.any(|plugin| plugin.interests.behind_head(direction))
    }

    /// Takes a piece of a body that is not the last through the filters of `turns`, each of which may hold it back in its
    /// place in `held`. What comes out at the other end may go on; `None` where a filter holds it.
    pub(super) fn on_body(
        &mut self,
        (direction, turns): (Direction, Range<usize>),
        held: &mut [BytesMut],
        bytes: Bytes,
    ) -> Result<Option<Bytes>, Ended> {
        self.walk((direction, turns), held, bytes, |ensemble, index, place, bytes| {
            ensemble.step(direction, index, place, bytes)
        })
    }

    /// Takes `what` of a body from filter to filter of `turns` by `step`, as far as they let it.
    pub(super) fn walk<T>(
        &mut self,
        (direction, turns): (Direction, Range<usize>),
        held: &mut [BytesMut],
        what: T,
        mut step: impl FnMut(&mut Self, usize, (&mut Heads, &mut BytesMut), T) -> Result<Option<T>, Ended>,
    ) -> Result<Option<T>, Ended> {
        if self.ended.is_some() {
            return Err(Ended);
        }
        let Some(mut heads) = self.kept.take() else { return Ok(Some(what)) };
        self.seats.start_watch();
        let mut outcome = Ok(Some(what));
        for turn in 0..turns.len() {
            let index = direction.seat(turn, &turns);
            let Ok(Some(what)) = outcome else { break };
            outcome = step(self, index, (&mut heads, &mut held[index]), what);
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
            Ok(Decision::Continue | Decision::Done) => {
                self.pauses.let_go(direction, index);
                return Ok(Some(whole));
            }
            Ok(Decision::Pause) => {
                drop(before);
                self.pauses.hold(direction, index);
                if whole.len() <= plugin.profile.limits.body_buffer_max {
                    *held = whole.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
                    return Ok(None);
                }
                let cause = format!("the guest holds back {} bytes of a body", whole.len());
                self.pauses.let_go(direction, index);
                let broken = Broken::new(FailureKind::BodyBuffer, cause);
                let failure = self.seats.fail(index, plugin, (direction.callback(), broken));
                return end_or_skip(&mut self.ended, plugin, (failure, whole));
            }
            Ok(Decision::Reply(reply)) => self.ended = Some(Verdict::Reply(*reply)),
            Ok(Decision::Close) => self.ended = Some(Verdict::Close),
            Err(failure) => {
                self.pauses.let_go(direction, index);
                return end_or_skip(&mut self.ended, plugin, (failure, before.unwrap_or_default()));
            }
        }
        Err(Ended)
    }

    /// How long a filter may hold the exchange back.
    pub(super) fn pause_max(&self) -> Duration {
        self.plugins.first().map_or(Duration::ZERO, |plugin| plugin.profile.limits.pause_max)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.seats.elapsed()
    }

    /// Ends the contexts of all filters entered, with log, done and delete. A second call does nothing: every seat is left
    /// once.
    pub(super) fn end(&mut self) {
        let mut heads = self.kept.take();
        if self.seats.any_taken() {
            self.leave_all(&mut heads);
        }
        // Contexts that wait for their calls since an earlier end have the heads already.
        self.left = heads.or(self.left.take());
    }

    fn leave_all(&mut self, heads: &mut Option<Box<Heads>>) {
        let panicking = thread::panicking();
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

    /// Deletes the contexts that have outlived the exchange.
    pub(super) fn delete_lingerers(&mut self) {
        self.seats.start_watch();
        while let Some(index) = self.seats.lingerer() {
            self.seats.delete(index, &self.plugins[index]);
        }
    }
}

/// Puts a reply's head in the place of a response's.
fn put(reply: &LocalReply, response: &mut response::Parts) {
    response.status = reply.status;
    response.headers = reply.headers.clone();
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
