//! What giving a response a content coding does to its header section, and when that is allowed.
//!
//! A coded form is another representation of the same resource (RFC 9110 section 8.8.1): its own length, no strong
//! validator, no byte ranges, none of the digests that were made over other bytes.

use bytes::{BufMut, BytesMut};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::cache_control::CacheControl;
use super::coding::Coding;
use super::fields;

/// Fields that hold for the bytes as the origin sent them: ranges of them, and their digests. `Repr-Digest` too is made
/// over the coded representation (RFC 9530 section 3).
const OF_THE_BYTES: [HeaderName; 6] = [
    header::ACCEPT_RANGES,
    header::CONTENT_LENGTH,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// May an intermediary give this response a coding at all? Not one that has a coding, that is a part, or whose origin
/// forbids it (`no-transform`, RFC 9111 section 5.2.2.6).
pub fn may_be_coded(status: StatusCode, headers: &HeaderMap) -> bool {
    let whole = match status.as_u16() {
        204..=206 | 226 => false,
        code => (200..300).contains(&code) || code >= 400,
    };
    whole
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !headers.contains_key(header::CONTENT_RANGE)
        && !CacheControl::of(headers).no_transform
}

/// May this request's answer be coded? Its range is one of the bytes as they are, and it may forbid a change itself
/// (`no-transform`, RFC 9111 section 5.2.1.6).
pub fn wants_it_whole_and_changed(request: &HeaderMap) -> bool {
    let forbids = || request.contains_key(header::CACHE_CONTROL) && CacheControl::of(request).no_transform;
    !request.contains_key(header::RANGE) && !forbids()
}

/// The media type without its parameters; `None` where there is none.
pub fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default().trim();
    (!essence.is_empty()).then_some(essence)
}

/// Says that the answer depends on `Accept-Encoding`, once.
pub fn vary_by_coding(headers: &mut HeaderMap) {
    let says = |member: &str| member == "*" || member.eq_ignore_ascii_case("accept-encoding");
    if !fields::list(headers, &header::VARY).any(|member| says(&member)) {
        headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

/// Makes the header section one of the form in `coding`.
pub fn recode(headers: &mut HeaderMap, coding: Coding) {
    for name in &OF_THE_BYTES {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
    weaken(headers);
}

/// Makes the entity tag a weak one (RFC 9110 section 8.8.1): a strong one would promise the same bytes.
fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(header::ETAG).filter(|tag| tag.as_bytes().first() == Some(&b'"')) else { return };
    let mut weak = BytesMut::with_capacity(tag.len() + 2);
    weak.put_slice(b"W/");
    weak.put_slice(tag.as_bytes());
    if let Ok(weak) = HeaderValue::from_maybe_shared(weak.freeze()) {
        headers.insert(header::ETAG, weak);
    }
}

/// A client that asks about the weak tag only has a coded form. Confirming that under the strong tag would make its
/// coded bytes look like the ones a range is cut from, so it is confirmed under the tag it asked about. Was there need?
pub fn keep_tag_weak(request: &HeaderMap, headers: &mut HeaderMap) -> bool {
    if !request.contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    let Some(tag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()) else { return false };
    let (mut weakly, mut strongly) = (false, false);
    for member in fields::list(request, &header::IF_NONE_MATCH) {
        weakly |= member.strip_prefix("W/") == Some(tag);
        strongly |= member == tag;
    }
    let needed = weakly && !strongly;
    if needed {
        weaken(headers);
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::tests::headers;

    #[test]
    fn what_may_be_coded() {
        for (status, expected) in [(200, true), (203, true), (204, false), (205, false), (206, false), (226, false)] {
            assert_eq!(
                may_be_coded(StatusCode::from_u16(status).expect("a status"), &headers(&[])),
                expected,
                "{status}"
            );
        }
        for (status, expected) in [(301, false), (304, false), (404, true), (503, true)] {
            assert_eq!(
                may_be_coded(StatusCode::from_u16(status).expect("a status"), &headers(&[])),
                expected,
                "{status}"
            );
        }
        let cases: [(&str, &str, bool); 7] = [
            ("content-encoding", "gzip", false),
            ("content-encoding", "identity", false),
            ("content-range", "bytes 0-1/2", false),
            ("cache-control", "max-age=1, No-Transform", false),
            ("cache-control", "no-cache", true),
            ("etag", "\"a\"", true),
            ("x-a", "no-transform", true),
        ];
        for (name, value, expected) in cases {
            assert_eq!(may_be_coded(StatusCode::OK, &headers(&[(name, value)])), expected, "{name}: {value}");
        }
    }

    #[test]
    fn what_a_request_may_refuse() {
        assert!(wants_it_whole_and_changed(&headers(&[("cache-control", "max-age=0")])));
        assert!(!wants_it_whole_and_changed(&headers(&[("cache-control", "no-transform")])));
        assert!(!wants_it_whole_and_changed(&headers(&[("range", "bytes=0-1")])));
    }

    #[test]
    fn media_types_are_read_without_parameters() {
        let of = |value: &str| media_type(&headers(&[("content-type", value)])).map(str::to_owned);
        assert_eq!(of("text/html; charset=utf-8").as_deref(), Some("text/html"));
        assert_eq!(of(" text/html ").as_deref(), Some("text/html"));
        assert_eq!((of("; charset=utf-8"), of("")), (None, None));
    }

    #[test]
    fn vary_names_the_field_once() {
        let cases: [(&[&str], &[&str]); 6] = [
            (&[], &["Accept-Encoding"]),
            (&["origin"], &["origin", "Accept-Encoding"]),
            (&["accept-encoding"], &["accept-encoding"]),
            (&["Origin, Accept-Encoding"], &["Origin, Accept-Encoding"]),
            (&["origin", "ACCEPT-ENCODING"], &["origin", "ACCEPT-ENCODING"]),
            (&["*"], &["*"]),
        ];
        for (before, after) in cases {
            let mut map = headers(&before.iter().map(|value| ("vary", *value)).collect::<Vec<_>>());
            vary_by_coding(&mut map);
            assert_eq!(map.get_all("vary").iter().collect::<Vec<_>>(), after, "{before:?}");
        }
    }

    #[test]
    fn a_coded_form_says_nothing_of_other_bytes() {
        let mut map = headers(&[
            ("etag", "\"a\""),
            ("content-length", "9"),
            ("accept-ranges", "bytes"),
            ("content-md5", "x"),
            ("content-digest", "x"),
            ("repr-digest", "x"),
            ("digest", "x"),
            ("content-type", "text/html"),
        ]);
        recode(&mut map, Coding::Br);
        let expected = [("etag", "W/\"a\""), ("content-type", "text/html"), ("content-encoding", "br")];
        assert_eq!(map, headers(&expected));
        let mut weak = headers(&[("etag", "W/\"a\"")]);
        recode(&mut weak, Coding::Gzip);
        assert_eq!(weak["etag"], "W/\"a\"");
    }

    #[test]
    fn a_tag_stays_as_weak_as_it_was_asked_about() {
        let cases = [
            ("W/\"a\"", "W/\"a\""),
            ("W/\"b\", W/\"a\"", "W/\"a\""),
            ("\"a\"", "\"a\""),
            ("W/\"a\", \"a\"", "\"a\""),
            ("*", "\"a\""),
        ];
        for (asked, expected) in cases {
            let mut map = headers(&[("etag", "\"a\"")]);
            let kept = keep_tag_weak(&headers(&[("if-none-match", asked)]), &mut map);
            assert_eq!(kept, expected.starts_with('W'), "{asked}");
            assert_eq!(map["etag"], expected, "{asked}");
        }
    }
}
