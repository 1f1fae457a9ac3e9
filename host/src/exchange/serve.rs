//! The recipe: what happens to a request, in order.

use std::sync::Arc;

use http::{Method, Request, Response, request};
use http_body::Body as _;

use super::deliver::{self, Delivery};
use super::edge::Edge;
use super::failure::Failure;
use super::peer::Peer;
use super::visit::{Closed, Onward, Passage, Visit};
use super::{head, hit, invalidate, look, miss, part_hit, pass, purge, stale};
use crate::body::Body;
use crate::cache::{Lookup, PassReason};
use crate::filter::EndOfStream;
use crate::origin::Origin;
use crate::semantics::only_for_origins;

impl Edge {
    /// Answers one request. Always answers, whatever goes wrong, unless a filter wants the connection closed. Dropping the
    /// future is the client going away; what it had begun for others goes on.
    pub async fn serve(self: &Arc<Self>, peer: &Peer, request: Request<Body>) -> Result<Response<Delivery>, Closed> {
        let (parts, body) = request.into_parts();
        let mut visit = Visit::new(self, peer, &parts);
        let answer = match self.answer(&mut visit, parts, body).await {
            Err(Failure::ClosedByFilter) => return Err(visit.closed()),
            Err(failure) => visit.fail(&failure),
            Ok(answer) => answer,
        };
        let answer = visit.filter_response(answer);
        visit.purge_as_wished();
        let answer = match answer {
            Err(Failure::ClosedByFilter) => return Err(visit.closed()),
            Err(failure) => visit.fail(&failure),
            Ok(answer) => answer,
        };
        Ok(deliver::deliver(visit, answer))
    }

    /// Normalise, route, request filters, look up; then one of four arms. Those that wait are boxed, so that a hit does not
    /// carry their state about.
    async fn answer(
        self: &Arc<Self>,
        visit: &mut Visit<'_>,
        parts: request::Parts,
        body: Body,
    ) -> Result<Response<Body>, Failure> {
        if purge::is_asked(&parts.method) {
            return Box::pin(purge::answer(visit, parts)).await;
        }
        visit.admit(parts, EndOfStream::from(body.is_end_stream()))?;
        let replied = visit.filter_request();
        visit.purge_as_wished();
        if let Some(reply) = replied? {
            return Ok(reply);
        }
        visit.hear_wishes();
        let (origin, chosen) = visit.origin()?;
        let passage = visit.passage()?;
        if let Some(reason) = passed_by(passage) {
            if visit.only_if_cached() {
                return Err(Failure::OnlyIfCached);
            }
            return Box::pin(self.passed(visit, &origin, (body, reason))).await;
        }
        let key = look::key(visit, (&origin, chosen))?;
        let now = visit.record.started;
        if passage.head.method == Method::HEAD {
            return match look::peek(visit, &key, now).await? {
                Some(entry) => Ok(hit::answer(visit, &entry, now)),
                None if let Some(parts) = look::peek_parts(visit, &key, now)? => {
                    Ok(part_hit::answer(visit, &parts, &(0..0), now))
                }
                None if visit.only_if_cached() => Err(Failure::OnlyIfCached),
                None => Box::pin(head::answer(visit, &origin, &key, body)).await,
            };
        }
        match look::up(visit, &origin, &key, now).await? {
            Lookup::Hit(entry) => Ok(hit::answer(visit, &entry, now)),
            Lookup::Part(parts, range) => Ok(part_hit::answer(visit, &parts, &range, now)),
            Lookup::Stale(stale) => Ok(stale::answer(visit, &origin, stale)),
            Lookup::Miss(_) | Lookup::Pass(_) if visit.only_if_cached() => Err(Failure::OnlyIfCached),
            Lookup::Miss(miss) => Box::pin(miss::answer(visit, &origin, &key, miss)).await,
            Lookup::Pass(reason) => Box::pin(pass::answer_and_learn(visit, &origin, &key, reason)).await,
        }
    }

    /// Sends the request on with its body, as far as filters let it.
    async fn passed(
        self: &Arc<Self>,
        visit: &mut Visit<'_>,
        origin: &Origin,
        (body, reason): (Body, PassReason),
    ) -> Result<Response<Body>, Failure> {
        let body = match visit.filter_request_body(body.paced(visit.peer.body_timeout)).await? {
            Onward::Body(body) => body,
            Onward::Reply(reply) => return Ok(reply),
        };
        match pass::answer(visit, origin, body, reason).await {
            Ok(response) => {
                invalidate::after(visit, &response);
                Ok(response)
            }
            // Where a filter ended the body, the origin's failure is only what followed from it.
            Err(failure) => visit.filtered_body()?.ok_or(failure),
        }
    }
}

/// Requests that the cache has nothing to do with.
pub(super) fn passed_by(passage: &Passage) -> Option<PassReason> {
    let head = &passage.head;
    if !passage.route.caching {
        Some(PassReason::Disabled)
    } else if !matches!(head.method, Method::GET | Method::HEAD) {
        Some(PassReason::Method)
    } else if passage.end == EndOfStream::No {
        Some(PassReason::RequestBody)
    } else if passage.verbs.as_ref().is_some_and(|verbs| verbs.terms.bypass) {
        Some(PassReason::Filter)
    } else if passage.wishes.no_store {
        Some(PassReason::NoStore)
    } else if only_for_origins(&head.headers) {
        Some(PassReason::Precondition)
    } else {
        None
    }
}
