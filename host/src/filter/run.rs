//! One exchange's way through a chain.
//!
//! The exchange owns a `Run` from routing to the last byte: it calls it with each head, wraps its bodies by it, and ends
//! it. Each filter that is entered keeps its context until the run is finished or dropped.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::response;

use super::bodies::direction::Direction;
use super::bodies::filtered_body::FilteredBody;
use super::bodies::heads::Heads;
use super::cache_verbs::CacheVerbs;
use super::ensemble::{Ensemble, Shared, lock};
use super::plugin::Plugin;
use super::rollout::condition::Conditions;
use super::stream::{EndOfStream, Stream};
use super::verdict::Verdict;
use crate::body::Body;
use crate::semantics::RequestHead;

/// `finish`, or else dropping it, ends the contexts of the filters entered, each with log, done and delete. In these the
/// heads are readable where the run was given them to keep.
pub struct Run {
    shared: Shared,
}

impl Run {
    pub(super) fn new(plugins: Arc<[Arc<Plugin>]>, conditions: Conditions, stream: Stream) -> Self {
        Self { shared: Arc::new(Mutex::new(Ensemble::new(plugins, conditions, stream))) }
    }

    /// Hands the request to every filter in chain order. Filters may change all of it. After a reply, a close or a failure
    /// the filters behind are not entered; the response that follows from it is still theirs who were.
    pub fn on_request(&mut self, request: &mut RequestHead, end: EndOfStream) -> Verdict {
        lock(&self.shared).on_request(request, end)
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
        lock(&self.shared).on_response(request, response, end)
    }

    /// The request's body as the filters let it through; untouched where none of them sees bodies. The answer comes with
    /// its first bytes: what a filter decides before that, nobody behind has heard of the request yet. An error is never
    /// `Verdict::Continue`.
    pub async fn through_request(&mut self, request: &RequestHead, body: Body) -> Result<Body, Verdict> {
        if !lock(&self.shared).sees(Direction::Request) {
            return Ok(body);
        }
        let heads = Heads { request: request.clone(), response: None };
        lock(&self.shared).kept = Some(Box::new(heads));
        let mut filtered = FilteredBody::new(self.shared.clone(), Direction::Request, body);
        filtered.begin().await;
        match self.ended() {
            Some(verdict) => Err(verdict),
            None => Ok(Body::stream(filtered)),
        }
    }

    /// Does any filter entered have something to see once the response's head is out? Where not, the run may end now.
    pub fn stays(&self) -> bool {
        let ensemble = lock(&self.shared);
        ensemble.plugins[..ensemble.seats.count()].iter().any(|plugin| plugin.interests.in_the_end())
    }

    /// Gives the heads into the filters' keeping, to be seen in the callbacks that remain.
    pub fn keep(&mut self, request: RequestHead, response: response::Parts) {
        lock(&self.shared).kept = Some(Box::new(Heads { request, response: Some(response) }));
    }

    /// The response's body as the filters let it through; untouched where none of them sees bodies. The heads are kept
    /// already.
    pub fn through_response(&mut self, body: Body) -> Body {
        if !lock(&self.shared).sees(Direction::Response) {
            return body;
        }
        Body::stream(FilteredBody::new(self.shared.clone(), Direction::Response, body))
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
        let mut ensemble = lock(&self.shared);
        let notes = ensemble.seats.notes_mut()?;
        // Most filters want nothing, and looking changes nothing.
        notes.marks.get().verbs.as_ref()?;
        notes.marks.change().verbs.take()
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

    /// Ends the contexts now, and tells the time that all of the run has spent in guests.
    pub fn finish(self) -> Duration {
        let shared = self.shared.clone();
        drop(self);
        lock(&shared).elapsed()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        lock(&self.shared).end();
    }
}
