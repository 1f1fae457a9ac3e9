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
use super::visit::Visit;
use super::{compress, hit, part_fetch, part_hit, pass, stale, stretch};
use crate::body::Body;
use crate::cache::{Entry, Follower, Head, Key, Landing, Lead, Lookup, Miss, PassReason, Turn, Want};
use crate::origin::Origin;
use crate::semantics::{CacheStatus, range_applies};

/// How often a request looks again after a fetch that it waited for was lost. Losing one takes a bug or a shutdown.
const LOOKS_MAX: usize = 4;

/// Fetches, or waits for who does.
pub(super) async fn answer(
    visit: &mut Visit<'_>,
    origin: &Origin,
    key: &Key,
    mut miss: Miss,
) -> Result<Response<Body>, Failure> {
    visit.record.cache = CacheStatus::forward(miss.forwarded);
    for _ in 0..LOOKS_MAX {
        let landing = match miss.turn {
            Turn::Lead(lead) => match lead_fetch(visit, origin, lead, (miss.want, miss.stale.clone())).await? {
                (_, Some(Word::Own(response, refusal))) => {
                    visit.record.cache.detail = Some(refusal.word());
                    return own(visit, origin, response).await;
                }
                (landing, word) => {
                    visit.record.cache.stored = matches!(landing, Landing::Shared(..));
                    if let (Landing::Shared(head, _), Some(Word::Shared(status))) = (&landing, word) {
                        visit.record.cache.forward_status = (status != head.status).then(|| status.as_u16());
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
        let apart = match landing {
            // It was to be a part of another representation: of this one the whole is wanted.
            Landing::Shared(head, _) if !meant(&visit.passage()?.head.headers, &head) => true,
            Landing::Shared(head, follower) => {
                return shared(visit, (origin, key), (&head, miss.stale.as_ref()), follower).await;
            }
            Landing::Failed(failure) => {
                let instead = stale::instead_of_failure(visit, miss.stale.as_ref(), now);
                return instead.ok_or(Failure::Fetch(failure));
            }
            Landing::Released => return pass::answer(visit, origin, Body::Empty, PassReason::Uncacheable).await,
            Landing::Lost => false,
        };
        let mut wanted = visit.passage()?.head.headers.clone();
        if apart {
            wanted.remove(header::RANGE);
        }
        miss = match visit.edge.cache.lookup(key, &wanted, now) {
            Lookup::Hit(entry) => return Ok(hit::answer(visit, &entry, now)),
            Lookup::Part(parts, range) => return Ok(part_hit::answer(visit, &parts, &range, now)),
            Lookup::Stale(entry, refresh) => return Ok(stale::answer(visit, origin, &entry, refresh)),
            Lookup::Pass(reason) => return pass::answer(visit, origin, Body::Empty, reason).await,
            Lookup::Miss(miss) => miss,
        };
    }
    Err(Failure::FetchLost)
}

/// May a shared answer stand for this request? A part may not where `If-Range` names another representation.
fn meant(request: &HeaderMap, head: &Head) -> bool {
    head.status != StatusCode::PARTIAL_CONTENT || range_applies(request, &head.headers)
}

/// The leading client's own answer. It was asked for without the client's conditions, which are answered here.
async fn own(visit: &mut Visit<'_>, origin: &Origin, response: Response<Body>) -> Result<Response<Body>, Failure> {
    let response = compress::passing(visit, response);
    let request = &visit.passage()?.head.headers;
    if hit::client_has(request, &response, visit.edge.clock.now()) {
        return Ok(hit::unchanged(response));
    }
    if response.status() == StatusCode::PARTIAL_CONTENT && !range_applies(request, response.headers()) {
        return pass::answer(visit, origin, Body::Empty, PassReason::Uncacheable).await;
    }
    Ok(response)
}

/// A response that several requests read, if it was selected by header values like this request's; with what was stored
/// before it.
async fn shared(
    visit: &mut Visit<'_>,
    (origin, key): (&Origin, &Key),
    (head, stored): (&Head, Option<&Arc<Entry>>),
    follower: Follower,
) -> Result<Response<Body>, Failure> {
    let request = &visit.passage()?.head.headers;
    if !head.selection.matches(request, key.query()) {
        drop(follower);
        return pass::answer(visit, origin, Body::Empty, PassReason::Vary).await;
    }
    let (age, ttl) = (head.age(visit.edge.clock.now()).as_secs(), head.ttl(visit.edge.clock.now()));
    let mut response = hit::head(head);
    if age > 0 {
        response.headers_mut().insert(header::AGE, HeaderValue::from(age));
    }
    let sending = compress::shared(visit, head, stored, response.headers_mut());
    let known = hit::client_has(request, &response, head.received);
    let response = match sending {
        _ if known => hit::unchanged(response),
        Sending::AsItIs => stretch::cut(request, head, response, follower),
        coded => response.map(|_| coded.send(Body::stream(follower))),
    };
    visit.record.cache.ttl = Some(ttl);
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
