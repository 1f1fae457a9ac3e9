//! One fetch for everybody, in a task of its own: from the request to the origin to the last byte of the store.
//!
//! Where something stale is stored, the origin is asked to confirm it, and a 304 renews it.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Request, Response, StatusCode, response};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::oneshot;

use super::compress;
use super::edge::Edge;
use super::failure::Failure;
use super::forward::Audience;
use super::forward::trip::{Asked, Back, Trip};
use super::visit::Visit;
use crate::body::Body;
use crate::cache::{Aside, Entry, FetchFailure, Filling, Head, Lead};
use crate::clock::Timestamp;
use crate::origin::Origin;
use crate::semantics::{
    Candidate, Freshness, ProxyError, Refusal, Selection, Trouble, Verdict, add_tags, hide_from_browsers, initial_age,
    update, usable_on_error, validation, withhold,
};

/// What only the leading request gets: how its fetch went, and an answer where it is for nobody else.
pub(super) enum Word {
    /// The answer is for this request only, and why.
    Own(Response<Body>, Refusal),
    /// The answer is shared. With this status the origin gave it, and with these fields beside those that are shared.
    Shared(StatusCode, HeaderMap),
    /// What was stored is confirmed, but not to be kept, and why.
    Confirmed(Refusal),
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
    pub(super) trip: Trip,
    /// The leading request's, as filters left them.
    pub(super) headers: HeaderMap,
    /// What the origin is asked to confirm.
    stale: Option<Arc<Entry>>,
}

impl Fetch {
    pub(super) fn new(visit: &Visit<'_>, origin: &Origin, stale: Option<Arc<Entry>>) -> Result<Self, Failure> {
        let passage = visit.passage()?;
        Ok(Self {
            edge: visit.edge.clone(),
            trip: Trip::new(visit, origin)?,
            headers: passage.head.headers.clone(),
            stale,
        })
    }

    async fn run(self, request: Request<Body>, lead: Lead, word: oneshot::Sender<Word>) {
        match self.ask(request, &lead).await {
            Ok(back) => self.land(back, lead, word).await,
            Err(failure) => lead.fail(failure),
        }
    }

    /// Asks the origin, and tells the back-off how it did.
    pub(super) async fn ask(&self, request: Request<Body>, lead: &Lead) -> Result<Back, FetchFailure> {
        match self.trip.go(request).await {
            Ok(back) => {
                if let Some(status) = back.status {
                    self.note(lead, Trouble::of_status(status));
                }
                Ok(back)
            }
            Err(failure) => {
                let failure = failure.for_all();
                if let Some(trouble) = failure.trouble() {
                    self.note(lead, Some(trouble));
                }
                Err(failure)
            }
        }
    }

    /// What becomes of an answer that is not to a range: it renews, fails, is passed on or fills.
    pub(super) async fn land(&self, back: Back, mut lead: Lead, word: oneshot::Sender<Word>) {
        let Back { mut parts, body, asked, .. } = back;
        let received = asked.received;
        if let Some(stale) = &self.stale {
            if parts.status == StatusCode::NOT_MODIFIED {
                return self.renew(stale, &parts, (lead, word), &asked);
            }
            // An error that came while nobody waited takes no response's place either.
            let trouble = Trouble::of_status(parts.status);
            if trouble.is_some_and(|trouble| word.is_closed() || self.hides(stale, trouble, received)) {
                let detail = format!("the origin answered {}", parts.status).into();
                let error = ProxyError::HttpResponseIncomplete;
                return lead.fail(FetchFailure { error, own_word: None, detail });
            }
        }
        let length = body.size_hint().exact();
        let (verdict, withheld) = self.verdict(parts.status, &parts.headers, &asked);
        let verdict = match verdict {
            Verdict::Store(_) if length.is_some_and(|length| length > self.edge.cache.body_bytes_max()) => {
                Verdict::Refuse(Refusal::TooLarge)
            }
            verdict => verdict,
        };
        if let Some(stale) = &self.stale
            && self.supersedes(parts.status, verdict)
        {
            lead.replaces(stale.clone());
        }
        match verdict {
            Verdict::Refuse(refusal) => {
                // Where the client has gone, the response is dropped, and with it its connection.
                let _ = word.send(Word::Own(Response::from_parts(parts, body), refusal));
                lead.release(refusal);
            }
            Verdict::Store(freshness) => {
                let own = withhold(&mut parts.headers, &withheld);
                let _ = word.send(Word::Shared(parts.status, own));
                add_tags(&mut parts.headers, &asked.terms.tags);
                let selection = Selection::of(&parts.headers, &self.headers);
                let (status, headers, aside) = (parts.status, parts.headers, Aside::default());
                let forms = compress::room(self.trip.route.offer.as_ref(), (status, &headers), None);
                let head = Head { status, headers, freshness, received, selection, length, forms, aside };
                pump(body, lead.fill(head)).await;
            }
        }
    }

