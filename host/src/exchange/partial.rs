//! Parts of a stored response: 206 with one piece or several, 416 where nothing of what was asked for exists
//! (RFC 9110 sections 14.4, 14.6 and 15.3.7).

use std::fmt::Write as _;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode, response};

use crate::body::Body;
use crate::cache::Entry;
use crate::semantics::{ContentRange, Pieces, forget_content_digests, pieces, range_applies};

/// Separates the pieces. It need not differ from the content, because every piece says its length and place; it only must
/// not occur by accident.
const BOUNDARY: &str = "forebay-8f3a1c5e7b9d2046";

/// Cuts what `request` asks for out of `whole`, the stored response as it would be answered otherwise.
pub(super) fn cut(request: &HeaderMap, entry: &Entry, whole: Response<Body>) -> Response<Body> {
    let Some(asked) = request.get(header::RANGE).and_then(|field| field.to_str().ok()) else {
        return whole;
    };
    if whole.status() != StatusCode::OK || !range_applies(request, &entry.head.headers) {
        return whole;
    }
    let length = entry.body.len() as u64;
    match pieces(asked, length) {
        Pieces::Whole => whole,
        Pieces::Unsatisfiable => unsatisfiable(length, whole),
        Pieces::Some(found) => match found.as_slice() {
            [one] => single(one, entry, whole),
            several => multiple(several, entry, whole),
        },
    }
}

/// The 416 of a whole of this length.
pub(super) fn unsatisfiable(length: u64, whole: Response<Body>) -> Response<Body> {
    let mut parts = other_content(whole);
    parts.status = StatusCode::RANGE_NOT_SATISFIABLE;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    insert_text(&mut parts.headers, header::CONTENT_RANGE, &format!("bytes */{length}"));
    Response::from_parts(parts, Body::Empty)
}

fn single(piece: &Range<u64>, entry: &Entry, whole: Response<Body>) -> Response<Body> {
    let body = Body::from(slice(entry, piece));
    piece_of(&place(piece, entry), whole, body)
}

/// The 206 with one piece of a response: `body` is what lies at `place`.
pub(super) fn piece_of(place: &ContentRange, whole: Response<Body>, body: Body) -> Response<Body> {
    let mut parts = other_content(whole);
    parts.status = StatusCode::PARTIAL_CONTENT;
    parts.headers.insert(header::CONTENT_RANGE, place.value());
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(place.length()));
    Response::from_parts(parts, body)
}

fn multiple(pieces: &[Range<u64>], entry: &Entry, whole: Response<Body>) -> Response<Body> {
    let mut parts = other_content(whole);
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut body = BytesMut::new();
    for piece in pieces {
        // Writing into a growing buffer cannot fail.
        let _ = write!(body, "--{BOUNDARY}\r\n");
        if let Some(content_type) = content_type {
            let _ = write!(body, "Content-Type: {content_type}\r\n");
        }
        let _ = write!(body, "Content-Range: {}\r\n\r\n", place(piece, entry));
        body.extend_from_slice(&slice(entry, piece));
        body.extend_from_slice(b"\r\n");
    }
    let _ = write!(body, "--{BOUNDARY}--\r\n");
    parts.status = StatusCode::PARTIAL_CONTENT;
    insert_text(&mut parts.headers, header::CONTENT_TYPE, &format!("multipart/byteranges; boundary={BOUNDARY}"));
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(parts, Body::from(body.freeze()))
}

/// The head of a response that is to go out with another content.
fn other_content(whole: Response<Body>) -> response::Parts {
    let (mut parts, _) = whole.into_parts();
    forget_content_digests(&mut parts.headers);
    parts
}

/// Pieces lie within the body, and a body in memory fits into `usize`.
fn slice(entry: &Entry, piece: &Range<u64>) -> Bytes {
    let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(entry.body.len());
    entry.body.slice(at(piece.start)..at(piece.end))
}

fn place(piece: &Range<u64>, entry: &Entry) -> ContentRange {
    ContentRange { range: piece.clone(), total: entry.body.len() as u64 }
}

fn insert_text(headers: &mut HeaderMap, name: header::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}
