//! One request's own state on its way through the node.

pub(super) mod company;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::{mem, str};

use http::header::{self, HeaderValue};
use http::{Response, request, response};
use http_body::Body as _;

use self::company::Company;
use super::edge::Edge;
use super::failure::Failure;
use super::forward::{Outgoing, X_REQUEST_ID, new_request_id};
use super::offer::Offer;
use super::peer::Peer;
use super::record::{Book, Record};
use super::reply::{self, bodiless};
use super::routes::Route;
use super::verbs::{Terms, Verbs};
use crate::body::Body;
use crate::cache::Recall;
use crate::config::Side;
use crate::filter::{CacheVerbs, EndOfStream, PurgeWish, Stream, Verdict};
use crate::origin::Origin;
use crate::semantics::{CacheStatus, Outcome, RequestHead, Signatures, Wishes, fields, for_routing};

/// A request that has a route.
pub(super) struct Passage {
    pub(super) head: RequestHead,
    /// What it wants of stored responses; known once the filters have seen it.
    pub(super) wishes: Wishes,
    pub(super) route: Arc<Route>,
    /// `None` where the route has no filters.
    run: Option<Company>,
    /// What they want of the cache; `None` where they have no wish.
    pub(super) verbs: Option<Box<Verbs>>,
    /// The request has no body.
    pub(super) end: EndOfStream,
}

impl Drop for Passage {
    /// A client that leaves before there is a response has the filters' last callbacks come from here.
    fn drop(&mut self) {
        if let Some(run) = &mut self.run {
            run.keep_request(&mut self.head);
        }
    }
}

impl Passage {
    /// The codings that the route offers; none where filters read the body, which they do uncoded.
    pub(super) fn offer(&self) -> Option<&Offer> {
        let read = self.run.as_ref().is_some_and(|run| run.reads_responses());
        self.route.offer.as_ref().filter(|_| !read)
    }
}

/// A request's body after its filters: it goes on, or they answer in its origin's place.
pub(super) enum Onward {
    Body(Body),
    Reply(Response<Body>),
}

/// One exchange: who asks, how far it is, what is known of it.
pub(super) struct Visit<'a> {
    pub(super) edge: &'a Arc<Edge>,
    pub(super) peer: &'a Peer,
    pub(super) record: Record,
    /// What the disk tier brought for it so far.
    pub(super) recall: Recall,
    /// Who purges what filters ask for; nobody on trial.
    purger: Option<&'a Arc<Edge>>,
    /// What filters asked to be purged, and is not yet.
    purges: Vec<PurgeWish>,
    passage: Option<Passage>,
    /// The filters that have something to see until the last byte.
    pub(super) staying: Option<Company>,
    /// What all filters say of an answer that only this client gets, once it has come.
    told: Option<Box<Terms>>,
}

/// A filter wants the client's connection closed without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a filter closed the stream")]
pub struct Closed;

impl<'a> Visit<'a> {
    pub(super) fn new(edge: &'a Arc<Edge>, peer: &'a Peer, request: &request::Parts) -> Self {
        Self { purger: Some(edge), ..Self::on_trial(&edge.book, edge, peer, request) }
    }

    /// A visit that is counted and logged elsewhere than all others, and whose filters purge nothing.
    pub(super) fn on_trial(book: &Arc<Book>, edge: &'a Arc<Edge>, peer: &'a Peer, request: &request::Parts) -> Self {
        let brought = if peer.trusted { request.headers.get(X_REQUEST_ID).cloned() } else { None };
        let id = brought.unwrap_or_else(new_request_id);
        let client = peer.client(&request.headers);
        let record = Record::begin(book, client, request, id);
        let (recall, purges) = (Recall::default(), Vec::new());
        Self { edge, peer, record, recall, purger: None, purges, passage: None, staying: None, told: None }
    }

    /// Takes the target apart and finds the route.
    pub(super) fn admit(&mut self, parts: request::Parts, end: EndOfStream) -> Result<&mut Passage, Failure> {
        let scheme = self.peer.scheme_of(&parts.headers);
        let mut head = RequestHead::new(parts, scheme, self.peer.local).map_err(Failure::Target)?;
        // Before filters see it: what a client names in `Connection` must not take out what they put in.
        fields::strip_but_trailers(&mut head.headers);
        if head.method == http::Method::TRACE {
            return Err(Failure::Trace);
        }
        let route =
            self.edge.routes.load().find(head.host(), &for_routing(head.path.path())).ok_or(Failure::NoRoute)?.clone();
        self.record.route = route.name.clone();
        let chain = &route.chain;
        let stream = || self.stream(&route, Side::Client);
        let run = (!chain.is_empty()).then(|| Company::begin(chain, stream(), self.purger));
        Ok(self.passage.insert(Passage { head, wishes: Wishes::default(), route, run, verbs: None, end }))
    }

    /// What filters at this side of the cache are told of the exchange.
    pub(super) fn stream(&self, route: &Route, side: Side) -> Stream {
        Stream {
            connection_id: self.peer.connection,
            source: SocketAddr::new(self.record.client, self.peer.remote.port()),
            destination: self.peer.local,
            request_id: text(&self.record.request_id).into(),
            route: route.name.clone(),
            origin: route.origin.name().clone(),
            side,
            started: self.record.started,
        }
    }

