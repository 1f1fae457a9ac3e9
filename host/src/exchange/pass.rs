//! A fetch for one client: nothing is stored, nobody waits.

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};

use super::compress;
use super::failure::Failure;
use super::forward::{self, Audience};
use super::visit::Visit;
use crate::body::Body;
use crate::cache::{FetchFailure, Key, PassReason};
use crate::clock::Timestamp;
use crate::origin::{Origin, OriginFailure};
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
    let length = http_body::Body::size_hint(&body).exact();
    let mut request = visit.outgoing()?.request(Audience::OneClient, body)?;
    // A filter may have changed how much there is; without a length the connection frames it.
    match length {
        Some(length) if request.headers().contains_key(CONTENT_LENGTH) => {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        Some(_) => {}
        None => drop(request.headers_mut().remove(CONTENT_LENGTH)),
    }
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
    let times = (requested, visit.edge.clock.now());
    let of_range =
        RangeSpec::of(&visit.passage()?.head.headers).filter(|_| response.status() == StatusCode::PARTIAL_CONTENT);
    // A part is stored on the terms of its whole.
    let status = if of_range.is_some() { StatusCode::OK } else { response.status() };
    if let Verdict::Store(freshness) = candidate(visit, (status, response.headers()), times)?.verdict()
        && small
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
