//! The answer of a stored response.

use http::Response;
use http::header::{self, HeaderValue};

use super::visit::Visit;
use crate::body::Body;
use crate::cache::{Entry, Head};
use crate::clock::Timestamp;
use crate::semantics::CacheStatus;

/// The stored response as it is now. A HEAD request gets the length that a GET would have.
pub(super) fn answer(visit: &mut Visit<'_>, entry: &Entry, now: Timestamp) -> Response<Body> {
    visit.record.cache = CacheStatus::hit(entry.head.ttl(now));
    let mut response = head(&entry.head);
    response.headers_mut().insert(header::AGE, HeaderValue::from(entry.head.age(now).as_secs()));
    if visit.head_only() {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(entry.body.len()));
    } else {
        *response.body_mut() = Body::from(entry.body.clone());
    }
    response
}

/// A stored head as the head of a response.
pub(super) fn head(head: &Head) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers.clone();
    response
}
