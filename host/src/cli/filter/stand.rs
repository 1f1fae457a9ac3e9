//! The filter host without a node: one filter, and exchanges that go through it.
//!
//! The only file of these commands that knows how the host is called. It does what an exchange does around a chain:
//! normalise the request, hand it over, let the filter's own answer pass its response callbacks, and end the contexts.

use std::mem;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Request, Response, header, response};
use http_body_util::BodyExt;
use prometheus::Registry;

use super::cases::{Action, Answer, Given};
use super::verbs;
use crate::body::Body;
use crate::clock::Clock;
use crate::config::{self, Filter, FilterCondition, FilterLimits, RouteFilter, Side};
use crate::filter::{Chain, EndOfStream, Environment, FilterFailure, Filters, Run, Stream, Verdict, Wanted};
use crate::semantics::{BadTarget, RequestHead, fields};

/// The node's end of every connection.
const NODE: ([u8; 4], u16) = ([192, 0, 2, 254], 80);
/// The client's port.
const CLIENT_PORT: u16 = 49152;

/// A loaded filter.
pub(super) struct Stand {
    chain: Chain,
    clock: Clock,
    // Instances run on its engine.
    _filters: Filters,
}

/// What came of one exchange.
pub(super) struct Outcome {
    pub(super) action: Action,
    /// The request that goes on; `None` where the filter answered or failed.
    pub(super) sent: Option<RequestHead>,
    /// `None` where there is none: the filter closed the stream or failed.
    pub(super) response: Option<(response::Parts, Bytes)>,
    pub(super) origin: Option<String>,
    pub(super) failure: Option<FilterFailure>,
    /// The values of the properties asked for, in that order.
    pub(super) properties: Vec<Option<String>>,
}

/// One exchange's request, ready to be handed over.
pub(super) struct Visit {
    head: RequestHead,
    end: EndOfStream,
    stream: Stream,
}

/// A phase of an exchange that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The context is created, and the request's headers were handed over.
    Request,
    Response,
    /// The response's body, where the filter sees bodies.
    Body,
    /// Log, done and delete.
    End,
}

/// The bounds of a node that sets none.
pub(super) fn limits() -> anyhow::Result<FilterLimits> {
    let config = config::for_origin("http://127.0.0.1:1", None, None);
    config.map(|config| config.filter_limits).map_err(|faults| anyhow::anyhow!("the defaults are wrong: {faults}"))
}

impl Stand {
    /// Loads the module under its file's name, with `settings` as its configuration; the error is why that cannot be.
    pub(super) fn load(module: &Path, settings: &str) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let environment = Environment::new(&Registry::new(), clock.clone(), 1, "filter-test")?;
        let name = module.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let filter = [Filter::new(name.clone(), module.to_owned(), settings)];
        let wanted = Wanted { filters: &filter, limits: &limits()?, routes: &[], cache: None };
        let filters = Filters::load(&wanted, &environment).map_err(|mut errors| match errors.pop() {
            Some(error) => anyhow::anyhow!("{}", error.fault),
            None => anyhow::anyhow!("it did not load"),
        })?;
        let element = RouteFilter { name, settings: None, at: Side::Client, condition: FilterCondition::default() };
        let chain = filters.chain(&[element])?;
        Ok(Self { chain, clock, _filters: filters })
    }

    /// Takes a request apart as a listener does.
    pub(super) fn visit(&self, given: &Given) -> Result<Visit, BadTarget> {
        let scheme = given.url.scheme().cloned().unwrap_or(Scheme::HTTP);
        let mut request = Request::new(());
        *request.method_mut() = given.method.clone();
        *request.uri_mut() = given.url.clone();
        *request.headers_mut() = given.headers.clone();
        let host = given.url.authority().map(|authority| HeaderValue::from_str(authority.as_str()));
        if let Some(Ok(host)) = host {
            request.headers_mut().insert(header::HOST, host);
        }
        let mut head = RequestHead::new(request.into_parts().0, scheme, NODE.into())?;
        fields::strip_but_trailers(&mut head.headers);
        let stream = Stream {
            connection_id: 1,
            source: (given.client, CLIENT_PORT).into(),
            destination: NODE.into(),
            request_id: Arc::from("case"),
            route: Arc::from("case"),
            origin: Arc::from("case"),
            side: Side::Client,
            started: self.clock.now(),
        };
        Ok(Visit { head, end: EndOfStream::from(given.body.is_empty()), stream })
    }

    fn begin(&self, visit: &Visit) -> Run {
        self.chain.begin(visit.stream.clone())
    }

    /// One whole exchange for its cost alone; `over` hears the end of each phase. An error where the filter fails.
    pub(super) fn pass(
        &self,
        mut visit: Visit,
        (mut parts, body): (response::Parts, Bytes),
        mut over: impl FnMut(Phase),
    ) -> Result<(), FilterFailure> {
        let mut run = self.begin(&visit);
        let mut end = EndOfStream::from(body.is_empty());
        match ask(&mut run, &mut visit) {
            Verdict::Continue | Verdict::Close => {}
            Verdict::Reply(reply) => {
                end = EndOfStream::from(reply.body.is_empty());
                (parts.status, parts.headers) = (reply.status, reply.headers);
            }
            Verdict::Fail(failure) => return Err(failure),
        }
        over(Phase::Request);
        let verdict = tell(&mut run, &mut visit, &mut parts, end);
        over(Phase::Response);
        let passed = through(&mut run, (&visit.head, &parts), &mut { body });
        over(Phase::Body);
        run.finish();
        over(Phase::End);
        match (verdict, passed) {
            (Verdict::Fail(failure), _) | (_, Verdict::Fail(failure)) => Err(failure),
            _ => Ok(()),
        }
    }

    /// Pages that are put back after each exchange; `None` where exchanges are kept apart another way.
    pub(super) fn pages_written(&self) -> Option<usize> {
        self.chain.pages_written()
    }

    /// Starts one more instance, as a worker does that finds none idle; the bytes of its memory.
    pub(super) fn start_anew(&self) -> Option<u64> {
        self.chain.start_anew()
    }

    /// One whole exchange.
    pub(super) fn run(&self, mut visit: Visit, answer: &Answer, properties: &[String]) -> Outcome {
        let mut run = self.begin(&visit);
        let mut outcome = Outcome::new();
        let verdict = ask(&mut run, &mut visit);
        if outcome.heed(verdict) == Action::Continue && outcome.sendable(&mut visit.head) {
            outcome.sent = Some(visit.head.clone());
            outcome.response = Some(response_of(answer));
        }
        if let Some((parts, body)) = &mut outcome.response {
            let verdict = tell(&mut run, &mut visit, parts, EndOfStream::from(body.is_empty()));
            let parts = parts.clone();
            outcome.heed_response(verdict, parts);
        }
        if let Some((parts, body)) = &mut outcome.response {
            let verdict = through(&mut run, (&visit.head, parts), body);
            outcome.heed(verdict);
        }
        outcome.origin = run.origin();
        let verbs = run.take_cache_verbs().unwrap_or_default();
        let left = |path: &str| run.property(path).map(|value| String::from_utf8_lossy(&value).into_owned());
        let property = |path: &String| verbs::said(&verbs, path).or_else(|| left(path));
        outcome.properties = properties.iter().map(property).collect();
        run.finish();
        outcome
    }
}

