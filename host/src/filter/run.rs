//! One exchange's way through a chain.
//!
//! The exchange owns a `Run` from routing to the last byte: it calls it with each head, wraps its bodies by it, and ends
//! it. Each filter that is entered keeps its context until the run is finished or dropped.

use std::borrow::Cow;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{mem, thread};

use http::{Response, response};

use super::bodies::direction::Direction;
use super::bodies::filtered_body::FilteredBody;
use super::bodies::heads::Heads;
use super::cache_verbs::CacheVerbs;
use super::calls::arrivals;
use super::ensemble::{Ensemble, Shared, lock};
use super::plugin::Plugin;
use super::rollout::condition::Conditions;
use super::state::no_request;
use super::stream::{EndOfStream, Stream};
use super::verdict::Verdict;
use crate::body::Body;
use crate::semantics::RequestHead;

/// `finish`, or else dropping it, ends the contexts of the filters entered, each with log, done and delete. In these the
/// heads are readable where the run was given them to keep.
pub struct Run {
    shared: Shared,
    /// The body of the message at hand, for filters that read it while they hold the head back.
    /// Nobody locks it: a body alone could not be shared between threads, and a run must be.
    body: Mutex<Option<Body>>,
}

impl Run {
    pub(super) fn new(plugins: Arc<[Arc<Plugin>]>, conditions: Conditions, stream: Stream) -> Self {
        Self { shared: Arc::new(Mutex::new(Ensemble::new(plugins, conditions, stream))), body: Mutex::default() }
    }

    /// Hands the request to every filter in chain order. Filters may change all of it. After a reply, a close or a failure
    /// the filters behind are not entered; the response that follows from it is still theirs who were. Waits as long as one
    /// of them holds the request back; dropping it then is the client going away.
    pub async fn on_request(&mut self, request: &mut RequestHead, end: EndOfStream) -> Verdict {
        match self.hand_request(request, end) {
            Some(verdict) => verdict,
            None => Box::pin(self.held_request(request, end)).await,
        }
    }

    /// Hands the response to the filters that had the request, in reverse order. `request` is lent to them too: what they
    /// change in it goes nowhere, but filters behind and the access log see it. A reply takes the response's place, and the
    /// filters that remain see it. A second call does nothing: every filter sees one response. Waits as `on_request` does.
    pub async fn on_response(
        &mut self,
        request: &mut RequestHead,
        response: &mut response::Parts,
        end: EndOfStream,
    ) -> Verdict {
        match self.hand_response(request, response, end) {
            Some(verdict) => verdict,
            None => Box::pin(self.held_response(request, response, end)).await,
        }
    }

    /// Lends the body of the message that is about to be handed over, to filters that read it before they let the head go.
    pub fn lend_body(&mut self, body: Body) {
        *self.body_mut() = Some(body);
    }

    /// Gives the body back, on its way through those filters; a reply's where one has taken the response's place.
    pub fn body_back(&mut self) -> Option<Body> {
        self.body_mut().take()
    }

