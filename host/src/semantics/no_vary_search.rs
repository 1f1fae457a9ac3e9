//! `No-Vary-Search`: what of a query an origin says makes no difference (draft-ietf-httpbis-no-vary-search).
//!
//! The field is a dictionary; anything in it that is not as the draft wants it makes the whole field count for nothing.
//! Understood beside the draft's present form is its older one, in which `params` is true where `except` or nothing lists
//! the parameters that count: browsers know it, and it can mean nothing else. Two queries are equivalent when their reduced
//! forms are equal. One thing is stricter here than in the draft: names and values are compared as bytes, so that two that
//! are not UTF-8 do not become one by being replaced.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::fields;
use super::query::Order;

const FIELD: HeaderName = HeaderName::from_static("no-vary-search");

/// What a reduced form escapes: all that is not unreserved (RFC 3986 section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What makes no difference, where that is anything at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoVarySearch {
    ignored: Ignored,
    order: Order,
}

/// Names are decoded and sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ignored {
    These(Vec<Vec<u8>>),
    AllBut(Vec<Vec<u8>>),
}

impl NoVarySearch {
    /// `None` where a response says nothing, nothing that is understood, or that everything makes a difference.
    pub fn of(response: &HeaderMap) -> Option<Self> {
        if !response.contains_key(&FIELD) {
            return None;
        }
        let field: Dictionary = Parser::new(&fields::joined(response, &FIELD)?).parse().ok()?;
        let order = if flag(field.get("key-order"))?.unwrap_or(false) { Order::ByName } else { Order::AsWritten };
        let ignored = match (field.get("params"), field.get("except")) {
            (None, None) => Ignored::These(Vec::new()),
            (None, Some(except)) => Ignored::AllBut(names(except)?),
            (Some(params @ ListEntry::InnerList(_)), None) => Ignored::These(names(params)?),
            (Some(params), except) => match (flag(Some(params))??, except) {
                (true, except) => Ignored::AllBut(except.map_or(Some(Vec::new()), names)?),
                (false, None) => Ignored::These(Vec::new()),
                (false, Some(_)) => return None,
            },
        };
        let default = order == Order::AsWritten && ignored == Ignored::These(Vec::new());
        (!default).then_some(Self { ignored, order })
    }

