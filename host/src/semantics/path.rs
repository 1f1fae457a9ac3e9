//! Paths in one form: escapes of unreserved characters decoded, dot segments removed (RFC 3986 sections 5.2.4, 6.2.2).
//!
//! Both spellings name one resource, so they are one path to filters, routes, keys and origins. Everything else stays as it
//! is: `%2F` is not `/`, `//` is not `/`, and letter case matters. Only for choosing a route those count as slashes too,
//! because origins take them for such, and a spelling must not lead around a guarded route.

use std::borrow::Cow;

use http::uri::PathAndQuery;

/// The path has more `..` than segments before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EscapesRoot;

/// The same target with `%7E` and the like decoded, where it has any.
pub(super) fn decoded(target: PathAndQuery) -> PathAndQuery {
    let path = target.path();
    if !has_escapes(path) {
        return target;
    }
    let mut text = decode(path, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'));
    if text.len() == path.len() {
        return target;
    }
    if let Some(query) = target.query() {
        text.push('?');
        text.push_str(query);
    }
    PathAndQuery::from_maybe_shared(bytes::Bytes::from(text)).unwrap_or(target)
}

/// A prefix covers a path up to a segment's end: `/a` covers `/a` and `/a/b`, not `/ab`. `path` is one `for_routing`.
pub fn covers(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

/// The path as routes match it: escaped slashes count, and several in a row are one.
pub fn for_routing(path: &str) -> Cow<'_, str> {
    if !has_escapes(path) && !path.as_bytes().windows(2).any(|pair| pair == b"//") {
        return Cow::Borrowed(path);
    }
    let mut merged = String::with_capacity(path.len());
    for c in decode(path, |byte| byte == b'/').chars() {
        if c != '/' || !merged.ends_with('/') {
            merged.push(c);
        }
    }
    Cow::Owned(merged)
}

/// Paths are short, so a plain loop over their bytes is faster than a search.
pub fn has_escapes(text: &str) -> bool {
    text.bytes().any(|byte| byte == b'%')
}

/// Decodes the escapes of those bytes that are wanted; all of them ASCII.
fn decode(path: &str, wanted: impl Fn(u8) -> bool) -> String {
    let mut text = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        let escape = rest.get(at + 1..at + 3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|byte| wanted(*byte)) {
            Some(byte) => {
                text.push(char::from(byte));
                rest = &rest[at + 3..];
            }
            None => {
                text.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// The same target without dot segments; the query is not touched. A path that climbs above its root is refused.
pub(super) fn without_dot_segments(target: PathAndQuery) -> Result<PathAndQuery, EscapesRoot> {
    let path = target.path();
    let suspicious = path.as_bytes().windows(2).any(|pair| matches!(pair, [b'/', b'.' | b'%']));
    if !suspicious || !path.split('/').any(|segment| dots(segment).is_some()) {
        return Ok(target);
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match dots(segment) {
            None => {
                kept.push(segment);
                continue;
            }
            Some(Dots::Same) => {}
            Some(Dots::Up) => {
                kept.pop().ok_or(EscapesRoot)?;
            }
        }
        if last {
            kept.push("");
        }
    }
    let mut text = String::with_capacity(target.as_str().len());
    for segment in &kept {
        text.push('/');
        text.push_str(segment);
    }
    if text.is_empty() {
        text.push('/');
    }
    if let Some(query) = target.query() {
        text.push('?');
        text.push_str(query);
    }
    PathAndQuery::from_maybe_shared(bytes::Bytes::from(text)).map_err(|_| EscapesRoot)
}

enum Dots {
    Same,
    Up,
}

fn dots(segment: &str) -> Option<Dots> {
    if segment.is_empty() || segment.len() > 6 || !matches!(segment.as_bytes()[0], b'.' | b'%') {
        return None;
    }
    let mut rest = segment;
    let mut count = 0;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').or_else(|| rest.strip_prefix("%2e")).or_else(|| rest.strip_prefix("%2E"))?;
        count += 1;
    }
    match count {
        1 => Some(Dots::Same),
        2 => Some(Dots::Up),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clean(target: &str) -> Option<String> {
        let target = PathAndQuery::try_from(target).expect("a test target");
        without_dot_segments(target).ok().map(|path| path.as_str().to_owned())
    }

    #[test]
    fn segments_of_dots_are_resolved() {
        let cases = [
            ("/", Some("/")),
            ("/a/b", Some("/a/b")),
            ("/a/./b", Some("/a/b")),
            ("/a/../b", Some("/b")),
            ("/a/b/..", Some("/a/")),
            ("/a/.", Some("/a/")),
            ("/..", None),
            ("/a/../../b", None),
            ("/a/%2e%2E/b?x=../y", Some("/b?x=../y")),
            ("/a/.%2e/b", Some("/b")),
            ("/a/.../b", Some("/a/.../b")),
            ("/.well-known/x", Some("/.well-known/x")),
            ("/a//../b", Some("/a/b")),
            ("/a%2f..%2fb", Some("/a%2f..%2fb")),
            ("/%2e", Some("/")),
        ];
        for (given, expected) in cases {
            assert_eq!(clean(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn one_resource_has_one_spelling() {
        let spelled = |text: &str| decoded(PathAndQuery::try_from(text).expect("a test target")).as_str().to_owned();
        let cases = [
            ("/%70rivate/%7Ea?%70", "/private/~a?%70"),
            ("/a%2Fb%20c%3f", "/a%2Fb%20c%3f"),
            ("/%e9%C3%A9", "/%e9%C3%A9"),
            ("/%2570", "/%2570"),
            ("/a%", "/a%"),
            ("/a%7", "/a%7"),
        ];
        for (given, expected) in cases {
            assert_eq!(spelled(given), expected, "{given}");
        }
        let cases = [("/a/b", "/a/b"), ("//a///b", "/a/b"), ("/a%2fb", "/a/b"), ("/a%2F/b%20", "/a/b%20")];
        for (given, expected) in cases {
            assert_eq!(for_routing(given), expected, "{given}");
        }
    }

    proptest! {
        #[test]
        fn a_clean_path_is_clean_for_good(path in "(/(\\.|%2e|a|%|b){0,3}){1,6}") {
            if let Ok(target) = PathAndQuery::try_from(path.as_str())
                && let Ok(once) = without_dot_segments(target)
            {
                prop_assert!(once.path().starts_with('/'));
                prop_assert!(!once.path().split('/').any(|segment| dots(segment).is_some()));
                let twice = without_dot_segments(once.clone());
                prop_assert_eq!(twice.expect("clean already"), once);
            }
        }
    }
}
