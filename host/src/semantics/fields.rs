//! Header fields that concern one connection only, and reading lists (RFC 9110 sections 5.6.1 and 7.6.1).
//!
//! Used on every message that passes: what a connection's two ends tell each other must not be forwarded or stored.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Fields that are removed even where `Connection` does not name them (RFC 9110 section 7.6.1).
static HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What is said of trailers, to the next hop only as well.
static OF_TRAILERS: [HeaderName; 2] = [header::TE, header::TRAILER];

/// Fields that a recipient acts upon before it reads the body.
static BEFORE_BODIES: [HeaderName; 18] = [
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    HeaderName::from_static("cdn-loop"),
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::EXPECT,
    header::FORWARDED,
    header::HOST,
    header::LOCATION,
    header::MAX_FORWARDS,
    header::RANGE,
    header::SET_COOKIE,
    header::VARY,
    header::VIA,
    HeaderName::from_static("x-request-id"),
];

/// What counts hops must survive them: `Connection` may not take it out (RFC 8586 section 3).
const END_TO_END: HeaderName = HeaderName::from_static("cdn-loop");

/// Removes every field that is meant for the next hop only: those named by `Connection`, then the well-known ones.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    strip_but_trailers(headers);
    for name in &OF_TRAILERS {
        headers.remove(name);
    }
}

/// The same, but for what the node does for both ends: whether trailers are wanted, which `TE` says, and which are to
/// come, in `Trailer`.
pub fn strip_but_trailers(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = list(headers, &header::CONNECTION)
            .filter(|name| !name.eq_ignore_ascii_case("close"))
            .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
            .filter(|name| *name != END_TO_END && !OF_TRAILERS.contains(name))
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Does the sender of this request keep trailers (RFC 9110 section 10.1.4)?
pub fn wants_trailers(request: &HeaderMap) -> bool {
    request.contains_key(header::TE) && list(request, &header::TE).any(|member| member.eq_ignore_ascii_case("trailers"))
}

/// The trailers that a message announces, as it goes on: without what frames it, routes it, says who may have it, or is
/// for one connection, none of which may come behind a body (RFC 9110 section 6.5.1). `None` where none is left.
pub fn announced_trailers(headers: &HeaderMap) -> Option<HeaderValue> {
    let names = list(headers, &header::TRAILER).filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
    let allowed: Vec<HeaderName> = names.filter(may_trail).collect();
    let names: Vec<&str> = allowed.iter().map(HeaderName::as_str).collect();
    (!names.is_empty()).then(|| HeaderValue::from_str(&names.join(", ")).ok())?
}

fn may_trail(name: &HeaderName) -> bool {
    !BEFORE_BODIES.contains(name)
        && !HOP_BY_HOP.contains(name)
        && !OF_TRAILERS.contains(name)
        && !name.as_str().starts_with("x-forwarded-")
}

/// The members of a comma-separated list field over all its lines, trimmed, empty ones left out (RFC 9110 section 5.6.1).
/// Commas inside quoted strings do not separate. What is not UTF-8 is replaced, never left out, so that one odd byte does
/// not hide the members around it.
pub fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Cow<'a, str>> {
    headers.get_all(name).into_iter().flat_map(|line| -> Vec<Cow<'a, str>> {
        match String::from_utf8_lossy(line.as_bytes()) {
            Cow::Borrowed(line) => members(line).map(Cow::Borrowed).collect(),
            Cow::Owned(line) => members(&line).map(|member| Cow::Owned(member.to_owned())).collect(),
        }
    })
}

/// The members of one list line, empty ones left out.
pub fn members(line: &str) -> impl Iterator<Item = &str> {
    elements(line).filter(|member| !member.is_empty())
}

/// What stands between the commas of one list line, trimmed. A quote that is never closed quotes nothing, or it would
/// swallow every member after it.
pub(super) fn elements(line: &str) -> impl Iterator<Item = &str> {
    let closed = separators(line, true).last().is_none_or(|(_, open)| !open);
    separators(line, closed)
        .scan(0, |start, (end, _)| {
            let member = &line[*start..end];
            *start = end + 1;
            Some(member)
        })
        .map(|member| member.trim_matches([' ', '\t']))
}

