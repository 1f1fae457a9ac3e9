//! One exchange on its way through a filter, phase by phase, as a node takes it.
//!
//! The only file of these commands that runs a chain. It does what an exchange does around one: lend bodies, hand heads
//! over, let the filter's own answer pass its response callbacks, and end the contexts. A phase to which the exchange does
//! not come does nothing.

use std::mem;

use http::{Response, response};
use http_body::Body as _;

use super::cases::Action;
use super::content::Whole;
use super::outcome::{Failing, Outcome};
use super::verbs;
use super::visit::Visit;
use crate::body::{Body, BodyError};
use crate::filter::{Chain, EndOfStream, LocalReply, Run, Verdict};
use crate::semantics::RequestHead;

/// A response on its way.
pub(super) type Message = (response::Parts, Body);

/// A part of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The context is created, and the request's headers are handed over.
    Request,
    RequestBody,
    Response,
    ResponseBody,
    /// Log, done and delete.
    End,
}

impl Phase {
    pub(super) const ALL: [Self; 5] = [Self::Request, Self::RequestBody, Self::Response, Self::ResponseBody, Self::End];
}

pub(super) struct Exchange {
    run: Run,
    visit: Visit,
    /// What the origin would answer.
    answer: Option<Message>,
    action: Action,
    failure: Option<Failing>,
    /// The request's body as it went on.
    sent: Option<Whole>,
    /// The response on its way back.
    response: Option<Message>,
    /// The response as it came out.
    received: Option<(response::Parts, Whole)>,
}

/// Why a body ended before its end.
enum Stop {
    Said(Verdict),
    Broken(BodyError),
}

impl Exchange {
    pub(super) fn begin(chain: &Chain, visit: Visit, answer: Message) -> Self {
        Self {
            run: chain.begin(visit.stream.clone()),
            visit,
            answer: Some(answer),
            action: Action::Continue,
            failure: None,
            sent: None,
            response: None,
            received: None,
        }
    }

    pub(super) async fn pass(&mut self, phase: Phase) {
        match phase {
            Phase::Request => self.ask().await,
            Phase::RequestBody => self.send().await,
            Phase::Response => self.tell().await,
            Phase::ResponseBody => self.receive().await,
            Phase::End => self.run.end(),
        }
    }

    /// Why it failed, if it did.
    pub(super) fn failed(self) -> Option<Failing> {
        self.failure
    }

    /// The request's head as it would go on. A target that the filter left and that cannot be sent fails the exchange.
    pub(super) fn target(&mut self) -> RequestHead {
        if self.action == Action::Continue && self.visit.head.normalise().is_err() {
            self.action = Action::Fail;
        }
        self.visit.head.clone()
    }

    /// What came of it: `head` is the request's as it went on, `properties` are those to look up.
    pub(super) fn finish(mut self, head: RequestHead, properties: &[String]) -> Outcome {
        let verbs = self.run.take_cache_verbs().unwrap_or_default();
        let left = |path: &str| self.run.property(path).map(|value| String::from_utf8_lossy(&value).into_owned());
        let property = |path: &String| verbs::said(&verbs, path).or_else(|| left(path));
        Outcome {
            action: self.action,
            origin: self.run.origin(),
            properties: properties.iter().map(property).collect(),
            sent: self.sent.map(|body| (head, body)),
            response: self.received,
            failure: self.failure,
            calls: Vec::new(),
        }
    }

    async fn ask(&mut self) {
        let end = EndOfStream::from(self.visit.body.is_end_stream());
        if end == EndOfStream::No {
            self.run.lend_body(mem::take(&mut self.visit.body));
        }
        let verdict = self.run.on_request(&mut self.visit.head, end).await;
        if let Some(back) = self.run.body_back() {
            self.visit.body = back;
        }
        self.heed(verdict);
    }

    /// Takes the request's body through the filter, to an origin that answers when it has all of it.
    async fn send(&mut self) {
        if self.action != Action::Continue {
            return;
        }
        match self.through_request().await {
            Ok(sent) => {
                self.sent = Some(sent);
                self.response = self.answer.take();
            }
            Err(stop) => self.stop(stop),
        }
    }

    async fn through_request(&mut self) -> Result<Whole, Stop> {
        let mut body = mem::take(&mut self.visit.body);
        if !body.is_end_stream() {
            body = self.run.through_request(&self.visit.head, body).await.map_err(Stop::Said)?;
        }
        self.read(body).await
    }

    async fn tell(&mut self) {
        let Some((mut parts, mut body)) = self.response.take() else { return };
        let end = EndOfStream::from(body.is_end_stream());
        if end == EndOfStream::No {
            self.run.lend_body(mem::take(&mut body));
        }
        let verdict = self.run.on_response(&mut self.visit.head, &mut parts, end).await;
        if let Some(back) = self.run.body_back() {
            body = back;
        }
        self.response = match verdict {
            Verdict::Continue => Some((parts, body)),
            // The head is the one that filters behind left of the reply's.
            Verdict::Reply(reply) => {
                self.action = Action::Reply;
                Some((parts, Body::from(reply.body)))
            }
            refused => return self.heed(refused),
        };
    }

    /// Takes the response's body through the filter. A node breaks off what a filter refuses then; an author is shown what
    /// it answered.
    async fn receive(&mut self) {
        let Some((parts, mut body)) = self.response.take() else { return };
        if self.run.stays() {
            self.run.keep(&mut self.visit.head.clone(), parts.clone());
        }
        if !body.is_end_stream() {
            body = self.run.through_response(body);
        }
        match self.read(body).await {
            Ok(whole) => self.received = Some((parts, whole)),
            Err(stop) => {
                self.stop(stop);
                if let Some((parts, body)) = self.response.take() {
                    self.received = Whole::of(body).await.ok().map(|whole| (parts, whole));
                }
            }
        }
    }

    async fn read(&mut self, body: Body) -> Result<Whole, Stop> {
        Whole::of(body).await.map_err(|error| self.run.ended().map_or(Stop::Broken(error), Stop::Said))
    }

    fn stop(&mut self, stop: Stop) {
        match stop {
            Stop::Said(verdict) => self.heed(verdict),
            Stop::Broken(error) => {
                self.action = Action::Fail;
                self.failure = Some(Failing::Body(error));
            }
        }
    }

    fn heed(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Continue => {}
            Verdict::Reply(reply) => {
                self.action = Action::Reply;
                self.response = Some(message(reply));
            }
            Verdict::Close => self.action = Action::Close,
            Verdict::Fail(failure) => {
                self.action = Action::Fail;
                self.failure = Some(Failing::Filter(failure));
            }
        }
    }
}

/// A reply as a response.
fn message(reply: LocalReply) -> Message {
    let (mut parts, ()) = Response::new(()).into_parts();
    (parts.status, parts.headers) = (reply.status, reply.headers);
    (parts, Body::from(reply.body))
}
