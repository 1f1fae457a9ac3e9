//! A miss: one request leads the fetch, the others follow, and all read the same body as it comes.
//!
//! The fetch runs in a task of its own. The client that caused it reads through a follower like everybody else, so its
//! going away neither ends the fetch nor loses what was already there.

use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::oneshot;

use super::edge::Edge;
use super::failure::Failure;
use super::forward::{self, Audience};
use super::visit::Visit;
use super::{hit, pass};
use crate::body::Body;
use crate::cache::{Filling, Follower, Head, Key, Landing, Lead, Lookup, PassReason, Turn};
use crate::origin::Origin;
use crate::semantics::{CacheStatus, Candidate, Forwarded, Refusal, Selection, Verdict};

/// How often a request looks again after a fetch that it waited for was lost. Losing one takes a bug or a shutdown.
const LOOKS_MAX: usize = 4;

/// What only the leading request gets: an answer that is for nobody else.
type OwnAnswer = (Response<Body>, Refusal);

/// Fetches, or waits for who does.
pub(super) async fn answer(
    visit: &mut Visit<'_>,
    origin: &Origin,
    key: &Key,
    (reason, mut turn): (Forwarded, Turn),
) -> Result<Response<Body>, Failure> {
    visit.record.cache = CacheStatus::forward(reason);
    for _ in 0..LOOKS_MAX {
        let landing = match turn {
            Turn::Lead(lead) => match lead_fetch(visit, origin, lead).await? {
                (_, Some((response, refusal))) => {
                    visit.record.cache.detail = Some(refusal.word());
                    return Ok(response);
                }
                (landing, None) => {
                    visit.record.cache.stored = matches!(landing, Landing::Shared(..));
                    landing
                }
            },
            Turn::Follow(follower) => {
                visit.record.cache.collapsed = true;
                follower.landing().await
            }
        };
        match landing {
            Landing::Shared(head, follower) => return shared(visit, origin, &head, follower).await,
            Landing::Failed(failure) => return Err(Failure::Fetch(failure)),
            Landing::Released => return pass::answer(visit, origin, Body::Empty, PassReason::Uncacheable).await,
            Landing::Lost => {}
        }
        let now = visit.edge.clock.now();
        turn = match visit.edge.cache.lookup(key, &visit.passage()?.head.headers, now) {
            Lookup::Hit(entry) => return Ok(hit::answer(visit, &entry, now)),
            Lookup::Pass(reason) => return pass::answer(visit, origin, Body::Empty, reason).await,
            Lookup::Miss(_, turn) => turn,
        };
    }
    Err(Failure::FetchLost)
}

/// A response that several requests read, if it was selected by header values like this request's.
async fn shared(
    visit: &mut Visit<'_>,
    origin: &Origin,
    head: &Head,
    follower: Follower,
) -> Result<Response<Body>, Failure> {
    if !head.selection.matches(&visit.passage()?.head.headers) {
        drop(follower);
        return pass::answer(visit, origin, Body::Empty, PassReason::Vary).await;
    }
    visit.record.cache.ttl = Some(head.ttl(visit.edge.clock.now()));
    let mut response = hit::head(head);
    *response.body_mut() = Body::stream(follower);
    Ok(response)
}

/// Starts the fetch and waits for its head. Dropped while it waits, the fetch goes on.
async fn lead_fetch(visit: &Visit<'_>, origin: &Origin, lead: Lead) -> Result<(Landing, Option<OwnAnswer>), Failure> {
    let passage = visit.passage()?;
    let request = visit.outgoing()?.request(Audience::Everybody, Body::Empty)?;
    let fetch = Fetch {
        edge: visit.edge.clone(),
        origin: origin.clone(),
        headers: passage.head.headers.clone(),
        default_ttl: passage.route.default_ttl,
    };
    let follower = lead.follower();
    let (own, mine) = oneshot::channel();
    tokio::spawn(fetch.run(request, lead, own));
    let landing = follower.landing().await;
    let own = if matches!(landing, Landing::Released) { mine.await.ok() } else { None };
    Ok((landing, own))
}

/// One fetch for everybody, on its own.
struct Fetch {
    edge: Arc<Edge>,
    origin: Origin,
    /// The leading request's, as filters left them.
    headers: HeaderMap,
    default_ttl: Option<std::time::Duration>,
}

impl Fetch {
    async fn run(self, request: Request<Body>, lead: Lead, own: oneshot::Sender<OwnAnswer>) {
        let requested = self.edge.clock.now();
        let answer = match self.origin.fetch(request).await {
            Ok(answer) => answer,
            Err(failure) => return lead.fail(pass::fetch_failure(&failure)),
        };
        let received = self.edge.clock.now();
        let (mut parts, body) = answer.into_parts();
        forward::receive(&mut parts, &self.edge.via, received);
        let candidate = Candidate {
            method: &Method::GET,
            request: &self.headers,
            status: parts.status,
            response: &parts.headers,
            requested,
            received,
            default_ttl: self.default_ttl,
        };
        let length = body.size_hint().exact();
        let freshness = match candidate.verdict() {
            Verdict::Store(_) if length.is_some_and(|length| length > self.edge.cache.object_bytes_max()) => {
                Err(Refusal::TooLarge)
            }
            Verdict::Store(freshness) => Ok(freshness),
            Verdict::Refuse(refusal) => Err(refusal),
        };
        match freshness {
            Err(refusal) => {
                // Handed over first: whoever is told of the release finds it there. Where the client has gone, the
                // response is dropped, and with it its connection.
                let _ = own.send((Response::from_parts(parts, body), refusal));
                lead.release();
            }
            Ok(freshness) => {
                let selection = Selection::of(&parts.headers, &self.headers);
                let head =
                    Head { status: parts.status, headers: parts.headers, freshness, received, selection, length };
                pump(body, lead.fill(head)).await;
            }
        }
    }
}

/// Brings a body to its end, for those who read it and for the store.
async fn pump(mut body: Body, mut filling: Filling) {
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