    /// Lets the route's filters see the request. A reply is one of theirs, to be sent instead of an origin's answer.
    pub(super) async fn filter_request(&mut self, body: &mut Body) -> Result<Option<Response<Body>>, Failure> {
        let Some(passage) = &mut self.passage else { return Ok(None) };
        let Some(run) = &mut passage.run else { return Ok(None) };
        let before = (passage.head.authority.clone(), passage.head.path.clone());
        let signatures = Signatures::of(&passage.head.headers);
        if passage.end == EndOfStream::No {
            run.lend_body(mem::take(body).paced(self.peer.body_timeout));
        }
        let verdict = run.on_request(&mut passage.head, passage.end).await;
        if let Some(back) = run.body_back() {
            *body = back;
        }
        signatures.restore(&mut passage.head.headers);
        if let Some(mut said) = run.take_cache_verbs() {
            self.purges.append(&mut said.purges);
            passage.verbs = Some(Box::new(Verbs::new(*said)));
        }
        if let Some(reply) = replied(verdict)? {
            return Ok(Some(reply));
        }
        if (&before.0, &before.1) != (&passage.head.authority, &passage.head.path) {
            // A filter wrote another target: that target's route decides about origin and caching.
            passage.head.normalise().map_err(|bad| Failure::Unsendable(bad.to_string()))?;
            let routes = self.edge.routes.load();
            let found = routes.find(passage.head.host(), &for_routing(passage.head.path.path()));
            passage.route = found.ok_or(Failure::NoRoute)?.clone();
            self.record.route = passage.route.name.clone();
        }
        Ok(None)
    }

    /// Lets the filters that saw the request see its response, last one first.
    pub(super) async fn filter_response(&mut self, response: Response<Body>) -> Result<Response<Body>, Failure> {
        let head_only = self.head_only();
        let Some(passage) = &mut self.passage else { return Ok(response) };
        let Some(mut run) = passage.run.take() else { return Ok(response) };
        let (mut parts, mut body) = response.into_parts();
        let end = EndOfStream::from(head_only || bodiless(parts.status) || body.is_end_stream());
        run.set_details(details(&self.record));
        if end == EndOfStream::No {
            run.lend_body(mem::take(&mut body));
        }
        let verdict = run.on_response(&mut passage.head, &mut parts, end).await;
        if let Some(back) = run.body_back() {
            body = back;
        }
        if let Some(CacheVerbs { purges, .. }) = run.take_cache_verbs().as_deref_mut() {
            self.purges.append(purges);
        }
        let stays = run.stays() && matches!(verdict, Verdict::Continue | Verdict::Reply(_));
        let staying = if stays {
            Some(run)
        } else {
            self.record.filter_time = run.finish();
            None
        };
        match verdict {
            Verdict::Continue => {}
            Verdict::Reply(local) => {
                body = Body::from(local.body);
                reply::set_length(&mut parts.headers, &body);
            }
            Verdict::Close => return Err(Failure::ClosedByFilter),
            Verdict::Fail(failure) => return Err(Failure::Filter(failure)),
        }
        // What an origin says to the next hop is gone already; this is what a filter might.
        fields::strip_but_trailers(&mut parts.headers);
        if let Some(run) = staying {
            // Of a body that goes out, its own length counts. HEAD and 304 have none, and must not tell another's.
            if run.resizes_response() {
                parts.headers.remove(header::CONTENT_LENGTH);
            }
            body = self.stay(run, &parts, body);
        }
        if body.size_hint().exact().is_some() {
            parts.headers.remove(header::TRAILER);
        }
        Ok(Response::from_parts(parts, body))
    }

    /// Keeps filters for the rest of the exchange, and lets those that see bodies see this one.
    fn stay(&mut self, mut run: Company, parts: &response::Parts, mut body: Body) -> Body {
        if let Some(mut passage) = self.passage.take() {
            run.keep(&mut passage.head, parts.clone());
        }
        if !self.head_only() && !bodiless(parts.status) && !body.is_end_stream() {
            body = run.through_response(body);
        }
        self.staying = Some(run);
        body
    }

    /// Lets the route's filters see the request's body; the answer comes with the first bytes that they let through.
    pub(super) async fn filter_request_body(&mut self, body: Body) -> Result<Onward, Failure> {
        let Some(passage) = &mut self.passage else { return Ok(Onward::Body(body)) };
        let Some(run) = passage.run.as_mut().filter(|_| !body.is_end_stream()) else { return Ok(Onward::Body(body)) };
        match run.through_request(&passage.head, body).await {
            Ok(body) => Ok(Onward::Body(body)),
            Err(verdict) => replied(verdict).map(|reply| reply.map_or(Onward::Body(Body::Empty), Onward::Reply)),
        }
    }

    /// What a filter that ended the request's body on its way wants instead of the origin's answer.
    pub(super) fn filtered_body(&mut self) -> Result<Option<Response<Body>>, Failure> {
        let run = self.passage.as_mut().and_then(|passage| passage.run.as_mut());
        run.and_then(|run| run.ended()).map_or(Ok(None), replied)
    }

