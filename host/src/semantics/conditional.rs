//! Conditional requests answered from a stored response (RFC 9110 section 13, RFC 9111 section 4.3.2).
//!
//! `If-None-Match` decides before `If-Modified-Since`. `If-Match` and `If-Unmodified-Since` are for origins: a cache never
//! evaluates them, so a request that carries one is passed on. Also here: which conditions ask an origin whether a stored
//! response is still good.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::fields;
use super::freshness::http_date;
use crate::clock::Timestamp;

/// Conditions that only an origin can decide.
const FOR_ORIGINS: [HeaderName; 2] = [header::IF_MATCH, header::IF_UNMODIFIED_SINCE];

/// What a 304 still says (RFC 9110 section 15.4.5), and what the node adds to every answer.
const KEPT_IN_NOT_MODIFIED: [HeaderName; 9] = [
    header::CACHE_CONTROL,
    header::CONTENT_LOCATION,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::VARY,
    header::VIA,
    header::AGE,
];

/// Does the request carry a condition that only an origin can decide?
pub fn only_for_origins(request: &HeaderMap) -> bool {
    FOR_ORIGINS.iter().any(|name| request.contains_key(name))
}

/// Has the client got this representation already? `stored` is the stored response's header section, `received` when it
/// arrived: it stands in for a `Last-Modified` and a `Date` that are not there (RFC 9111 section 4.3.2).
pub fn not_modified(request: &HeaderMap, stored: &HeaderMap, received: Timestamp) -> bool {
    if request.contains_key(header::IF_NONE_MATCH) {
        return none_match_names(request, stored);
    }
    let Some(since) = request.get(header::IF_MODIFIED_SINCE).and_then(http_date) else {
        return false;
    };
    let modified = [header::LAST_MODIFIED, header::DATE].iter().find_map(|name| stored.get(name));
    modified.and_then(http_date).unwrap_or(received) <= since
}

/// Does `If-None-Match` name the entity tag of `stored`, compared weakly, or any representation at all (RFC 9110 section
/// 13.1.2)?
pub fn none_match_names(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let tag = stored.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(opaque);
    fields::list(request, &header::IF_NONE_MATCH)
        .any(|member| member == "*" || tag.is_some_and(|tag| opaque(&member) == tag))
}

/// May the range that the request asks for be cut from this stored response? Without `If-Range`, always; with it, only if
/// the validator is the same and strong (RFC 9110 section 13.1.5).
pub fn range_applies(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let Some(condition) = request.get(header::IF_RANGE) else {
        return true;
    };
    // A weak tag is never the same, and a date may well begin with a W.
    if condition.as_bytes().starts_with(b"\"") {
        return stored.get(header::ETAG) == Some(condition);
    }
    let date_of = |name| stored.get(name).and_then(http_date);
    let (Some(asked), Some(modified)) = (http_date(condition), date_of(header::LAST_MODIFIED)) else { return false };
    asked == modified && date_of(header::DATE).is_none_or(|made| made.since(modified) >= STRONG_AFTER)
}

/// How long after its last change a response must have been made for the date of that change to be a strong validator: there
/// may have been another change within the second (RFC 9110 section 8.8.2.2).
const STRONG_AFTER: Duration = Duration::from_secs(1);

/// Removes from a stored response's header section what a 304 does not say.
pub fn reduce_to_not_modified(headers: &mut HeaderMap) {
    let others: Vec<HeaderName> = headers.keys().filter(|name| !KEPT_IN_NOT_MODIFIED.contains(name)).cloned().collect();
    for name in others {
        headers.remove(name);
    }
}

/// The conditions that ask an origin whether `stored` is still good (RFC 9111 section 4.3.1); none where it has no
/// validator.
pub fn validation(stored: &HeaderMap) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let pairs = [(header::ETAG, header::IF_NONE_MATCH), (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE)];
    pairs.into_iter().filter_map(|(validator, condition)| Some((condition, stored.get(validator)?.clone())))
}

/// Fields of a 304 that do not replace the stored ones, because they describe the stored body (RFC 9111 section 3.2).
const NOT_UPDATED: [HeaderName; 5] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    HeaderName::from_static("content-md5"),
    header::CONTENT_RANGE,
    header::ETAG,
];