/// Where members end: each separating comma, then the end of the line; with whether a quoted string is open there.
fn separators(line: &str, quotes: bool) -> impl Iterator<Item = (usize, bool)> {
    let (mut quoted, mut escaped) = (false, false);
    line.bytes().map(Some).chain(std::iter::once(None)).enumerate().filter_map(move |(at, byte)| {
        let literal = std::mem::take(&mut escaped);
        match byte {
            None => return Some((at, quoted)),
            Some(_) if literal => {}
            Some(b'\\') if quoted => escaped = true,
            Some(b'"') if quotes => quoted = !quoted,
            Some(b',') if !quoted => return Some((at, false)),
            Some(_) => {}
        }
        None
    })
}

/// The field as one value, its lines joined by `, ` (RFC 9110 section 5.3); `None` where it is absent.
pub fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let mut whole = lines.next()?.to_vec();
    for line in lines {
        whole.extend_from_slice(b", ");
        whole.extend_from_slice(line);
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::tests::headers;
    use proptest::prelude::*;

    #[test]
    fn connection_takes_what_it_names_and_the_well_known_with_it() {
        let mut map = headers(&[
            ("connection", "close, X-Private, CDN-Loop"),
            ("connection", "x-other"),
            ("x-private", "1"),
            ("x-other", "2"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "timeout=5"),
            ("close", "a field of that name stays"),
            ("etag", "\"a\""),
            ("cdn-loop", "edge-0"),
        ]);
        strip_hop_by_hop(&mut map);
        let left: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["close", "cdn-loop", "etag"]);
    }

    #[test]
    fn what_is_said_of_trailers_is_told_apart_from_other_hop_by_hop_fields() {
        let fields = [("connection", "te, trailer"), ("te", "gzip, Trailers;q=1, trailers"), ("trailer", "x-sum")];
        let mut map = headers(&fields);
        assert!(wants_trailers(&map));
        strip_but_trailers(&mut map);
        assert_eq!((map.len(), map.contains_key("te"), map.contains_key("trailer")), (2, true, true));
        strip_hop_by_hop(&mut map);
        assert!(map.is_empty());
        assert!(!wants_trailers(&headers(&[("te", "gzip, trailersx")])));
    }

    #[test]
    fn only_what_may_come_behind_a_body_is_announced() {
        for (lines, expected) in [
            (&["X-Sum, x-b", "etag"][..], Some("x-sum, x-b, etag")),
            (&["Content-Length, x-sum, Connection, te, Host"], Some("x-sum")),
            (&["x-forwarded-for, set-cookie, a b, ,"], None),
            (&[], None),
        ] {
            let lines: Vec<(&str, &str)> = lines.iter().map(|line| ("trailer", *line)).collect();
            let announced = announced_trailers(&headers(&lines));
            assert_eq!(announced.as_ref().map(|names| names.to_str().expect("text")), expected);
        }
    }

    #[test]
    fn lists_split_at_commas_outside_quotes() {
        let cases: [(&str, &[&str]); 7] = [
            ("a, b", &["a", "b"]),
            (" a ,,\tb,", &["a", "b"]),
            (r#"a="x,y", b"#, &[r#"a="x,y""#, "b"]),
            (r#"a="x\",y", b"#, &[r#"a="x\",y""#, "b"]),
            (r#"a="x, no-store"#, &[r#"a="x"#, "no-store"]),
            ("", &[]),
            (",", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(members(line).collect::<Vec<_>>(), expected, "{line}");
        }
    }

    #[test]
    fn an_odd_byte_hides_no_member() {
        let value = HeaderValue::from_bytes(b"private, x=\"\xe9\"").expect("a legal value");
        let map = HeaderMap::from_iter([(header::CACHE_CONTROL, value)]);
        assert_eq!(list(&map, &header::CACHE_CONTROL).next().as_deref(), Some("private"));
    }

    #[test]
    fn lines_join_in_order() {
        let map = headers(&[("accept", "a"), ("accept", "b;q=1")]);
        assert_eq!(joined(&map, &header::ACCEPT).expect("present"), b"a, b;q=1");
        assert_eq!(joined(&map, &header::VARY), None);
    }

    proptest! {
        #[test]
        fn any_line_splits_without_panic(line in ".*") {
            prop_assert!(members(&line).all(|member| !member.is_empty()));
        }
    }
}
