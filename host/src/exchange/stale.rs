//! The answer of a stale response: at once, while the next one is fetched in the background (RFC 5861 section 3), or in the
//! place of an origin that fails (section 4).

use std::sync::Arc;

use http::Response;

use super::visit::Visit;
use super::{fetch, hit};
use crate::body::Body;
use crate::cache::{Entry, FetchFailure, Stale, StaleUse};
use crate::clock::Timestamp;
use crate::origin::Origin;
use crate::semantics::usable_on_error;

/// Answers at once. With the lead the fetch is started; it goes on by itself, whatever becomes of this client.
pub(super) fn answer(visit: &mut Visit<'_>, origin: &Origin, stale: Stale) -> Response<Body> {
    let Stale { entry, cause, refresh } = stale;
    // Who accepts a stored response only does not have the origin asked, nor lends the refresh its directives.
    if let Some(lead) = refresh.filter(|_| !visit.only_if_cached())
        && let Err(failure) = fetch::start(visit, origin, lead, Some(entry.clone()))
    {
        tracing::warn!(cause = %failure, "a stale response could not be refreshed");
    }
    let response = hit::answer(visit, &entry, visit.edge.clock.now());
    used(visit, cause);
    response
}

/// The stale response, where it may stand in for this failure. The origin was asked, so it is no hit (RFC 9211 section
/// 2.1).
pub(super) fn instead_of_failure(
    visit: &mut Visit<'_>,
    entry: Option<&Arc<Entry>>,
    failure: &FetchFailure,
    now: Timestamp,
) -> Option<Response<Body>> {
    let entry = entry.filter(|entry| usable_on_error(&entry.terms(), entry.head.age(now)))?;
    let trouble = failure.trouble()?;
    if !visit.passage().is_ok_and(|passage| passage.route.policy.covers(trouble)) {
        return None;
    }
    visit.record.cache.ttl = Some(entry.ttl(now));
    used(visit, StaleUse::IfError);
    Some(hit::stored(visit, entry, now))
}

fn used(visit: &mut Visit<'_>, cause: StaleUse) {
    visit.record.cache.detail = Some(cause.word());
    visit.edge.book.metrics.used_stale(&visit.record.route, cause);
}
