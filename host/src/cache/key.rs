//! The key of a stored response: what must be equal for two requests to share one (RFC 9111 section 2).
//!
//! By default scheme, authority, path and query, byte for byte, so that different resources are never merged; only the
//! digits of escapes are in one case (RFC 3986 section 6.2.2.1). Parts beyond the URL stand after spaces, which no URL
//! contains and no part's value either. The method is not part of it: only GET is stored, and HEAD is answered from it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::header;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use sha2::{Digest, Sha256};

use super::key_extra::KeyExtra;
use super::key_rules::{KeyRules, KeyShape};
use super::place::Place;
use super::variance::Variance;
use crate::semantics::{RangeSpec, RequestHead, fields, has_escapes};

/// What a part's value may not hold as it is, beside bytes that are not ASCII.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// Longer values stand for themselves by their digest, so that no request makes a key as long as its header section.
const VALUE_BYTES_MAX: usize = 128;

/// A cache key as text.
#[derive(Clone)]
pub struct Key {
    text: String,
    path_end: usize,
    url_end: usize,
    /// Where the parts end that the request itself gave.
    own_end: usize,
    merged: Option<Box<Merged>>,
}

/// The key is one for several queries.
#[derive(Clone)]
struct Merged {
    /// The query that was asked for; empty where there was none.
    query: String,
    by: Arc<Variance>,
}

impl Key {
    pub fn of(request: &RequestHead, shape: &KeyShape<'_>) -> Self {
        let (scheme, authority, target) = (request.scheme.as_str(), request.authority.as_str(), &request.path);
        let mut text = String::with_capacity(scheme.len() + authority.len() + target.as_str().len() + 24);
        for part in [scheme, "://", authority] {
            text.push_str(part);
        }
        push_in_one_case(&mut text, target.path());
        let path_end = text.len();
        let mut query = shape.rules.query.apply(target.query());
        for rules in shape.extra.iter().flat_map(|extra| &extra.queries) {
            query = rules.apply(query.as_deref()).map(|left| Cow::Owned(left.into_owned()));
        }
        if let Some(query) = query {
            text.push('?');
            push_in_one_case(&mut text, &query);
        }
        let url_end = text.len();
        if let Some(origin) = shape.origin {
            push_part(&mut text, ["origin", ""], origin.as_bytes());
        }
        push_parts(&mut text, request, shape.rules);
        if let Some(extra) = shape.extra {
            push_extra(&mut text, request, extra);
        }
        let own_end = text.len();
        Self { text, path_end, url_end, own_end, merged: None }
    }

    /// One range of what `key` names, for what is known of that range alone.
    pub(super) fn ranged(key: &str, spec: RangeSpec) -> Arc<str> {
        format!("{key} range={spec}").into()
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL alone: what all keys of one resource begin with.
    pub fn url(&self) -> &str {
        &self.text[..self.url_end]
    }

    /// The URL without its query.
    pub(super) fn path(&self) -> &str {
        &self.text[..self.path_end]
    }

    /// The parts that the request gave beyond its URL, each with a space before it.
    pub(super) fn parts(&self) -> &str {
        &self.text[self.url_end..self.own_end]
    }

    /// The key of the same URL where nothing else tells requests apart.
    pub(super) fn without_parts(&self) -> Self {
        let (path_end, url_end) = (self.path_end, self.url_end);
        Self { text: self.url().to_owned(), path_end, url_end, own_end: url_end, merged: None }
    }

    /// Scheme and authority, which groups belong to.
    pub fn origin(&self) -> &str {
        Place::of(&self.text).origin
    }

    pub(super) fn shared(&self) -> Arc<str> {
        Arc::from(self.text.as_str())
    }

    /// The query that was asked for, where the key is one for several.
    pub fn query(&self) -> Option<&str> {
        self.merged.as_ref().map(|merged| merged.query.as_str())
    }

    /// What made the key one for several queries.
    pub(super) fn variance(&self) -> Option<&Arc<Variance>> {
        self.merged.as_ref().map(|merged| &merged.by)
    }

    /// The key of all queries that are equivalent to this one's.
    pub(super) fn merged_by(&self, variance: &Arc<Variance>) -> Self {
        let query = self.url()[self.path_end..].strip_prefix('?');
        let mut text = String::with_capacity(self.text.len() + 24);
        text.push_str(self.path());
        if let Some(reduced) = variance.rule.reduce(query) {
            text.push('?');
            text.push_str(&reduced);
        }
        let url_end = text.len();
        text.push_str(self.parts());
        let own_end = text.len();
        push_part(&mut text, ["variance", ""], variance.number.to_string().as_bytes());
        let merged = Merged { query: query.unwrap_or_default().to_owned(), by: variance.clone() };
        Self { text, path_end: self.path_end, url_end, own_end, merged: Some(Box::new(merged)) }
    }

    /// The key as of the last change of what it names.
    pub(super) fn since_change(mut self, change: u64) -> Self {
        push_part(&mut self.text, ["change", ""], change.to_string().as_bytes());
        self
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What the rules take from the request beside its URL. A field that is absent leaves no part, an empty one an empty part.
fn push_parts(text: &mut String, request: &RequestHead, rules: &KeyRules) {
    for name in &rules.headers {
        if let Some(value) = fields::joined(&request.headers, name) {
            push_part(text, ["header.", name.as_str()], &value);
        }
    }
    for name in &rules.cookies {
        // All cookies of the name: whichever of them the origin reads, it is in the key.
        for value in cookies(request, name) {
            push_part(text, ["cookie.", name], value);
        }
    }
}

/// What filters add. Their own names cannot be taken for any of the rules'.
fn push_extra(text: &mut String, request: &RequestHead, extra: &KeyExtra) {
    for name in &extra.headers {
        if let Some(value) = fields::joined(&request.headers, name) {
            push_part(text, ["header.", name.as_str()], &value);
        }
    }
    for (name, value) in &extra.parts {
        push_part(text, ["filter.", name], value);
    }
}

fn cookies<'r>(request: &'r RequestHead, name: &str) -> impl Iterator<Item = &'r [u8]> {
    let lines = request.headers.get_all(header::COOKIE).into_iter().map(header::HeaderValue::as_bytes);
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    pairs.filter_map(move |pair| {
        let rest = pair.strip_prefix(name.as_bytes())?.trim_ascii_start();
        // Without a `=` it is an empty cookie to some origins and none to others; in the key it is better than not.
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b"=") }
    })
}

