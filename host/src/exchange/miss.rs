//! A miss: one request leads the fetch, the others follow, and all read the same body as it comes.
//!
//! The client that caused the fetch reads through a follower like everybody else, so its going away neither ends the
//! fetch nor loses what was already there.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::failure::Failure;
use super::fetch::{self, Word};
use super::visit::Visit;
use super::{compress, hit, look, pass, stale};
use crate::body::Body;
use crate::cache::{Entry, FetchFailure, Follower, Head, Key, Landing, Lead, Lookup, Miss, PassReason, Turn};
use crate::origin::Origin;
use crate::semantics::{CacheStatus, Trouble, hide_from_browsers};

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
    // Fields of the response that are for this client only, where it leads.
    let mut own_fields = HeaderMap::new();
    for _ in 0..LOOKS_MAX {
        visit.record.cache = CacheStatus::forward(miss.forwarded);
        let landing = match miss.turn {
            Turn::Lead(lead) => match lead_fetch(visit, origin, lead, miss.stale.clone()).await? {
                (_, Some(Word::Own(response, refusal))) => {
                    visit.record.cache.detail = Some(refusal.word());
                    return Ok(own(visit, response));
                }
                (landing, word) => {
                    visit.record.cache.stored = matches!(landing, Landing::Shared(..));
                    match word {
                        Some(Word::Shared(status, fields)) => {
                            visit.record.cache.forward_status = (status == StatusCode::NOT_MODIFIED).then_some(304);
                            own_fields = fields;
                        }
                        Some(Word::Confirmed(refusal)) => {
                            let cache = &mut visit.record.cache;
                            (cache.forward_status, cache.stored) = (Some(304), false);
                            cache.detail = Some(refusal.word());
                        }
                        _ => {}
                    }
                    landing
                }
            },
            Turn::Follow(follower) => {
                visit.outgoing()?.refuse_loop()?;
                visit.record.cache.collapsed = true;
                follower.landing().await
            }
        };
        let now = visit.edge.clock.now();
        match landing {
            Landing::Shared(head, follower) if head.selection.matches(&visit.passage()?.head.headers, key.query()) => {
                let mut response = shared(visit, (&head, miss.stale.as_ref()), follower)?;
                response.headers_mut().extend(own_fields);
                return Ok(response);
            }
            // Selected by other header values: now it is known which ones count.
            Landing::Shared(..) => other_variant = true,
            Landing::Failed(failure) => return failed(visit, origin, miss.stale.as_ref(), failure).await,
            Landing::Released => return pass::answer(visit, origin, Body::Empty, PassReason::Uncacheable).await,
            Landing::Lost => {}
        }
        miss = match look::up(visit, origin, key, now)? {
            Lookup::Hit(entry) => return Ok(hit::answer(visit, &entry, now)),
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
    if Trouble::of_failure(failure.error) == Some(Trouble::ServerError) {
        return pass::answer(visit, origin, Body::Empty, PassReason::Vary).await;
    }
    Err(Failure::Fetch(failure))
}

/// The leading client's own answer. It was asked for without the client's conditions, which are answered here.
fn own(visit: &Visit<'_>, response: Response<Body>) -> Response<Body> {
    let mut response = compress::passing(visit, response);
    let Ok(passage) = visit.passage() else { return response };
    hide_from_browsers(&passage.head.headers, response.headers_mut());
    let has = hit::client_has(&passage.head.headers, &response, visit.edge.clock.now());
    if has { hit::unchanged(response) } else { response }
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
    // A lifetime is for what is kept.
    visit.record.cache.ttl = visit.record.cache.detail.is_none().then(|| head.ttl(now));
    if head.age_seconds(now) > 0 {
        response.headers_mut().insert(header::AGE, HeaderValue::from(head.age_seconds(now)));
    }
    if known {
        return Ok(hit::unchanged(response));
    }
    *response.body_mut() = sending.send(Body::stream(follower));
    Ok(response)
}

/// Starts the fetch and waits for its head. Dropped while it waits, the fetch goes on.
async fn lead_fetch(
    visit: &Visit<'_>,
    origin: &Origin,
    lead: Lead,
    stale: Option<Arc<Entry>>,
) -> Result<(Landing, Option<Word>), Failure> {
    let follower = lead.follower();
    let mine = fetch::start(visit, origin, lead, stale)?;
    let landing = follower.landing().await;
    let word = if matches!(landing, Landing::Released | Landing::Shared(..)) { mine.await.ok() } else { None };
    Ok((landing, word))
}
