//! What the operator's door answers: plain text, or JSON.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::body::Body;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    answer(status, TEXT, text.into())
}

pub(super) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    answer(status, JSON, Bytes::from(format!("{value}\n")))
}

/// A refusal that says what to write instead.
pub(super) fn refusal(status: StatusCode, why: &str) -> Response<Body> {
    json(status, &json!({ "error": why }))
}

/// The same response with one more field.
pub(super) fn with(mut response: Response<Body>, name: HeaderName, value: &'static str) -> Response<Body> {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    with(response, header::CONTENT_TYPE, content_type)
}
