//! A HEAD that nothing stored answers: it goes to the origin, and its answer says whether the stored GET response is still
//! good (RFC 9111 section 4.3.5).

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap};
use http::{Response, StatusCode};

use super::failure::Failure;
use super::visit::Visit;
use super::{compress, pass};
use crate::body::Body;
use crate::cache::{Entry, Head, Key, PassReason};
use crate::clock::Timestamp;
use crate::origin::Origin;
use crate::semantics::{
    Comparison, Forwarded, Freshness, Outcome, Reuse, Verdict, compare, fields, reuse, update, withhold,
};

/// Sends the request on, and brings what is stored up to date by its answer.
pub(super) async fn answer(
    visit: &mut Visit<'_>,
    origin: &Origin,
    key: &Key,
    body: Body,
) -> Result<Response<Body>, Failure> {
    let request = &visit.passage()?.head.headers;
    // An answer to credentials says nothing of a response that others get.
    let own = request.contains_key(header::AUTHORIZATION);
    // Before anything is read: what a purge from now on concerns, the answer does not confirm.
    let began = visit.edge.cache.epoch();
    let stored = if own { None } else { visit.edge.cache.stored(key, request, &visit.recall) };
    let requested = visit.edge.clock.now();
    // Compared as the origin gave it: what the node codes has another tag and another length.
    let response = pass::fetch(visit, origin, body, PassReason::Head).await?;
    if let Some(entry) = &stored {
        visit.record.cache.outcome = Outcome::Forward(why(visit, entry, requested)?);
    }
    if let Some(entry) = stored
        && response.status() == StatusCode::OK
        && let Some(head) = told(visit, &entry, response.headers(), requested)?
    {
        visit.edge.cache.replace_head(key, &entry, (head, began));
    }
    pass::shown(visit, response)
}

/// Why what is stored did not answer.
pub(super) fn why(visit: &Visit<'_>, entry: &Entry, now: Timestamp) -> Result<Forwarded, Failure> {
    match reuse(&entry.terms(), entry.head.age(now), &visit.passage()?.wishes) {
        Reuse::Validate(why) => Ok(why),
        // A HEAD refreshes nothing in the background.
        Reuse::Fresh | Reuse::Stale | Reuse::StaleWhileRevalidate => Ok(Forwarded::Stale),
    }
}

/// The stored head as the answer has it; `None` where it says nothing.
fn told(
    visit: &Visit<'_>,
    entry: &Arc<Entry>,
    answer: &HeaderMap,
    requested: Timestamp,
) -> Result<Option<Head>, Failure> {
    let head = Head::clone(&entry.head);
    let stale = Freshness { lifetime: Duration::ZERO, validate_always: true, ..head.freshness };
    let mut headers = head.whole();
    update(&mut headers, answer);
    let vary = |headers| fields::joined(headers, &header::VARY);
    let comparison = match compare(&head.headers, entry.content.len(), answer) {
        // A stored error is not what the 200 speaks of; and for whom a response is that varies otherwise, nobody knows.
        _ if head.status != StatusCode::OK || vary(&headers) != vary(&head.headers) => Comparison::Different,
        Comparison::Unknown => return Ok(None),
        known => known,
    };
    let received = visit.edge.clock.now();
    let candidate = pass::candidate(visit, (head.status, &headers), (requested, received))?;
    Ok(Some(match candidate.verdict() {
        Verdict::Store(freshness) if comparison == Comparison::Same => {
            let names = candidate.withheld();
            withhold(&mut headers, &names);
            let offer = visit.passage()?.route.offer.as_ref();
            let forms = compress::room(offer, (head.status, &headers), head.forms.as_ref());
            Head { headers, freshness, received, forms, ..head }
        }
        // Another response, or one that may not be kept: the next GET asks.
        _ => Head { freshness: stale, ..head },
    }))
}
