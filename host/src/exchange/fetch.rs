//! One fetch for everybody, in a task of its own: from the request to the origin to the last byte of the store.
//!
//! Where something stale is stored, the origin is asked to confirm it, and a 304 renews it.

use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderMap;
use http::{Method, Request, Response, StatusCode, response};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::oneshot;

use super::edge::Edge;
use super::failure::Failure;
use super::forward::{self, Audience};
use super::routes::Route;
use super::visit::Visit;
use super::{compress, pass};
use crate::body::Body;
use crate::cache::{Entry, FetchFailure, Filling, Head, Lead};
use crate::clock::Timestamp;
use crate::origin::Origin;
use crate::semantics::{
    Candidate, Freshness, ProxyError, Refusal, Selection, Verdict, update, usable_on_error, validation,
};

/// What only the leading request gets: how its fetch went, and an answer where it is for nobody else.
pub(super) enum Word {
    /// The answer is for this request only, and why.
    Own(Response<Body>, Refusal),
    /// The answer is shared. With this status the origin gave it.
    Shared(StatusCode),
}

/// Starts the fetch in a task of its own.
pub(super) fn start(
    visit: &Visit<'_>,
    origin: &Origin,
    lead: Lead,
    stale: Option<Arc<Entry>>,
) -> Result<oneshot::Receiver<Word>, Failure> {
    let mut request = visit.outgoing()?.request(Audience::Everybody, Body::Empty)?;
    if let Some(entry) = &stale {
        request.headers_mut().extend(validation(&entry.head.headers));
    }
    let fetch = Fetch::new(visit, origin, stale)?;
    let (word, mine) = oneshot::channel();
    tokio::spawn(fetch.run(request, lead, word));
    Ok(mine)
}

/// One fetch for everybody, on its own.
pub(super) struct Fetch {
    pub(super) edge: Arc<Edge>,
    origin: Origin,
    /// The leading request's, as filters left them.
    pub(super) headers: HeaderMap,
    pub(super) route: Arc<Route>,
    default_ttl: Option<Duration>,
    /// What the origin is asked to confirm.
    stale: Option<Arc<Entry>>,
}

/// What an origin answered, made fit to be passed on, and when it was asked and answered.
pub(super) struct Arrival {
    pub(super) parts: response::Parts,
    pub(super) body: Body,
    pub(super) times: (Timestamp, Timestamp),
}

impl Fetch {
    pub(super) fn new(visit: &Visit<'_>, origin: &Origin, stale: Option<Arc<Entry>>) -> Result<Self, Failure> {
        let passage = visit.passage()?;
        Ok(Self {
            edge: visit.edge.clone(),
            origin: origin.clone(),
            headers: passage.head.headers.clone(),
            route: passage.route.clone(),
            default_ttl: passage.route.default_ttl,
            stale,
        })
    }

    async fn run(self, request: Request<Body>, lead: Lead, word: oneshot::Sender<Word>) {
        match self.ask(request).await {
            Ok(arrival) => self.land(arrival, lead, word).await,
            Err(failure) => lead.fail(failure),
        }
    }

    pub(super) async fn ask(&self, request: Request<Body>) -> Result<Arrival, FetchFailure> {
        let requested = self.edge.clock.now();
        let answer = self.origin.fetch(request).await.map_err(|failure| pass::fetch_failure(&failure))?;
        let received = self.edge.clock.now();
        let (mut parts, body) = answer.into_parts();
        forward::receive(&mut parts, &self.edge.via, received);
        Ok(Arrival { parts, body, times: (requested, received) })
    }

    /// What becomes of an answer that is not to a range: it renews, fails, is passed on or fills.
    pub(super) async fn land(&self, arrival: Arrival, lead: Lead, word: oneshot::Sender<Word>) {
        let Arrival { parts, body, times: (requested, received) } = arrival;
        if let Some(stale) = &self.stale {
            if parts.status == StatusCode::NOT_MODIFIED {
                // Told first: whoever learns of the landing finds it there.
                let _ = word.send(Word::Shared(StatusCode::NOT_MODIFIED));
                return self.renew(stale, &parts, lead, (requested, received));
            }
            if parts.status.is_server_error() && usable_on_error(&stale.head.freshness, stale.head.age(received)) {
                let detail = format!("the origin answered {}", parts.status).into();
                return lead.fail(FetchFailure { error: ProxyError::HttpResponseIncomplete, detail });
            }
        }
        let length = body.size_hint().exact();
        let verdict = match self.verdict(parts.status, &parts.headers, (requested, received)) {
            Verdict::Store(_) if length.is_some_and(|length| length > self.edge.cache.object_bytes_max()) => {
                Verdict::Refuse(Refusal::TooLarge)
            }
            verdict => verdict,
        };
        match verdict {
            Verdict::Refuse(refusal) => {
                // Where the client has gone, the response is dropped, and with it its connection.
                let _ = word.send(Word::Own(Response::from_parts(parts, body), refusal));
                lead.release();
            }
            Verdict::Store(freshness) => {
                let _ = word.send(Word::Shared(parts.status));
                let selection = Selection::of(&parts.headers, &self.headers);
                let (status, headers) = (parts.status, parts.headers);
                let forms = compress::room(self.route.offer.as_ref(), (status, &headers), None);
                let head = Head { status, headers, freshness, received, selection, length, forms };
                pump(body, lead.fill(head)).await;
            }
        }
    }

    /// The origin confirmed what is stored: its fields are brought up to date (RFC 9111 section 3.2).
    fn renew(
        &self,
        stale: &Entry,
        confirmed: &response::Parts,
        lead: Lead,
        (requested, received): (Timestamp, Timestamp),
    ) {
        let mut headers = stale.head.headers.clone();
        update(&mut headers, &confirmed.headers);
        let freshness = match self.verdict(stale.head.status, &headers, (requested, received)) {
            Verdict::Store(freshness) => freshness,
            // It may not be kept any longer, but it answers those who wait.
            Verdict::Refuse(_) => Freshness { lifetime: Duration::ZERO, validate_always: true, ..stale.head.freshness },
        };
        let selection = Selection::of(&headers, &self.headers);
        let length = stale.head.length;
        let status = stale.head.status;
        let forms = compress::room(self.route.offer.as_ref(), (status, &headers), stale.head.forms.as_ref());
        let head = Head { status, headers, freshness, received, selection, length, forms };
        lead.renew(head, stale.body.clone());
    }

    pub(super) fn verdict(
        &self,
        status: StatusCode,
        response: &HeaderMap,
        (requested, received): (Timestamp, Timestamp),
    ) -> Verdict {
        let (request, default_ttl, node) = (&self.headers, self.default_ttl, &*self.edge.name);
        Candidate { method: &Method::GET, request, status, response, requested, received, node, default_ttl }.verdict()
    }
}

/// Brings a body to its end, for those who read it and for the store.
pub(super) async fn pump(mut body: Body, mut filling: Filling) {
    loop {
        match body.frame().await {
            None => return filling.finish(),
            Some(Err(error)) => return filling.fail(error),
            Some(Ok(frame)) => {
                // Trailers are not stored (RFC 9111 section 3.1 allows to drop them).
                let Ok(chunk) = frame.into_data() else { continue };
                if filling.push(chunk).await.is_err() {
                    return;
                }
            }
        }
    }
}
