//! The answer of a stored response: whole, in parts, or that the client has it already.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};

use super::compress::Sending;
use super::visit::Visit;
use super::{compress, partial};
use crate::body::Body;
use crate::cache::{Entry, Head};
use crate::clock::Timestamp;
use crate::semantics::{CacheStatus, not_modified, reduce_to_not_modified};

/// The stored response as it is now. A HEAD request gets the length that a GET would have.
pub(super) fn answer(visit: &mut Visit<'_>, entry: &Entry, now: Timestamp) -> Response<Body> {
    visit.record.cache = CacheStatus::hit(entry.ttl(now));
    visit.record.hit_tier = entry.tier();
    stored(visit, entry, now)
}

/// The same, where the record already says how the entry was come by.
pub(super) fn stored(visit: &Visit<'_>, entry: &Entry, now: Timestamp) -> Response<Body> {
    let mut response = head(&entry.head);
    response.headers_mut().insert(header::AGE, HeaderValue::from(entry.head.age_seconds(now)));
    let Ok(passage) = visit.passage() else { return response };
    let request = &passage.head.headers;
    entry.head.aside.surrogate.put_for(request, response.headers_mut());
    let sending = compress::stored(visit, entry, response.headers_mut());
    if client_has(request, &response, entry.head.received) {
        return unchanged(response);
    }
    if visit.head_only() {
        if let Some(length) = sending.length(entry.content.len()) {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        return response;
    }
    let as_it_is = matches!(sending, Sending::AsItIs);
    *response.body_mut() = sending.send(entry.content.body());
    if passage.head.method == Method::GET && as_it_is { partial::cut(request, entry, response) } else { response }
}

/// Has the client this representation already, by its conditions? `received` is when the response arrived.
pub(super) fn client_has(request: &HeaderMap, response: &Response<Body>, received: Timestamp) -> bool {
    let selected = matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT);
    selected && not_modified(request, response.headers(), received)
}

/// The 304 that stands for a response which the client has.
pub(super) fn unchanged(mut response: Response<Body>) -> Response<Body> {
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    reduce_to_not_modified(response.headers_mut());
    *response.body_mut() = Body::Empty;
    response
}

/// A stored head as the head of a response.
pub(super) fn head(head: &Head) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers.clone();
    response
}
