//! A fetch for one client: nothing is stored, nobody waits.

use http::header::HeaderMap;
use http::{Method, Response, StatusCode};

use super::compress;
use super::failure::Failure;
use super::forward::trip::Trip;
use super::forward::{self, Audience};
use super::visit::Visit;
use crate::body::Body;
use crate::cache::{Key, PassReason};
use crate::clock::Timestamp;
use crate::origin::Origin;
use crate::semantics::{CacheStatus, Candidate, RangeSpec, Verdict, hide_from_browsers};

/// Sends the request on and the answer back, both streaming.
pub(super) async fn answer(
    visit: &mut Visit<'_>,
    origin: &Origin,
    body: Body,
    reason: PassReason,
) -> Result<Response<Body>, Failure> {
    let response = fetch(visit, origin, body, reason).await?;
    shown(visit, response)
}

/// A response as its client is to see it.
pub(super) fn shown(visit: &Visit<'_>, mut response: Response<Body>) -> Result<Response<Body>, Failure> {
    forward::announce_trailers(&visit.passage()?.head.headers, &mut response);
    let mut response = compress::passing(visit, response);
    hide_from_browsers(&visit.passage()?.head.headers, response.headers_mut());
    Ok(response)
}

/// The origin's own answer, with what is for caches only.
pub(super) async fn fetch(
    visit: &mut Visit<'_>,
    origin: &Origin,
    body: Body,
    reason: PassReason,
) -> Result<Response<Body>, Failure> {
    visit.record.cache = CacheStatus { detail: Some(reason.word()), ..CacheStatus::forward(reason.forwarded()) };
    let request = visit.outgoing()?.request(Audience::OneClient, body)?;
    let back = Trip::new(visit, origin)?.go(request).await?;
    visit.hear_terms(back.asked.terms);
    Ok(Response::from_parts(back.parts, back.body))
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
    let times = (requested, visit.edge.clock.now());
    let of_range =
        RangeSpec::of(&visit.passage()?.head.headers).filter(|_| response.status() == StatusCode::PARTIAL_CONTENT);
    // A part is stored on the terms of its whole.
    let status = if of_range.is_some() { StatusCode::OK } else { response.status() };
    if let Verdict::Store(freshness) = candidate(visit, (status, response.headers()), times)?.verdict()
        && small
        && !visit.terms().bypass
        && !(of_range.is_some() && freshness.for_one_use())
    {
        visit.edge.cache.forget_uncacheable(key, of_range);
    }
    shown(visit, response)
}

/// A response to this request, as far as storing it is concerned. `times` are those of its request and its arrival.
pub(super) fn candidate<'a>(
    visit: &'a Visit<'_>,
    (status, response): (StatusCode, &'a HeaderMap),
    (requested, received): (Timestamp, Timestamp),
) -> Result<Candidate<'a>, Failure> {
    let passage = visit.passage()?;
    Ok(Candidate {
        // What is stored is what a GET would bring.
        method: &Method::GET,
        request: &passage.head.headers,
        status,
        response,
        requested,
        received,
        targets: &visit.edge.targets,
        policy: &passage.route.policy,
        overrides: visit.terms().overrides,
    })
}
