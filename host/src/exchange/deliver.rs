//! The response on its way out: the node's fields on its head, its bytes counted, its record handed in at the end.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::facts::Ending;
use super::forward::X_REQUEST_ID;
use super::record::Record;
use super::reply::bodiless;
use super::visit::Visit;
use super::visit::company::Company;
use crate::body::{Body, BodyError};
use crate::semantics::{CacheStatus, Outcome};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The body of a response, with the record of its exchange. Dropping it ends the exchange.
pub struct Delivery {
    body: Body,
    record: Record,
    /// The filters that see it through to its end.
    staying: Option<Company>,
}

impl Drop for Delivery {
    /// The filters end before the record is handed in: it tells the time that they took.
    fn drop(&mut self) {
        if let Some(run) = self.staying.take() {
            self.record.filter_time = run.finish();
        }
    }
}

/// Puts the node's fields on the head and takes the record along with the body.
pub(super) fn deliver(visit: Visit<'_>, answer: Response<Body>) -> Response<Delivery> {
    let (mut parts, mut body) = answer.into_parts();
    let request_id = visit.request_id();
    let head_only = visit.head_only();
    let node = visit.edge.name.clone();
    let (mut record, staying) = (visit.record, visit.staying);
    let member = match record.cache {
        CacheStatus { outcome: Outcome::Hit, ttl: Some(ttl), detail: None, .. } => CacheStatus::hit_member(&node, ttl),
        status => status.member(&node),
    };
    parts.headers.append(CACHE_STATUS, member);
    parts.headers.insert(X_REQUEST_ID, request_id);
    frame(&mut parts, &body, head_only);
    if bodiless(parts.status) || head_only {
        body = Body::Empty;
    }
    record.status = Some(parts.status);
    if body.is_end_stream() {
        record.ending = Ending::Whole;
    }
    Response::from_parts(parts, Delivery { body, record, staying })
}

/// Makes `Content-Length` say what the body is, whatever an origin or a filter wrote: a wrong one would let a client take
/// the rest of this response for the next one. HEAD and 304 keep the length that they go without.
fn frame(parts: &mut http::response::Parts, body: &Body, head_only: bool) {
    let length = body.size_hint().exact();
    match parts.status {
        StatusCode::NOT_MODIFIED => {}
        status if bodiless(status) => {
            parts.headers.remove(header::CONTENT_LENGTH);
        }
        _ if head_only && length.is_none_or(|length| length == 0) => {}
        _ => match length {
            Some(length) => {
                parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            }
            None => {
                parts.headers.remove(header::CONTENT_LENGTH);
            }
        },
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
            Some(Err(error)) => {
                let (ending, fault) = match error {
                    BodyError::SliceLost => (Ending::NodeAbort, "node"),
                    BodyError::Filtered | BodyError::Resized => (Ending::NodeAbort, "filter"),
                    _ => (Ending::OriginAbort, "origin"),
                };
                this.record.ending = ending;
                this.record.failure = Some((error.word(), fault));
            }
            Some(Ok(frame)) => {
                this.record.body_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                // Nothing follows trailers, and the connection asks for nothing more.
                if frame.is_trailers() || this.body.is_end_stream() {
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
