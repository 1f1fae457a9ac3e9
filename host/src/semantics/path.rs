//! Paths with their dot segments removed (RFC 3986 sections 5.2.4 and 6.2.2.3).
//!
//! `.` and `..` count also where they are percent-encoded, because origins decode them. Everything else of a path stays
//! as it is: `%2F` is not `/`, `//` is not `/`, and letter case matters.

use http::uri::PathAndQuery;

/// The path has more `..` than segments before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EscapesRoot;

/// The same target without dot segments; the query is not touched. A path that climbs above its root is refused.
pub(super) fn without_dot_segments(target: PathAndQuery) -> Result<PathAndQuery, EscapesRoot> {
    let path = target.path();
    if !path.split('/').any(|segment| dots(segment).is_some()) {
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
