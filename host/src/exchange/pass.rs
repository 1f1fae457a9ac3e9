//! A fetch for one client: nothing is stored, nobody waits.

use http::Response;

use super::compress;
use super::failure::Failure;
use super::forward::{self, Audience};
use super::visit::Visit;
use crate::body::Body;
use crate::cache::{FetchFailure, Key, PassReason};
use crate::clock::Timestamp;
use crate::origin::{Origin, OriginFailure};
use crate::semantics::{CacheStatus, Candidate, Verdict};

/// Sends the request on and the answer back, both streaming.
pub(super) async fn answer(
    visit: &mut Visit<'_>,
    origin: &Origin,
    body: Body,
    reason: PassReason,
) -> Result<Response<Body>, Failure> {
    let response = fetch(visit, origin, body, reason).await?;
    Ok(compress::passing(visit, response))
}

/// The origin's own answer.
async fn fetch(
    visit: &mut Visit<'_>,
    origin: &Origin,
    body: Body,
    reason: PassReason,
) -> Result<Response<Body>, Failure> {
    visit.record.cache = CacheStatus { detail: Some(reason.word()), ..CacheStatus::forward(reason.forwarded()) };
    let request = visit.outgoing()?.request(Audience::OneClient, body.paced(visit.peer.body_timeout))?;
    let answer = origin.fetch(request).await.map_err(failed)?;
    Ok(received(visit, answer))
}

/// The same for a key whose last answer could not be stored. Where this one could be, the next request may lead again.
pub(super) async fn answer_and_learn(
    visit: &mut Visit<'_>,
    origin: &Origin,
    key: &Key,
    reason: PassReason,
) -> Result<Response<Body>, Failure> {
    let requested = visit.edge.clock.now();
    let response = fetch(visit, origin, Body::Empty, reason).await?;
    let length = http_body::Body::size_hint(response.body()).exact();
    let small = length.is_some_and(|length| length <= visit.edge.cache.object_bytes_max());
    if let Verdict::Store(_) = verdict(visit, &response, requested)?
        && small
    {
        visit.edge.cache.forget_uncacheable(key);
    }
    Ok(compress::passing(visit, response))
}

fn verdict(visit: &Visit<'_>, response: &Response<Body>, requested: Timestamp) -> Result<Verdict, Failure> {
    let passage = visit.passage()?;
    let candidate = Candidate {
        method: &passage.head.method,
        request: &passage.head.headers,
        status: response.status(),
        response: response.headers(),
        requested,
        received: visit.edge.clock.now(),
        node: &visit.edge.name,
        default_ttl: passage.route.default_ttl,
    };
    Ok(candidate.verdict())
}

/// An origin's response, made fit to be passed on.
pub(super) fn received(visit: &Visit<'_>, answer: Response<Body>) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    forward::receive(&mut parts, &visit.edge.via, visit.edge.clock.now());
    Response::from_parts(parts, body)
}

pub(super) fn failed(failure: OriginFailure) -> Failure {
    Failure::Fetch(fetch_failure(&failure))
}

/// What everybody who waits for a fetch is told of its failure.
pub(super) fn fetch_failure(failure: &OriginFailure) -> FetchFailure {
    FetchFailure { error: failure.proxy_error(), detail: failure.to_string().into() }
}