    /// Purges what filters asked for since the last time.
    pub(super) fn purge_as_wished(&mut self) {
        if let Some(purger) = self.purger
            && !self.purges.is_empty()
        {
            purger.purge_as_wished(mem::take(&mut self.purges));
        }
    }

    /// An answer to this client alone has come, and filters say this of it.
    pub(super) fn hear_terms(&mut self, terms: Terms) {
        self.told = Some(Box::new(terms));
    }

    /// What filters say of the response that this request brings into the store.
    pub(super) fn terms(&self) -> Terms {
        if let Some(told) = &self.told {
            return Terms::clone(told);
        }
        let verbs = self.passage.as_ref().and_then(|passage| passage.verbs.as_deref());
        verbs.map(|verbs| verbs.terms.clone()).unwrap_or_default()
    }

    /// The origin that a filter chose, else the route's, and whether it was a choice.
    pub(super) fn origin(&mut self) -> Result<(Origin, bool), Failure> {
        let passage = self.passage()?;
        let chosen =
            passage.run.as_ref().and_then(|run| run.origin()).filter(|name| **passage.route.origin.name() != **name);
        let origin = match &chosen {
            None => passage.route.origin.clone(),
            Some(name) => {
                let known = self.edge.origins.get(name).cloned();
                known.ok_or_else(|| Failure::UnknownOrigin(name.clone()))?
            }
        };
        let chosen = chosen.is_some();
        self.record.origin = Some(origin.name().clone());
        Ok((origin, chosen))
    }

    /// The request, once it has been admitted.
    pub(super) fn passage(&self) -> Result<&Passage, Failure> {
        self.passage.as_ref().ok_or(Failure::NoRoute)
    }

    /// From here on no range is asked for.
    pub(super) fn wants_whole(&mut self) {
        if let Some(passage) = &mut self.passage {
            passage.head.headers.remove(http::header::RANGE);
        }
    }

    /// The request as it would go to an origin.
    pub(super) fn outgoing(&self) -> Result<Outgoing<'_>, Failure> {
        let head = &self.passage()?.head;
        Ok(Outgoing {
            head,
            peer: self.peer,
            mark: &self.edge.mark,
            via: &self.edge.via,
            capability: self.edge.capability.as_ref(),
            request_id: &self.record.request_id,
        })
    }

    /// Writes a failure down and makes its answer.
    pub(super) fn fail(&mut self, failure: &Failure) -> Response<Body> {
        failure.log(&self.record.request_id, &self.record.route);
        self.record.failure = Some((failure.word(), failure.fault().word()));
        if matches!(failure, Failure::Loop) {
            // It was about to go forward, and did not (RFC 9211 section 2.2).
            self.record.cache = CacheStatus::new(Outcome::Synthetic);
        }
        self.record.cache.detail = Some(failure.word());
        failure.answer(&self.edge.name)
    }

    /// Reads what the request wants of stored responses, once, where its route heeds it.
    pub(super) fn hear_wishes(&mut self) {
        if let Some(passage) = &mut self.passage
            && passage.route.honour_request
        {
            passage.wishes = Wishes::of(&passage.head.headers);
        }
    }

    /// Does the request accept a stored response or nothing (RFC 9111 section 5.2.1.7)?
    pub(super) fn only_if_cached(&self) -> bool {
        self.passage.as_ref().is_some_and(|passage| passage.wishes.only_if_cached)
    }

    /// Writes down that a filter closed the stream.
    pub(super) fn closed(&mut self) -> Closed {
        let failure = Failure::ClosedByFilter;
        failure.log(&self.record.request_id, &self.record.route);
        self.record.failure = Some((failure.word(), failure.fault().word()));
        Closed
    }

    /// Is the response to go without its body?
    pub(super) fn head_only(&self) -> bool {
        self.record.method == http::Method::HEAD
    }

    pub(super) fn request_id(&self) -> HeaderValue {
        self.record.request_id.clone()
    }
}

/// A value as text. Ours are ASCII: replacing what is no text would look at every byte by itself.
fn text(value: &HeaderValue) -> Cow<'_, str> {
    str::from_utf8(value.as_bytes()).map_or_else(|_| String::from_utf8_lossy(value.as_bytes()), Cow::Borrowed)
}

/// What a request phase's verdict comes to: a response in the origin's place, or none where the request goes on.
fn replied(verdict: Verdict) -> Result<Option<Response<Body>>, Failure> {
    match verdict {
        Verdict::Continue => Ok(None),
        Verdict::Reply(local) => Ok(Some(reply::response(local))),
        Verdict::Close => Err(Failure::ClosedByFilter),
        Verdict::Fail(failure) => Err(Failure::Filter(failure)),
    }
}

/// Why a response is what it is: the failure's word, or what Envoy calls it.
fn details(record: &Record) -> &'static str {
    match (record.failure, record.cache.outcome) {
        (Some((word, _)), _) => word,
        (None, Outcome::Hit) => "cache.response_from_cache_filter",
        (None, _) => "via_upstream",
    }
}
