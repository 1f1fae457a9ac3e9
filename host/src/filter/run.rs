//! One exchange's way through a chain.
//!
//! The exchange owns a `Run` from routing to the last byte and calls it twice; it is `Send` and holds no lock or borrow
//! in between. Each filter that is entered keeps an instance to itself until the run is finished or dropped, which ends
//! every context and gives the instances back to their pools.

use std::borrow::Cow;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use http::response;

use super::cache_verbs::CacheVerbs;
use super::instance::Decision;
use super::plugin::Plugin;
use super::rollout::condition::Conditions;
use super::seats::Seats;
use super::stream::{EndOfStream, Stream};
use super::verdict::{LocalReply, Verdict};
use crate::config::OnError;
use crate::semantics::RequestHead;

/// `finish`, or else dropping it, ends the contexts of the filters entered, each with log, done and delete. In these the
/// messages are no longer readable: the exchange has given them away.
pub struct Run {
    plugins: Arc<[Arc<Plugin>]>,
    conditions: Conditions,
    seats: Seats,
    response: ResponsePhase,
}

/// Whether the response callbacks have run: they see one response per exchange, so that filters which answer in them
/// cannot go round in circles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResponsePhase {
    Ahead,
    Over,
}

impl Run {
    pub(super) fn new(plugins: Arc<[Arc<Plugin>]>, conditions: Conditions, stream: Stream) -> Self {
        let seats = Seats::new(plugins.len(), stream);
        Self { plugins, conditions, seats, response: ResponsePhase::Ahead }
    }

    /// Hands the request to every filter in chain order. Filters may change all of it. After a reply, a close or a failure
    /// the filters behind are not entered; the response that follows from it is still theirs who were.
    pub fn on_request(&mut self, request: &mut RequestHead, end: EndOfStream) -> Verdict {
        self.seats.start_watch();
        let plugins = self.plugins.clone();
        for plugin in &plugins[self.seats.count()..] {
            if !self.conditions.hold(self.seats.count(), request) {
                self.seats.pass();
                continue;
            }
            match self.seats.enter(plugin, request, end) {
                Ok(Decision::Continue) => {}
                Ok(Decision::Reply(reply)) => {
                    self.replied(&reply);
                    return Verdict::Reply(*reply);
                }
                Ok(Decision::Close) => return Verdict::Close,
                Err(failure) if plugin.profile.on_error == OnError::FailClosed => return Verdict::Fail(failure),
                Err(_) => {}
            }
        }
        Verdict::Continue
    }

    /// Hands the response to the filters that had the request, in reverse order. `request` is lent to them too: what they
    /// change in it goes nowhere, but filters behind and the access log see it. A reply takes the response's place, and the
    /// filters that remain see it. A second call does nothing: every filter sees one response.
    pub fn on_response(
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
        let plugins = self.plugins.clone();
        for (index, plugin) in plugins[..self.seats.count()].iter().enumerate().rev() {
            let end = answer.as_ref().map_or(end, |reply| reply.body.is_empty().into());
            match self.seats.answer(index, plugin, (&mut *request, &mut *response), end) {
                Ok(Decision::Continue) => {}
                Ok(Decision::Reply(reply)) => {
                    response.status = reply.status;
                    response.headers = reply.headers.clone();
                    self.replied(&reply);
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

    /// The origin that a filter chose for this exchange: the last one set.
    pub fn origin(&self) -> Option<&str> {
        self.seats.notes()?.marks.get().origin.as_deref()
    }

    /// What filters wanted of the cache since this was asked last.
    pub fn take_cache_verbs(&mut self) -> Option<Box<CacheVerbs>> {
        let notes = self.seats.notes_mut()?;
        // Most filters want nothing, and looking changes nothing.
        notes.marks.get().verbs.as_ref()?;
        notes.marks.change().verbs.take()
    }

    /// Tells why the response is what it is, where no filter made it.
    pub fn set_details(&mut self, details: &'static str) {
        if let Some(notes) = self.seats.notes_mut() {
            notes.details.get_or_insert(Cow::Borrowed(details));
        }
    }

    fn replied(&mut self, reply: &LocalReply) {
        if let Some(notes) = self.seats.notes_mut() {
            notes.details = Some(Cow::Owned(reply.details.clone()));
        }
    }

    /// A property that a filter has left on this exchange, by its path with dots.
    pub fn property(&self, path: &str) -> Option<&[u8]> {
        self.seats.notes()?.marks.get().property(path.as_bytes())
    }

    /// Time spent in guests so far.
    pub fn elapsed(&self) -> Duration {
        self.seats.elapsed()
    }

    /// Ends the contexts now, and tells the time that all of the run has spent in guests.
    pub fn finish(mut self) -> Duration {
        self.end();
        self.elapsed()
    }

    /// A second call does nothing: every seat is left once.
    fn end(&mut self) {
        // A guest entered while a panic unwinds could only turn it into an abort.
        let leave = if thread::panicking() { Seats::abandon } else { Seats::leave };
        self.seats.start_watch();
        for (index, plugin) in self.plugins[..self.seats.count()].iter().enumerate() {
            leave(&mut self.seats, index, plugin);
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.end();
    }
}