/// Hands the request over.
fn ask(run: &mut Run, visit: &mut Visit) -> Verdict {
    at_once(run.on_request(&mut visit.head, visit.end))
}

/// Hands a response over.
fn tell(run: &mut Run, visit: &mut Visit, parts: &mut response::Parts, end: EndOfStream) -> Verdict {
    at_once(run.on_response(&mut visit.head, parts, end))
}

/// A rehearsal has no origins, so that no filter waits for an answer of theirs.
fn at_once(phase: impl Future<Output = Verdict>) -> Verdict {
    phase.now_or_never().unwrap_or(Verdict::Close)
}

/// Takes a response's body through the filter. A node breaks off what a filter refuses then; an author is shown what it
/// answered.
fn through(run: &mut Run, (request, parts): (&RequestHead, &response::Parts), body: &mut Bytes) -> Verdict {
    if !run.reads_responses() {
        return Verdict::Continue;
    }
    run.keep(request.clone(), parts.clone());
    let passed = run.through_response(Body::from(mem::take(body))).collect();
    // The whole body is at hand, so that nothing is waited for.
    match passed.now_or_never() {
        Some(Ok(passed)) => *body = passed.to_bytes(),
        _ => return run.ended().unwrap_or(Verdict::Close),
    }
    Verdict::Continue
}

/// The origin's answer as a response.
pub(super) fn response_of(answer: &Answer) -> (response::Parts, Bytes) {
    parts_of(answer.status, answer.headers.clone(), Bytes::from(answer.body.clone()))
}

fn parts_of(status: http::StatusCode, headers: HeaderMap, body: Bytes) -> (response::Parts, Bytes) {
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.status = status;
    parts.headers = headers;
    (parts, body)
}

impl Visit {
    /// The same request once more.
    pub(super) fn again(&self) -> Self {
        Self { head: self.head.clone(), end: self.end, stream: self.stream.clone() }
    }
}

impl Outcome {
    fn new() -> Self {
        Self {
            action: Action::Continue,
            sent: None,
            response: None,
            origin: None,
            failure: None,
            properties: Vec::new(),
        }
    }

    fn heed(&mut self, verdict: Verdict) -> Action {
        match verdict {
            Verdict::Continue => {}
            Verdict::Reply(reply) => {
                self.action = Action::Reply;
                self.response = Some(parts_of(reply.status, reply.headers, reply.body));
            }
            Verdict::Close => {
                self.action = Action::Close;
                self.response = None;
            }
            Verdict::Fail(failure) => {
                self.action = Action::Fail;
                self.response = None;
                self.failure = Some(failure);
            }
        }
        self.action
    }

    /// Whether the target that the filter left can be sent; a node fails the exchange where it cannot.
    fn sendable(&mut self, head: &mut RequestHead) -> bool {
        let sendable = head.normalise().is_ok();
        if !sendable {
            self.action = Action::Fail;
        }
        sendable
    }

    /// The same in the response phase, where the head that filters behind left is what counts.
    fn heed_response(&mut self, verdict: Verdict, parts: response::Parts) {
        let replied = matches!(verdict, Verdict::Reply(_));
        self.heed(verdict);
        if replied && let Some((left, _)) = &mut self.response {
            *left = parts;
        }
    }
}
