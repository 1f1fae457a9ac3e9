//! A miss: one request leads the fetch, the others follow, and all read the same body as it comes.
//!
//! The client that caused the fetch reads through a follower like everybody else, so its going away neither ends the
//! fetch nor loses what was already there.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::compress::Sending;
use super::failure::Failure;
use super::fetch::{self, Word};
use super::forward::announce_trailers;
use super::visit::Visit;
use super::{compress, hit, look, part_fetch, part_hit, pass, stale, stretch};
use crate::body::Body;
use crate::cache::{Entry, FetchFailure, Follower, Head, Key, Landing, Lead, Lookup, Miss, PassReason, Turn, Want};
use crate::origin::Origin;
use crate::semantics::{CacheStatus, Trouble, hide_from_browsers, range_applies};

/// How often a request looks, after it has waited for a fetch that was lost or brought another variant. Losing one takes a
/// bug or a shutdown; another variant comes twice only where the origin changes its mind about `Vary`.
const LOOKS_MAX: usize = 4;

/// Fetches, or waits for who does.
pub(super) async fn answer(
    visit: &mut Visit<'_>,
    origin: &Origin,
    key: &Key,
    mut miss: Miss,
) -> Result<Response<Body>, Failure> {
    let mut other_variant = false;
    for _ in 0..LOOKS_MAX {
        visit.record.cache = CacheStatus::forward(miss.forwarded);
        let (landing, word) = match miss.turn {
            Turn::Lead(lead) => {
                let led = lead_fetch(visit, origin, lead, (miss.want, miss.stale.clone())).await?;
                visit.record.cache.stored = matches!(led.0, Landing::Shared(..));
                led
            }
            Turn::Follow(follower) => {
                visit.outgoing()?.refuse_loop()?;
                visit.record.cache.collapsed = true;
                (follower.landing().await, None)
            }
        };
        let own_fields = match word {
            Some(Word::Own(response, refusal)) => {
                visit.record.cache.detail = Some(refusal.word());
                return own(visit, origin, response).await;
            }
            word => note(visit, &landing, word),
        };
        let now = visit.edge.clock.now();
        let request = &visit.passage()?.head.headers;
        match landing {
            Landing::Shared(head, follower) if head.selection.matches(request, key.query()) => {
                // It was to be a part of another representation: of this one the whole is wanted.
                if !meant(request, &head) {
                    visit.wants_whole();
                } else {
                    let mut response = shared(visit, (&head, miss.stale.as_ref()), follower)?;
                    response.headers_mut().extend(own_fields);
                    return Ok(response);
                }
            }
            // Selected by other header values: now it is known which ones count.
            Landing::Shared(..) => other_variant = true,
            Landing::Failed(failure) => return failed(visit, origin, miss.stale.as_ref(), failure).await,
            Landing::Released => return pass::answer(visit, origin, Body::Empty, PassReason::Uncacheable).await,
            Landing::Lost => {}
        }
        let before = visit.record.cache;
        miss = match look::up(visit, origin, key, now).await? {
            Lookup::Hit(entry) => {
                let response = hit::answer(visit, &entry, now);
                return Ok(after_asking(visit, before, response));
            }
            Lookup::Part(parts, range) => {
                let response = part_hit::answer(visit, &parts, &range, now);
                return Ok(after_asking(visit, before, response));
            }
            Lookup::Stale(stale) => return Ok(stale::answer(visit, origin, stale)),
            Lookup::Pass(reason) => return pass::answer(visit, origin, Body::Empty, reason).await,
            Lookup::Miss(miss) => miss,
        };
    }
    if other_variant {
        return pass::answer(visit, origin, Body::Empty, PassReason::Vary).await;
    }
    Err(Failure::FetchLost)
}

/// What is found once this request has asked the origin is no hit (RFC 9211 section 2.1).
fn after_asking(visit: &mut Visit<'_>, before: CacheStatus, response: Response<Body>) -> Response<Body> {
    let cache = &mut visit.record.cache;
    if !before.collapsed {
        *cache = CacheStatus { ttl: cache.ttl, ..before };
    }
    response
}

