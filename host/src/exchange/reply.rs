//! A filter's own answer as a response.

use http::header::{self, HeaderMap, HeaderValue};
use http::{HeaderName, Response, StatusCode};
use http_body::Body as _;

use crate::body::Body;
use crate::filter::LocalReply;

/// The response that a filter made. What it says of its length is not believed.
pub(super) fn response(local: LocalReply) -> Response<Body> {
    tracing::debug!(filter = %local.filter, status = local.status.as_u16(), details = local.details, "filter replied");
    let mut response = Response::new(Body::from(local.body));
    *response.status_mut() = local.status;
    *response.headers_mut() = local.headers;
    let (mut parts, body) = response.into_parts();
    set_length(&mut parts.headers, &body);
    if !parts.headers.contains_key(header::CONTENT_TYPE) && !body.is_end_stream() {
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    Response::from_parts(parts, body)
}

/// Makes the framing fields say what the body is.
pub(super) fn set_length(headers: &mut HeaderMap, body: &Body) {
    const FRAMING: [HeaderName; 2] = [header::TRANSFER_ENCODING, header::CONTENT_LENGTH];
    for name in &FRAMING {
        headers.remove(name);
    }
    if let Some(length) = body.size_hint().exact() {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// Responses that end with their head (RFC 9110 sections 15.3.5 and 15.4.5).
pub(super) fn bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT)
}
