//! The answer of a stale response: at once, while the next one is fetched in the background (RFC 5861 section 3), or in the
//! place of an origin that fails (section 4).

use http::Response;

use super::visit::Visit;
use super::{fetch, hit};
use crate::body::Body;
use crate::cache::{Entry, Lead};
use crate::clock::Timestamp;
use crate::origin::Origin;
use crate::semantics::usable_on_error;
use std::sync::Arc;

/// Answers at once. With the lead the fetch is started; it goes on by itself, whatever becomes of this client.
pub(super) fn answer(
    visit: &mut Visit<'_>,
    origin: &Origin,
    entry: &Arc<Entry>,
    refresh: Option<Lead>,
) -> Response<Body> {
    if let Some(lead) = refresh
        && let Err(failure) = fetch::start(visit, origin, lead, Some(entry.clone()))
    {
        tracing::warn!(cause = %failure, "a stale response could not be refreshed");
    }
    let response = hit::answer(visit, entry, visit.edge.clock.now());
    visit.record.cache.detail = Some("stale_while_revalidate");
    response
}

/// The stale response, where it may stand in for a failure. The origin was asked, so it is no hit (RFC 9211 section 2.1).
pub(super) fn instead_of_failure(
    visit: &mut Visit<'_>,
    entry: Option<&Arc<Entry>>,
    now: Timestamp,
) -> Option<Response<Body>> {
    let entry = entry.filter(|entry| usable_on_error(&entry.head.freshness, entry.head.age(now)))?;
    visit.record.cache.ttl = Some(entry.head.ttl(now));
    visit.record.cache.detail = Some("stale_if_error");
    Some(hit::stored(visit, entry, now))
}
