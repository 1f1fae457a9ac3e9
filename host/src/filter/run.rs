//! One exchange's way through a chain.
//!
//! The exchange owns a `Run` from routing to the last byte and calls it twice; it is `Send` and holds no lock or borrow
//! in between. Each filter that is entered keeps an instance to itself until the run is dropped, which ends every context
//! and gives the instances back to their pools.

use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use http::response;

use super::failure::{Broken, Callback, FilterFailure};
use super::instance::{Decision, Instance, Loan};
use super::notes::Notes;
use super::plugin::Plugin;
use super::stream::{EndOfStream, Stream};
use super::verdict::{LocalReply, Verdict};
use crate::config::OnError;
use crate::semantics::RequestHead;

/// Dropping it ends the contexts of the filters entered, each with log, done and delete. In these the messages are no
/// longer readable: the exchange has given them away.
pub struct Run {
    plugins: Arc<[Arc<Plugin>]>,
    /// The filters entered so far, in request order; `None` once one has failed.
    seats: Vec<Option<Instance>>,
    /// `None` only where the chain is empty, or while a guest has it.
    notes: Option<Box<Notes>>,
    elapsed: Duration,
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
    pub(super) fn new(plugins: Arc<[Arc<Plugin>]>, stream: Stream) -> Self {
        let notes = (!plugins.is_empty()).then(|| Box::new(Notes::new(stream)));
        let seats = Vec::with_capacity(plugins.len());
        Self { plugins, seats, notes, elapsed: Duration::ZERO, response: ResponsePhase::Ahead }
    }

    /// Hands the request to every filter in chain order. Filters may change all of it. After a reply, a close or a failure
    /// the filters behind are not entered; the response that follows from it is still theirs who were.
    pub fn on_request(&mut self, request: &mut RequestHead, end: EndOfStream) -> Verdict {
        let plugins = self.plugins.clone();
        for plugin in &plugins[self.seats.len()..] {
            match self.enter(plugin, request, end) {
                Ok(Decision::Continue) => {}
                Ok(Decision::Reply(reply)) => return Verdict::Reply(*reply),
                Ok(Decision::Close) => return Verdict::Close,
                Err(failure) if plugin.profile.on_error == OnError::FailClosed => return Verdict::Fail(failure),
                Err(_) => {}
            }
        }
        Verdict::Continue
    }

    fn enter(
        &mut self,
        plugin: &Plugin,
        request: &mut RequestHead,
        end: EndOfStream,
    ) -> Result<Decision, FilterFailure> {
        let mut instance = match plugin.instance() {
            Ok(instance) => instance,
            Err(broken) => {
                self.seats.push(None);
                return Err(self.failure(plugin, Callback::Start, broken));
            }
        };
        let watch = Instant::now();
        let outcome = instance.request_headers(Loan { notes: &mut self.notes, request, response: None, end });
        self.clock(plugin, Callback::RequestHeaders, watch);
        self.seats.push(outcome.is_ok().then_some(instance));
        outcome.map_err(|broken| self.failure(plugin, Callback::RequestHeaders, broken))
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
        let plugins = self.plugins.clone();
        let mut answer: Option<LocalReply> = None;
        for index in (0..self.seats.len()).rev() {
            let end = answer.as_ref().map_or(end, |reply| reply.body.is_empty().into());
            let plugin = &plugins[index];
            match self.answer(index, plugin, (&mut *request, &mut *response), end) {
                Ok(Decision::Continue) => {}
                Ok(Decision::Reply(reply)) => {
                    response.status = reply.status;
                    response.headers = reply.headers.clone();
                    answer = Some(*reply);
                }
                Ok(Decision::Close) => return Verdict::Close,
                Err(failure) if plugin.profile.on_error == OnError::FailClosed => return Verdict::Fail(failure),
                Err(_) => {}
            }
        }
        if let Some(notes) = &mut self.notes {
            notes.status = Some(response.status);
        }
        answer.map_or(Verdict::Continue, Verdict::Reply)
    }

    fn answer(
        &mut self,
        index: usize,
        plugin: &Plugin,
        (request, response): (&mut RequestHead, &mut response::Parts),
        end: EndOfStream,
    ) -> Result<Decision, FilterFailure> {
        let Some(instance) = &mut self.seats[index] else {
            return Ok(Decision::Continue);
        };
        let watch = Instant::now();
        let outcome =
            instance.response_headers(Loan { notes: &mut self.notes, request, response: Some(response), end });
        self.clock(plugin, Callback::ResponseHeaders, watch);
        outcome.map_err(|broken| {
            self.seats[index] = None;
            self.failure(plugin, Callback::ResponseHeaders, broken)
        })
    }

    /// The origin that a filter chose for this exchange: the last one set.
    pub fn origin(&self) -> Option<&str> {
        self.notes.as_ref()?.marks.get().origin.as_deref()
    }

    /// Time spent in guests so far.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    fn clock(&mut self, plugin: &Plugin, callback: Callback, since: Instant) {
        let spent = since.elapsed();
        self.elapsed += spent;
        if let Some(duration) = plugin.meters.duration(callback) {
            duration.observe(spent.as_secs_f64());
        }
    }

    /// Counts and logs what went wrong.
    fn failure(&self, plugin: &Plugin, callback: Callback, broken: Broken) -> FilterFailure {
        plugin.meters.count_failure(broken.kind);
        let request_id = self.notes.as_ref().map_or("", |notes| &notes.stream.request_id);
        tracing::warn!(
            filter = %plugin.profile.name,
            callback = callback.word(),
            kind = broken.kind.word(),
            request_id,
            cause = broken.cause,
            backtrace = broken.backtrace,
            "filter failed"
        );
        FilterFailure { filter: plugin.profile.name.clone(), callback, kind: broken.kind }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // A guest entered while a panic unwinds could only turn it into an abort.
        if thread::panicking() {
            return;
        }
        let plugins = self.plugins.clone();
        let seats = mem::take(&mut self.seats);
        for (plugin, instance) in plugins.iter().zip(seats) {
            let Some(mut instance) = instance else { continue };
            let watch = Instant::now();
            let outcome = instance.finish(&mut self.notes);
            self.clock(plugin, Callback::Done, watch);
            match outcome {
                Ok(()) if instance.reusable() => plugin.pool.give_back(instance),
                Ok(()) => {}
                Err(broken) => drop(self.failure(plugin, Callback::Done, broken)),
            }
        }
    }
}
