//! The answer of stored parts: the range that was asked for, its absence, or what the client and the head alone can tell.

use std::ops::Range;

use http::Response;
use http::header::{self, HeaderValue};

use super::chain::chain;
use super::visit::Visit;
use super::{hit, partial};
use crate::body::Body;
use crate::cache::Parts;
use crate::clock::Timestamp;
use crate::semantics::{CacheStatus, ContentRange};

/// The 206 of `range`, all of which is stored; 416 where it is empty. A HEAD request gets the length of the whole.
pub(super) fn answer(visit: &mut Visit<'_>, parts: &Parts, range: &Range<u64>, now: Timestamp) -> Response<Body> {
    visit.record.cache = CacheStatus::hit(parts.ttl(now));
    let mut response = hit::head(&parts.head);
    response.headers_mut().insert(header::AGE, HeaderValue::from(parts.head.age(now).as_secs()));
    let Ok(passage) = visit.passage() else { return response };
    parts.head.aside.surrogate.put_for(&passage.head.headers, response.headers_mut());
    if hit::client_has(&passage.head.headers, &response, parts.head.received) {
        return hit::unchanged(response);
    }
    if visit.head_only() {
        return response;
    }
    if range.is_empty() {
        return partial::unsatisfiable(parts.total(), response);
    }
    let place = ContentRange { range: range.clone(), total: parts.total() };
    partial::piece_of(&place, response, chain(parts.slices(range).into_iter().map(Body::from)))
}