/// A part begins with a space, and its name ends at `=` or `:`, which no name holds.
fn push_part(text: &mut String, name: [&str; 2], value: &[u8]) {
    text.push(' ');
    text.extend(name);
    if value.len() <= VALUE_BYTES_MAX {
        text.push('=');
        text.extend(percent_encode(value, ESCAPED));
        return;
    }
    text.push_str(":sha256=");
    for byte in Sha256::digest(value) {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
}

/// Escapes in upper case: `%2f` and `%2F` are one (RFC 3986 section 6.2.2.1).
fn push_in_one_case(text: &mut String, part: &str) {
    if !has_escapes(part) {
        return text.push_str(part);
    }
    let mut rest = part;
    while let Some(at) = rest.find('%') {
        let (plain, escape) = rest.split_at(at);
        text.push_str(plain);
        let digits = escape.get(1..3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let length = 1 + digits.map_or(0, str::len);
        text.extend(escape[..length].chars().map(|c| c.to_ascii_uppercase()));
        rest = &escape[length..];
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::{Kept, NoVarySearch, Order, QueryRules};
    use http::uri::Scheme;
    use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
    use proptest::prelude::*;

    fn request(authority: &str, path: &str, headers: &[(&'static str, &[u8])]) -> RequestHead {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a test value"))
        });
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| _ = map.append(name, value));
        RequestHead {
            method: Method::GET,
            scheme: Scheme::HTTP,
            authority: authority.parse().expect("a test authority"),
            path: path.parse().expect("a test path"),
            version: Version::HTTP_11,
            headers: map,
        }
    }

    fn key(authority: &str, path: &str, origin: Option<&str>) -> Key {
        Key::of(&request(authority, path, &[]), &KeyShape { rules: &KeyRules::default(), origin, extra: None })
    }

    /// By the header `x-a` and the cookie `tier`.
    fn with_parts(headers: &[(&'static str, &[u8])]) -> Key {
        let rules = KeyRules {
            headers: vec![HeaderName::from_static("x-a")],
            cookies: vec!["tier".to_owned()],
            ..KeyRules::default()
        };
        Key::of(&request("a.example", "/x", headers), &KeyShape { rules: &rules, origin: None, extra: None })
    }

    #[test]
    fn what_differs_in_any_part_is_another_key() {
        assert_eq!(key("a.example", "/x?y", None).as_str(), "http://a.example/x?y");
        let keys = [
            key("a.example", "/x", None),
            key("a.example", "/x?", None),
            key("a.example", "/X", None),
            key("a.example", "/x?a=1&b=2", None),
            key("a.example", "/x?b=2&a=1", None),
            key("a.example", "/x?a=1&b=2&", None),
            key("a.example", "/x%2F", None),
            key("a.example", "/x/", None),
            key("a.example:81", "/x", None),
            key("b.example", "/x", None),
            key("a.example", "/x", Some("next")),
            with_parts(&[("x-a", b"")]),
            with_parts(&[("x-a", b"1")]),
            with_parts(&[("x-a", b"1 cookie.tier=2")]),
            with_parts(&[("x-a", b"1%20cookie.tier=2")]),
            with_parts(&[("x-a", b"1"), ("cookie", b"tier=2")]),
            with_parts(&[("cookie", b"tier=2")]),
            with_parts(&[("cookie", b"tier=2; tier=3")]),
            with_parts(&[("cookie", b"tier=3; tier=2")]),
            with_parts(&[("cookie", b"tier")]),
            with_parts(&[("x-a", b"A")]),
            with_parts(&[("x-a", b"a")]),
            with_parts(&[("x-a", &[b'a'; 300])]),
            with_parts(&[("x-a", &[b'a'; 301])]),
        ];
        for (i, one) in keys.iter().enumerate() {
            assert!(keys[i + 1..].iter().all(|other| one != other), "{one:?}");
            assert!(one.as_str().len() < 250, "{one:?}");
        }
    }

    #[test]
    fn escapes_are_in_upper_case() {
        let cases = [("/%2f?q=%c3%A9", "/%2F?q=%C3%A9"), ("/%2?%zz%", "/%2?%zz%"), ("/%%2f", "/%%2F"), ("/é", "/é")];
        for (given, expected) in cases {
            assert_eq!(key("a", given, None).as_str(), format!("http://a{expected}"), "{given}");
        }
    }

    #[test]
    fn what_is_of_no_account_is_not_in_the_key() {
        let absent = with_parts(&[("cookie", b"x=1; tiers=2"), ("cookie", b"xtier=3"), ("x-b", b"1")]);
        assert_eq!(absent.as_str(), "http://a.example/x");
        let (one, other) = (&b"a=1; tier=2; b=3"[..], &b"tier=2"[..]);
        assert_eq!(with_parts(&[("cookie", one)]), with_parts(&[("cookie", other)]));
        let lines = with_parts(&[("cookie", b"a=1"), ("cookie", b" tier=2")]);
        assert_eq!(lines.as_str(), "http://a.example/x cookie.tier=2");
        let kept = Kept::AllBut(vec!["utm_*".to_owned()]);
        let rules = KeyRules { query: QueryRules { kept, order: Order::ByName }, ..KeyRules::default() };
        let shape = KeyShape { rules: &rules, origin: Some("next"), extra: None };
        let key = Key::of(&request("a", "/x?utm_a=1&b=%2f&a=1", &[]), &shape);
        assert_eq!(key.as_str(), "http://a/x?a=1&b=%2F origin=next");
        assert_eq!((key.url(), key.path()), ("http://a/x?a=1&b=%2F", "http://a/x"));
        assert_eq!(Key::of(&request("a", "/x?utm_a=1", &[]), &shape).url(), "http://a/x");
    }

    #[test]
    fn a_merged_key_is_one_for_equivalent_queries_of_one_lesson() {
        let field = HeaderValue::from_static("params=(\"u\"), key-order");
        let rule = NoVarySearch::of(&HeaderMap::from_iter([(HeaderName::from_static("no-vary-search"), field)]));
        let rule = rule.expect("a rule");
        let [first, second] = [1, 2].map(|number| Arc::new(Variance { rule: rule.clone(), number }));
        let merged = |path, by| key("a", path, Some("next")).merged_by(by);
        let one = merged("/x?b=1&u=2&a", &first);
        assert_eq!(one.as_str(), "http://a/x?a=&b=1 origin=next variance=1");
        assert_eq!((one.query(), one.url()), (Some("b=1&u=2&a"), "http://a/x?a=&b=1"));
        assert_eq!(one, merged("/x?a&b=1", &first));
        assert_ne!(one, merged("/x?a&b=1", &second));
        assert_ne!(one, merged("/x?a&b=2", &first));
        assert_eq!(merged("/x?u=1", &first), merged("/x", &first));
        assert_eq!(merged("/x", &first).since_change(7).as_str(), "http://a/x origin=next variance=1 change=7");
    }

    proptest! {
        #[test]
        fn no_part_forges_another(
            one in proptest::collection::vec((0_usize..3, "[ -~]{0,6}"), 0..3),
            other in proptest::collection::vec((0_usize..3, "[ -~]{0,6}"), 0..3),
        ) {
            let pushed = |parts: &[(usize, String)]| {
                let mut text = String::new();
                for (name, value) in parts {
                    push_part(&mut text, ["cookie.", ["a", "b", "header.a"][*name]], value.as_bytes());
                }
                text
            };
            prop_assert_eq!(pushed(&one) == pushed(&other), one == other);
        }

        #[test]
        fn two_requests_that_differ_have_two_keys(
            one in ("/[a-b?& %=]{0,5}", "[ -~]{0,6}", "[a-b= ]{0,4}"),
            other in ("/[a-b?& %=]{0,5}", "[ -~]{0,6}", "[a-b= ]{0,4}"),
        ) {
            let key = |(path, header, cookie): &(String, String, String)| {
                let path = path.replace(' ', "+");
                let cookie = format!("tier={}", cookie.trim());
                let headers: [(&'static str, &[u8]); 2] = [("x-a", header.as_bytes()), ("cookie", cookie.as_bytes())];
                let rules = KeyRules {
                    headers: vec![HeaderName::from_static("x-a")],
                    cookies: vec!["tier".to_owned()],
                    ..KeyRules::default()
                };
                let key = Key::of(&request("a", &path, &headers), &KeyShape { rules: &rules, origin: None, extra: None });
                (key.as_str().to_owned(), (path, header.clone(), cookie))
            };
            let (one, other) = (key(&one), key(&other));
            prop_assert_eq!(one.0 == other.0, one.1 == other.1);
        }
    }
}