    /// Tells the back-off how the origin did.
    fn note(&self, lead: &Lead, trouble: Option<Trouble>) {
        self.edge.backoff.note(self.trip.origin.name(), lead.key(), trouble, self.edge.clock.now());
    }

    /// Does what is stored stand in for this?
    fn hides(&self, stale: &Entry, trouble: Trouble, now: Timestamp) -> bool {
        self.trip.route.policy.covers(trouble) && usable_on_error(&stale.terms(), stale.head.age(now))
    }

    /// Does an answer take the place of what was stored before? One that is not kept does not where it says nothing of what
    /// everybody may have: to credentials, of a broken origin, or that there were too many requests.
    fn supersedes(&self, status: StatusCode, verdict: Verdict) -> bool {
        let of_the_moment = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        match verdict {
            Verdict::Store(_) => !status.is_server_error(),
            Verdict::Refuse(_) => !of_the_moment && !self.headers.contains_key(header::AUTHORIZATION),
        }
    }

    /// The origin confirmed what is stored: its fields are brought up to date (RFC 9111 section 3.2). What each is told
    /// comes before the landing, so that whoever learns of the landing finds it there.
    fn renew(
        &self,
        stale: &Arc<Entry>,
        confirmed: &response::Parts,
        (mut lead, word): (Lead, oneshot::Sender<Word>),
        asked: &Asked,
    ) {
        let mut headers = stale.head.whole();
        update(&mut headers, &confirmed.headers);
        let (verdict, withheld) = self.verdict(stale.head.status, &headers, asked);
        let (status, length, received) = (stale.head.status, stale.head.length, asked.received);
        if self.supersedes(status, verdict) {
            lead.replaces(stale.clone());
        }
        let own = withhold(&mut headers, &withheld);
        add_tags(&mut headers, &asked.terms.tags);
        let selection = Selection::of(&headers, &self.headers);
        let forms = compress::room(self.trip.route.offer.as_ref(), (status, &headers), stale.head.forms.as_ref());
        let aside = Aside::default();
        match verdict {
            Verdict::Store(freshness) => {
                let _ = word.send(Word::Shared(StatusCode::NOT_MODIFIED, own));
                lead.renew(Head { status, headers, freshness, received, selection, length, forms, aside }, stale);
            }
            Verdict::Refuse(refusal) => {
                let _ = word.send(Word::Confirmed(refusal));
                headers.extend(own);
                hide_from_browsers(&self.headers, &mut headers);
                let initial_age = initial_age(&headers, asked.requested, received);
                let freshness = Freshness { initial_age, validate_always: true, ..Freshness::default() };
                let head = Head { status, headers, freshness, received, selection, length, forms, aside };
                lead.renew_for_one(head, &stale.content);
            }
        }
    }

    /// May this be stored, and without which fields?
    pub(super) fn verdict(
        &self,
        status: StatusCode,
        response: &HeaderMap,
        asked: &Asked,
    ) -> (Verdict, Vec<HeaderName>) {
        let (targets, policy) = (&self.edge.targets, &self.trip.route.policy);
        let (method, request) = (&Method::GET, &self.headers);
        let Asked { requested, received, terms } = asked;
        let (requested, received, overrides) = (*requested, *received, terms.overrides);
        let candidate =
            Candidate { method, request, status, response, requested, received, targets, policy, overrides };
        let verdict = if terms.bypass { Verdict::Refuse(Refusal::Filter) } else { candidate.verdict() };
        (verdict, candidate.withheld())
    }
}

/// Brings a body to its end, for those who read it and for the store.
pub(super) async fn pump(mut body: Body, mut filling: Filling) {
    loop {
        match body.frame().await {
            None => return filling.finish().await,
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