/// Writes down what the leader was told. The fields of the response that are for this client only.
fn note(visit: &mut Visit<'_>, landing: &Landing, word: Option<Word>) -> HeaderMap {
    let cache = &mut visit.record.cache;
    match (landing, word) {
        (Landing::Shared(head, _), Some(Word::Shared(status, own_fields))) => {
            cache.forward_status = (status != head.status).then(|| status.as_u16());
            own_fields
        }
        (_, Some(Word::Confirmed(refusal))) => {
            (cache.forward_status, cache.stored) = (Some(304), false);
            cache.detail = Some(refusal.word());
            HeaderMap::new()
        }
        _ => HeaderMap::new(),
    }
}

/// The fetch brought nothing to share: a stale response stands in for it, or this client is told.
async fn failed(
    visit: &mut Visit<'_>,
    origin: &Origin,
    stale: Option<&Arc<Entry>>,
    failure: FetchFailure,
) -> Result<Response<Body>, Failure> {
    let now = visit.edge.clock.now();
    if let Some(instead) = stale::instead_of_failure(visit, stale, &failure, now) {
        return Ok(instead);
    }
    // The origin did answer, but to one who had something better. This client has not, so it gets an answer of its own.
    if failure.trouble() == Some(Trouble::ServerError) {
        return pass::answer(visit, origin, Body::Empty, PassReason::Error).await;
    }
    Err(Failure::Fetch(failure))
}

/// May a shared answer stand for this request? A part may not where `If-Range` names another representation.
fn meant(request: &HeaderMap, head: &Head) -> bool {
    head.status != StatusCode::PARTIAL_CONTENT || range_applies(request, &head.headers)
}

/// The leading client's own answer. It was asked for without the client's conditions, which are answered here.
async fn own(visit: &mut Visit<'_>, origin: &Origin, mut response: Response<Body>) -> Result<Response<Body>, Failure> {
    announce_trailers(&visit.passage()?.head.headers, &mut response);
    let mut response = compress::passing(visit, response);
    let request = &visit.passage()?.head.headers;
    hide_from_browsers(request, response.headers_mut());
    if hit::client_has(request, &response, visit.edge.clock.now()) {
        return Ok(hit::unchanged(response));
    }
    // Whether its range counts was left open: for another representation than `If-Range` names, it does not.
    let to_range = matches!(response.status(), StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE);
    if to_range && !range_applies(request, response.headers()) {
        return pass::answer(visit, origin, Body::Empty, PassReason::Uncacheable).await;
    }
    Ok(response)
}

/// A response that several requests read; with what was stored before it.
fn shared(
    visit: &mut Visit<'_>,
    (head, stored): (&Head, Option<&Arc<Entry>>),
    follower: Follower,
) -> Result<Response<Body>, Failure> {
    let request = &visit.passage()?.head.headers;
    let now = visit.edge.clock.now();
    let mut response = hit::head(head);
    head.aside.surrogate.put_for(request, response.headers_mut());
    let sending = compress::shared(visit, head, stored, response.headers_mut());
    let known = hit::client_has(request, &response, head.received);
    if head.age_seconds(now) > 0 {
        response.headers_mut().insert(header::AGE, HeaderValue::from(head.age_seconds(now)));
    }
    let response = match sending {
        _ if known => hit::unchanged(response),
        Sending::AsItIs => stretch::cut(request, head, response, follower),
        coded => response.map(|_| coded.send(Body::stream(follower))),
    };
    // A lifetime is for what is kept.
    visit.record.cache.ttl = visit.record.cache.detail.is_none().then(|| head.ttl(now));
    if !known && response.status() != head.status {
        visit.record.cache.forward_status.get_or_insert(head.status.as_u16());
    }
    Ok(response)
}

/// Starts the fetch and waits for its head. Dropped while it waits, the fetch goes on.
async fn lead_fetch(
    visit: &Visit<'_>,
    origin: &Origin,
    lead: Lead,
    (want, stale): (Want, Option<Arc<Entry>>),
) -> Result<(Landing, Option<Word>), Failure> {
    let follower = lead.follower();
    let mine = match want {
        Want::Whole => fetch::start(visit, origin, lead, stale)?,
        Want::Range(spec) => part_fetch::start(visit, origin, lead, spec)?,
        Want::Rest(rest) => part_fetch::complete(visit, origin, lead, rest)?,
    };
    let landing = follower.landing().await;
    let word = if matches!(landing, Landing::Released | Landing::Shared(..)) { mine.await.ok() } else { None };
    Ok((landing, word))
}
