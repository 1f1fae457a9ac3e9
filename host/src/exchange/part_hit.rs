//! The answer of stored parts: the range that was asked for, its absence, or what the client and the head alone can tell.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http::header::{self, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::visit::Visit;
use super::{hit, partial};
use crate::body::{Body, BodyError};
use crate::cache::Parts;
use crate::clock::Timestamp;
use crate::semantics::{CacheStatus, ContentRange};

/// The 206 of `range`, all of which is stored; 416 where it is empty. A HEAD request gets the length of the whole.
pub(super) fn answer(visit: &mut Visit<'_>, parts: &Parts, range: &Range<u64>, now: Timestamp) -> Response<Body> {
    visit.record.cache = CacheStatus::hit(parts.head.ttl(now));
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
    partial::piece_of(&place, response, body(parts.slices(range)))
}

fn body(mut slices: Vec<Bytes>) -> Body {
    match slices.as_mut_slice() {
        [one] => Body::from(std::mem::take(one)),
        _ => Body::stream(Slices(slices.into())),
    }
}

/// Bytes that lie in several buffers.
struct Slices(VecDeque<Bytes>);

impl HttpBody for Slices {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.pop_front().map(|slice| Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|slice| slice.len() as u64).sum())
    }
}
