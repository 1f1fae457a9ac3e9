//! The response on its way out: the node's fields on its head, its bytes counted, its record handed in at the end.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::facts::Ending;
use super::forward::X_REQUEST_ID;
use super::record::Record;
use super::visit::Visit;
use crate::body::{Body, BodyError};
use crate::semantics::{CacheStatus, Outcome, fields};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The body of a response, with the record of its exchange. Dropping it ends the exchange.
pub struct Delivery {
    body: Body,
    record: Record,
}

/// Puts the node's fields on the head and takes the record along with the body.
pub(super) fn deliver(visit: Visit<'_>, answer: Response<Body>) -> Response<Delivery> {
    let (mut parts, mut body) = answer.into_parts();
    let request_id = visit.request_id();
    let head_only = visit.head_only();
    let node = visit.edge.name.clone();
    let mut record = visit.record;
    fields::strip_hop_by_hop(&mut parts.headers);
    let member = match record.cache {
        CacheStatus { outcome: Outcome::Hit, ttl: Some(ttl), detail: None, .. } => CacheStatus::hit_member(&node, ttl),
        status => status.member(&node),
    };
    parts.headers.append(CACHE_STATUS, member);
    parts.headers.insert(X_REQUEST_ID, request_id);
    if bodiless(parts.status) || head_only {
        keep_length_of(&mut parts.headers, &body, head_only);
        body = Body::Empty;
    }
    record.status = Some(parts.status);
    if body.is_end_stream() {
        record.ending = Ending::Whole;
    }
    Response::from_parts(parts, Delivery { body, record })
}

/// Responses that end with their head (RFC 9110 sections 15.3.5 and 15.4.5).
fn bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT)
}

/// A HEAD response says the length that it goes without.
fn keep_length_of(headers: &mut http::HeaderMap, body: &Body, head_only: bool) {
    let length = body.size_hint().exact().filter(|length| *length > 0);
    if let Some(length) = length
        && head_only
        && !headers.contains_key(http::header::CONTENT_LENGTH)
    {
        headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
}

impl HttpBody for Delivery {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &frame {
            None => this.record.ending = Ending::Whole,
            Some(Err(_)) => this.record.ending = Ending::OriginAbort,
            Some(Ok(frame)) => {
                this.record.body_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.body.is_end_stream() {
                    this.record.ending = Ending::Whole;
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