/// Brings a stored response's fields up to date with those of a 304 that confirmed it.
pub fn update(stored: &mut HeaderMap, confirmed: &HeaderMap) {
    // It was as old as that when it was stored; from now on it is as old as the 304 (section 5.1).
    stored.remove(header::AGE);
    for name in confirmed.keys().filter(|name| !NOT_UPDATED.contains(name)) {
        stored.remove(name);
        for value in confirmed.get_all(name) {
            stored.append(name, value.clone());
        }
    }
}

/// The opaque part of an entity tag: all that a weak comparison looks at (RFC 9110 section 8.8.3.2).
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::tests::headers;

    type Lines<'a> = &'a [(&'static str, &'a str)];

    const EARLY: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATE: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    #[test]
    fn the_table_of_section_13_2_2() {
        let both: Lines<'_> = &[("etag", "\"a\""), ("last-modified", MODIFIED)];
        let cases: [(Lines<'_>, Lines<'_>, bool); 14] = [
            (&[("if-none-match", "\"a\"")], both, true),
            (&[("if-none-match", "W/\"a\"")], both, true),
            (&[("if-none-match", "\"x\", \"a\"")], both, true),
            (&[("if-none-match", "\"x\""), ("if-none-match", "\"a\"")], both, true),
            (&[("if-none-match", "*")], both, true),
            (&[("if-none-match", "\"b\"")], both, false),
            (&[("if-none-match", "\"b\""), ("if-modified-since", LATE)], both, false),
            (&[("if-none-match", "\"a\"")], &[("last-modified", MODIFIED)], false),
            (&[("if-modified-since", MODIFIED)], both, true),
            (&[("if-modified-since", LATE)], both, true),
            (&[("if-modified-since", EARLY)], both, false),
            (&[("if-modified-since", "junk")], both, false),
            (&[("if-modified-since", MODIFIED)], &[("date", MODIFIED)], true),
            (&[], both, false),
        ];
        for (request, stored, expected) in cases {
            let received = Timestamp::from_unix(Duration::from_secs(2_000_000_000));
            assert_eq!(not_modified(&headers(request), &headers(stored), received), expected, "{request:?} {stored:?}");
        }
    }

    #[test]
    fn a_range_is_cut_only_from_the_representation_it_was_meant_for() {
        let stored = headers(&[("etag", "\"a\""), ("last-modified", MODIFIED)]);
        let weak = headers(&[("etag", "W/\"a\"")]);
        let asked = |value: &str| headers(&[("if-range", value)]);
        assert!(range_applies(&headers(&[]), &stored));
        assert!(range_applies(&asked("\"a\""), &stored));
        assert!(!range_applies(&asked("\"b\""), &stored));
        assert!(!range_applies(&asked("W/\"a\""), &weak));
        assert!(range_applies(&asked(MODIFIED), &stored));
        assert!(!range_applies(&asked(LATE), &stored));
        assert!(!range_applies(&asked("junk"), &headers(&[])));
        for (made, applies) in [(EARLY, false), (MODIFIED, false), (LATE, true)] {
            let dated = headers(&[("date", made), ("last-modified", MODIFIED)]);
            assert_eq!(range_applies(&asked(MODIFIED), &dated), applies, "{made}");
        }
        let wednesday = "Wed, 09 Nov 1994 08:49:37 GMT";
        assert!(range_applies(&asked(wednesday), &headers(&[("last-modified", wednesday)])));
    }

    #[test]
    fn a_confirmed_response_is_as_old_as_the_304() {
        let mut stored = headers(&[("age", "90"), ("etag", "\"a\""), ("x-own", "1")]);
        update(&mut stored, &headers(&[("date", EARLY), ("etag", "W/\"a\"")]));
        assert_eq!(stored, headers(&[("etag", "\"a\""), ("x-own", "1"), ("date", EARLY)]));
        update(&mut stored, &headers(&[("age", "3")]));
        assert_eq!(stored["age"], "3");
    }

    #[test]
    fn a_not_modified_answer_says_what_updates_and_nothing_of_the_body() {
        let mut kept = headers(&[("etag", "\"a\""), ("content-type", "text/html"), ("vary", "x"), ("x-own", "1")]);
        reduce_to_not_modified(&mut kept);
        assert_eq!(kept, headers(&[("etag", "\"a\""), ("vary", "x")]));
    }
}