    /// The form that equivalent queries have in common; `None` where nothing is left of it.
    pub fn reduce(&self, query: Option<&str>) -> Option<String> {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let pairs = pairs.map(|(name, value)| (decoded(name), decoded(value)));
        let mut pairs: Vec<_> = pairs.filter(|(name, _)| !self.ignores(name)).collect();
        if self.order == Order::ByName {
            pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        let mut reduced = String::new();
        for (name, value) in &pairs {
            if !reduced.is_empty() {
                reduced.push('&');
            }
            reduced.extend(percent_encode(name, ESCAPED));
            reduced.push('=');
            reduced.extend(percent_encode(value, ESCAPED));
        }
        (!reduced.is_empty()).then_some(reduced)
    }

    fn ignores(&self, name: &Vec<u8>) -> bool {
        match &self.ignored {
            Ignored::These(names) => names.binary_search(name).is_ok(),
            Ignored::AllBut(names) => names.binary_search(name).is_err(),
        }
    }
}

/// A boolean: `None` where there is something else, `Some(None)` where there is nothing.
fn flag(entry: Option<&ListEntry>) -> Option<Option<bool>> {
    match entry {
        None => Some(None),
        Some(ListEntry::Item(item)) => item.bare_item.as_boolean().map(Some),
        Some(ListEntry::InnerList(_)) => None,
    }
}

/// An inner list of strings.
fn names(entry: &ListEntry) -> Option<Vec<Vec<u8>>> {
    let ListEntry::InnerList(list) = entry else { return None };
    let name = |item: &sfv::Item| match &item.bare_item {
        BareItem::String(name) => Some(decoded(name.as_str())),
        _ => None,
    };
    let mut names: Vec<Vec<u8>> = list.items.iter().map(name).collect::<Option<_>>()?;
    names.sort_unstable();
    Some(names)
}

/// Decoded as a form's field is: `+` is a space, and `%41` is `A`.
fn decoded(text: &str) -> Vec<u8> {
    let spaced = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode(spaced.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn rule(value: &str) -> Option<NoVarySearch> {
        let value = HeaderValue::from_str(value).expect("a test value");
        NoVarySearch::of(&HeaderMap::from_iter([(FIELD, value)]))
    }

    fn equivalent(value: &str, one: Option<&str>, other: Option<&str>) -> bool {
        let rule = rule(value).unwrap_or_else(|| panic!("{value} is a rule"));
        rule.reduce(one) == rule.reduce(other)
    }

    #[test]
    fn what_counts_for_nothing() {
        let worthless = [
            "unknown-key",
            "key-order=\"not a boolean\"",
            "key-order=()",
            "params=\"not a boolean or inner list\"",
            "params=(not-a-string)",
            "params=(\"a\"), except=(\"x\")",
            "params=(), except=()",
            "params=?0, except=(\"x\")",
            "params, except=(not-a-string)",
            "params, except=\"not an inner list\"",
            "params, except=?1",
            "except=?1",
            "except=(not-a-string)",
            "except=\"x\"",
            "params=?0",
            "params=()",
            "key-order=?0",
            "params=(\"a\"), key-order=1",
            "",
            "params,",
            "Params",
            "params, !",
        ];
        for value in worthless {
            assert_eq!(rule(value), None, "{value}");
        }
        assert_eq!(NoVarySearch::of(&HeaderMap::new()), None);
    }

    #[test]
    fn two_ways_to_say_one_thing() {
        let cases = [
            ("params=?1", "params"),
            ("key-order=?1", "key-order"),
            ("params, key-order, except=(\"x\")", "key-order, params, except=(\"x\")"),
            ("params=(\"b\" \"a\")", "params=(\"a\" \"%62\")"),
            ("params, except=()", "except=()"),
            ("params", "except=()"),
            ("params, except=(\"x\")", "except=(\"x\")"),
            ("except=(\"x\"); future, key-order; future", "except=(\"x\"), key-order"),
            ("params=(\"a\"), future=1", "params=(\"a\")"),
            ("params=?0, params", "params"),
        ];
        for (one, other) in cases {
            assert!(rule(one).is_some() && rule(one) == rule(other), "{one} and {other}");
        }
        let mut lines = HeaderMap::new();
        for line in ["key-order", "params=(\"a\")"] {
            lines.append(FIELD, HeaderValue::from_static(line));
        }
        assert_eq!(NoVarySearch::of(&lines), rule("key-order, params=(\"a\")"));
    }

    #[test]
    fn what_is_equivalent_and_what_is_not() {
        let same = [
            ("key-order", None, Some("")),
            ("key-order", Some("a=x"), Some("%61=%78")),
            ("key-order", Some("a=x"), Some("a=x&&&&")),
            ("key-order", Some("a="), Some("a")),
            ("key-order", Some("a=%20"), Some("a=+")),
            ("key-order", Some("b=1&a=1&b=0"), Some("a=1&b=1&b=0")),
            ("params=(\"%C3%A9+%E6%B0%97\")", Some("%C3%A9%20%E6%B0%97=1&b"), Some("b&%C3%A9+%E6%B0%97=2")),
            ("params=(\"utm_source\")", Some("id=1&utm_source=a"), Some("id=1")),
            ("params", Some("a=1&b=2"), None),
            ("params, except=(\"id\")", Some("id=1&x=2"), Some("y=3&id=1")),
            ("params, except=(\"id\"), key-order", Some("a&id=1"), Some("id=1")),
        ];
        for (value, one, other) in same {
            assert!(equivalent(value, one, other), "{value}: {one:?} and {other:?}");
        }
        let different = [
            ("key-order", Some("a=1&a=2"), Some("a=2&a=1")),
            ("key-order", Some("a=1"), Some("a=1&a=1")),
            ("key-order", Some("a=1;b=2"), Some("b=2;a=1")),
            ("key-order", Some("a=%26b"), Some("a=&b")),
            ("key-order", Some("a=%f6"), Some("a=%e4")),
            ("params=(\"a\")", Some("b&c"), Some("c&b")),
            ("params=(\"a\")", Some("A=1"), Some("A=2")),
            ("params, except=(\"id\")", Some("id=1"), Some("id=2")),
            ("params, except=(\"id\")", Some("id"), None),
        ];
        for (value, one, other) in different {
            assert!(!equivalent(value, one, other), "{value}: {one:?} and {other:?}");
        }
    }

    proptest! {
        #[test]
        fn any_field_and_query_are_taken(field in proptest::collection::vec(any::<u8>(), 0..40), query in ".{0,40}") {
            if let Ok(value) = HeaderValue::from_bytes(&field) {
                let _ = NoVarySearch::of(&HeaderMap::from_iter([(FIELD, value)]));
            }
            let rule = rule("key-order, params=(\"a\")").expect("a rule");
            let once = rule.reduce(Some(&query));
            prop_assert_eq!(rule.reduce(once.as_deref()), once);
        }
    }
}