    fn body_mut(&mut self) -> &mut Option<Body> {
        self.body.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_request(&self, request: &mut RequestHead, end: EndOfStream) -> Option<Verdict> {
        let mut ensemble = lock(&self.shared);
        let verdict = ensemble.on_request(request, end);
        ensemble.depart(&self.shared);
        if verdict.is_some() && !ensemble.seats.calls.is_empty() {
            // The exchange goes on with the head; answers that come meanwhile find it as it was.
            ensemble.kept = Some(Box::new(Heads { request: request.clone(), response: None }));
        }
        verdict
    }

    async fn held_request(&mut self, request: &mut RequestHead, end: EndOfStream) -> Verdict {
        loop {
            let heads = Heads { request: mem::replace(request, no_request()), response: None };
            let (said, heads) = self.resumed(heads, Direction::Request).await;
            *request = heads.request;
            if !matches!(said, Verdict::Continue) {
                return said;
            }
            if let Some(verdict) = self.hand_request(request, end) {
                return verdict;
            }
        }
    }

    fn hand_response(
        &self,
        request: &mut RequestHead,
        response: &mut response::Parts,
        end: EndOfStream,
    ) -> Option<Verdict> {
        let mut ensemble = lock(&self.shared);
        let verdict = ensemble.on_response(request, response, end);
        ensemble.depart(&self.shared);
        verdict
    }

    async fn held_response(
        &mut self,
        request: &mut RequestHead,
        response: &mut response::Parts,
        end: EndOfStream,
    ) -> Verdict {
        loop {
            let blank = Response::new(()).into_parts().0;
            let (request_head, response_head) = (mem::replace(request, no_request()), mem::replace(response, blank));
            let heads = Heads { request: request_head, response: Some(response_head) };
            let (said, heads) = self.resumed(heads, Direction::Response).await;
            *request = heads.request;
            if let Some(head) = heads.response {
                *response = head;
            }
            match said {
                Verdict::Continue => {}
                Verdict::Reply(reply) => lock(&self.shared).replace(response, reply),
                other => return other,
            }
            if let Some(verdict) = self.hand_response(request, response, end) {
                return verdict;
            }
        }
    }

    /// Waits until the filter that holds a head back lets it go, or may not hold it any longer. Meanwhile the heads are
    /// where the answers to its calls find them.
    async fn resumed(&mut self, heads: Heads, direction: Direction) -> (Verdict, Heads) {
        lock(&self.shared).kept = Some(Box::new(heads));
        let said = match self.ahead(direction) {
            Some(mut filtered) => {
                let said = filtered.read_ahead().await;
                self.lend_body(Body::stream(filtered));
                said
            }
            None => self.said().await,
        };
        let mut ensemble = lock(&self.shared);
        let heads = ensemble.kept.take().expect("whoever enters a guest with the heads puts them back");
        (said, *ensemble.seats.release_heads().unwrap_or(heads))
    }

    /// The body on its way through the filters up to the one that holds the head back, where that one reads ahead.
    fn ahead(&mut self, direction: Direction) -> Option<FilteredBody> {
        let mut ensemble = lock(&self.shared);
        let seat = ensemble.pauses.head.as_ref()?.seat;
        if !ensemble.plugins[seat].reads_ahead(direction) {
            return None;
        }
        let body = match ensemble.answer.take_if(|reply| !reply.body.is_empty()) {
            Some(reply) => Body::from(reply.body),
            None => self.body.get_mut().unwrap_or_else(PoisonError::into_inner).take()?,
        };
        let mut seats = ensemble.remaining(direction);
        match direction {
            Direction::Request => {
                seats.end = seat + 1;
                ensemble.request_from = seat + 1;
            }
            Direction::Response => {
                seats.start = seat;
                ensemble.response_to = Some(seat);
            }
        }
        if let Some(head) = &mut ensemble.pauses.head {
            head.reads_ahead = true;
        }
        drop(ensemble);
        Some(FilteredBody::new(self.shared.clone(), (direction, seats), body))
    }

    async fn said(&self) -> Verdict {
        let (said, pause_max) = {
            let mut ensemble = lock(&self.shared);
            ensemble.hear();
            ensemble.give_up_head_if_stuck();
            (ensemble.pauses.take_said(), ensemble.pause_max())
        };
        match said {
            Some(said) => said,
            None => {
                let said = tokio::time::timeout(pause_max, poll_fn(|cx| lock(&self.shared).poll_said(cx))).await;
                said.unwrap_or_else(|_| lock(&self.shared).overdue())
            }
        }
    }

    /// The request's body as the filters let it through; untouched where none of them sees bodies. The answer comes with
    /// its first bytes: what a filter decides before that, nobody behind has heard of the request yet. An error is never
    /// `Verdict::Continue`.
    pub async fn through_request(&mut self, request: &RequestHead, body: Body) -> Result<Body, Verdict> {
        let seats = {
            let mut ensemble = lock(&self.shared);
            let sees = ensemble.sees(Direction::Request);
            if sees || ensemble.request_from > 0 {
                ensemble.kept = Some(Box::new(Heads { request: request.clone(), response: None }));
            }
            if !sees {
                return Ok(body);
            }
            ensemble.remaining(Direction::Request)
        };
        let mut filtered = FilteredBody::new(self.shared.clone(), (Direction::Request, seats), body);
        filtered.begin().await;
        match self.ended() {
            Some(verdict) => Err(verdict),
            None => Ok(Body::stream(filtered)),
        }
    }

    /// Does any filter entered have something to see once the response's head is out? Where not, the run may end now.
    pub fn stays(&self) -> bool {
        let ensemble = lock(&self.shared);
        let mut entered = ensemble.plugins[..ensemble.seats.count()].iter();
        !ensemble.seats.calls.is_empty() || entered.any(|plugin| plugin.interests.in_the_end())
    }

    /// Takes the heads into the filters' keeping, to be seen in the callbacks that remain.
    pub fn keep(&mut self, request: &mut RequestHead, response: response::Parts) {
        let request = mem::replace(request, no_request());
        lock(&self.shared).kept = Some(Box::new(Heads { request, response: Some(response) }));
    }

    /// Takes the request of an exchange that ends without a response, to be seen in the last callbacks.
    pub fn keep_request(&mut self, request: &mut RequestHead) {
        let mut ensemble = lock(&self.shared);
        if ensemble.kept.is_none() {
            ensemble.kept = Some(Box::new(Heads { request: mem::replace(request, no_request()), response: None }));
        }
    }

    /// The response's body as the filters let it through; untouched where none of them sees bodies. The heads are kept
    /// already.
    pub fn through_response(&mut self, body: Body) -> Body {
        let ensemble = lock(&self.shared);
        if !ensemble.sees(Direction::Response) {
            return body;
        }
        let seats = ensemble.remaining(Direction::Response);
        drop(ensemble);
        Body::stream(FilteredBody::new(self.shared.clone(), (Direction::Response, seats), body))
    }

    /// Why a body was ended before its end, once; never `Verdict::Continue`.
    pub fn ended(&mut self) -> Option<Verdict> {
        lock(&self.shared).ended.take()
    }

    /// Whether what the node makes of its own, a coded body, must wait behind the filters: guests read bodies uncoded.
    pub fn reads_responses(&self) -> bool {
        lock(&self.shared).sees(Direction::Response)
    }

    /// Whether a filter has given the response's length up: what a GET would be sent is then not known beforehand.
    pub fn resizes_response(&self) -> bool {
        lock(&self.shared).seats.notes().is_some_and(|notes| notes.resized.has(Direction::Response))
    }

    /// The origin that a filter chose for this exchange: the last one set.
    pub fn origin(&self) -> Option<String> {
        lock(&self.shared).seats.notes()?.marks.get().origin.clone()
    }

    /// What filters wanted of the cache since this was asked last.
    pub fn take_cache_verbs(&mut self) -> Option<Box<CacheVerbs>> {
        cache_verbs(&mut lock(&self.shared))
    }

    /// Tells why the response is what it is, where no filter made it.
    pub fn set_details(&mut self, details: &'static str) {
        if let Some(notes) = lock(&self.shared).seats.notes_mut() {
            notes.details.get_or_insert(Cow::Borrowed(details));
        }
    }

    /// A property that a filter has left on this exchange, by its path with dots.
    pub fn property(&self, path: &str) -> Option<Vec<u8>> {
        lock(&self.shared).seats.notes()?.marks.get().property(path.as_bytes()).map(<[u8]>::to_vec)
    }

    /// Time spent in guests so far.
    pub fn elapsed(&self) -> Duration {
        lock(&self.shared).elapsed()
    }

    /// Ends the contexts now. What filters say in their last callbacks can be taken afterwards.
    pub fn end(&mut self) {
        lock(&self.shared).end();
    }

    /// Ends the contexts now. Tells the time that all of the run has spent in guests, and what these wanted of the cache
    /// since that was asked last.
    pub fn conclude(&mut self) -> (Duration, Option<Box<CacheVerbs>>) {
        let mut ensemble = lock(&self.shared);
        ensemble.end();
        (ensemble.elapsed(), cache_verbs(&mut ensemble))
    }

    /// Ends the contexts now, and tells the time that all of the run has spent in guests.
    pub fn finish(self) -> Duration {
        let shared = self.shared.clone();
        drop(self);
        lock(&shared).elapsed()
    }
}

fn cache_verbs(ensemble: &mut Ensemble) -> Option<Box<CacheVerbs>> {
    let notes = ensemble.seats.notes_mut()?;
    // Most filters want nothing, and looking changes nothing.
    notes.marks.get().verbs.as_ref()?;
    notes.marks.change().verbs.take()
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut ensemble = lock(&self.shared);
        ensemble.end();
        if thread::panicking() {
            return;
        }
        ensemble.depart(&self.shared);
        if ensemble.seats.lingerer().is_some() {
            arrivals::outlive(&self.shared, &mut ensemble);
        }
    }
}
