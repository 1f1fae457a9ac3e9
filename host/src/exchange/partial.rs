//! Parts of a stored response: 206 with one piece or several, 416 where nothing of what was asked for exists
//! (RFC 9110 sections 14.4, 14.6 and 15.3.7).

use std::ops::Range;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode, response};
use http_body::Body as _;

use super::chain::chain;
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
    let length = entry.content.len();
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
    piece_of(&place(piece, entry), whole, entry.content.cut(piece))
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
    let content_type = content_type.map_or_else(String::new, |value| format!("Content-Type: {value}\r\n"));
    let mut links = Vec::with_capacity(2 * pieces.len() + 1);
    let mut before = "";
    for piece in pieces {
        let place = place(piece, entry);
        let head = format!("{before}--{BOUNDARY}\r\n{content_type}Content-Range: {place}\r\n\r\n");
        links.extend([Body::from(Bytes::from(head)), entry.content.cut(piece)]);
        before = "\r\n";
    }
    links.push(Body::from(Bytes::from(format!("\r\n--{BOUNDARY}--\r\n"))));
    let body = chain(links);
    parts.status = StatusCode::PARTIAL_CONTENT;
    insert_text(&mut parts.headers, header::CONTENT_TYPE, &format!("multipart/byteranges; boundary={BOUNDARY}"));
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.size_hint().lower()));
    Response::from_parts(parts, body)
}

/// The head of a response that is to go out with another content.
fn other_content(whole: Response<Body>) -> response::Parts {
    let (mut parts, _) = whole.into_parts();
    forget_content_digests(&mut parts.headers);
    parts
}

fn place(piece: &Range<u64>, entry: &Entry) -> ContentRange {
    ContentRange { range: piece.clone(), total: entry.content.len() }
}

fn insert_text(headers: &mut HeaderMap, name: header::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}
