//! The names by which stored responses are purged together: `Surrogate-Key`, `Cache-Tag`, and the groups of RFC 9875.
//!
//! Read once, when a response arrives, and kept beside it. Names are compared byte for byte, as RFC 9875 section 2 asks of
//! groups. A malformed `Cache-Groups` is ignored whole (RFC 9651 section 4.2); the other two fields have no wrong form.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use sfv::{BareItem, List, ListEntry, Parser};

use crate::semantics::fields;

pub(super) const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
pub(super) const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");
const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");
const CACHE_GROUP_INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");

/// Names kept of one response. A purge costs each entry one look per name, so this bounds that cost; RFC 9875 section 2
/// asks for 32 groups at least, and what CDNs take in 16 KiB of header is about this.
const NAMES_MAX: usize = 512;
/// Bytes of one name, Fastly's and Cloudflare's limit.
pub const NAME_BYTES_MAX: usize = 1024;

/// Adds to the tags of a response those it does not have yet.
pub fn add_tags(headers: &mut HeaderMap, tags: &[String]) {
    if tags.is_empty() {
        return;
    }
    let there = Tags::of(headers);
    let new: Vec<&str> =
        tags.iter().map(String::as_str).filter(|tag| !there.names().iter().any(|name| **name == **tag)).collect();
    if let Ok(line) = HeaderValue::try_from(new.join(" "))
        && !new.is_empty()
    {
        headers.append(SURROGATE_KEY, line);
    }
}

/// What a response is purged by, beside its URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    names: Box<[Box<str>]>,
    /// The last of `names`, so many, are groups: they belong to their origin as well.
    groups: usize,
    /// There were names beyond the bounds, and nobody knows which: every purge of a tag or a group concerns this response.
    cut: bool,
}

impl Tags {
    /// The names in a response's fields.
    pub fn of(headers: &HeaderMap) -> Self {
        let (mut names, mut cut) = (Vec::new(), false);
        let mut keep = |names: &mut Vec<Box<str>>, first: usize, name: &str| {
            if name.len() > NAME_BYTES_MAX {
                cut = true;
            } else if !names[first..].iter().any(|known| **known == *name) {
                if names.len() < NAMES_MAX { names.push(name.into()) } else { cut = true }
            }
        };
        for line in headers.get_all(SURROGATE_KEY) {
            let line = String::from_utf8_lossy(line.as_bytes());
            line.split_ascii_whitespace().for_each(|name| keep(&mut names, 0, name));
        }
        for line in headers.get_all(CACHE_TAG) {
            let line = String::from_utf8_lossy(line.as_bytes());
            let tags = line.split(',').map(|tag| tag.trim_matches([' ', '\t'])).filter(|tag| !tag.is_empty());
            tags.for_each(|tag| keep(&mut names, 0, tag));
        }
        let first = names.len();
        groups(headers, &CACHE_GROUPS).iter().for_each(|name| keep(&mut names, first, name));
        Self { groups: names.len() - first, names: names.into(), cut }
    }

    /// Every name that a purge by tag may give: tags, then groups.
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// The groups among them, which an origin invalidates as a whole.
    pub fn groups(&self) -> &[Box<str>] {
        &self.names[self.names.len() - self.groups..]
    }

    /// Does every purge of a tag or a group concern this response?
    pub fn are_cut(&self) -> bool {
        self.cut
    }

    /// Bytes held.
    pub fn weight(&self) -> usize {
        self.names.iter().map(|name| name.len() + 16).sum()
    }
}

/// The groups that the answer to an unsafe request invalidates (RFC 9875 section 3); none where the field is malformed.
pub fn invalidated_groups(response: &HeaderMap) -> Vec<String> {
    groups(response, &CACHE_GROUP_INVALIDATION)
}

/// A structured field that is a list of strings (RFC 9651 section 3.1). Parameters are ignored; a member of another type
/// makes all of it nothing.
fn groups(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let Some(whole) = fields::joined(headers, name) else { return Vec::new() };
    let Ok(list) = Parser::new(&whole).parse::<List>() else { return Vec::new() };
    let text = |entry| match entry {
        ListEntry::Item(item) => match item.bare_item {
            BareItem::String(text) => Some(text.as_str().to_owned()),
            _ => None,
        },
        ListEntry::InnerList(_) => None,
    };
    list.into_iter().map(text).collect::<Option<_>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn tags(lines: &[(&'static str, &str)]) -> Tags {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).expect("a test value"));
        }
        Tags::of(&headers)
    }

    #[test]
    fn each_field_separates_in_its_own_way() {
        let cases: [(&str, &str, &[&str]); 12] = [
            ("surrogate-key", "a  b\tc", &["a", "b", "c"]),
            ("surrogate-key", "a,b", &["a,b"]),
            ("surrogate-key", "a A a", &["a", "A"]),
            ("cache-tag", "a, b c ,,d", &["a", "b c", "d"]),
            ("cache-tag", "\"a", &["\"a"]),
            ("cache-groups", "\"a\", \"b c\";x=1", &["a", "b c"]),
            ("cache-groups", "\"a\\\"b\"", &["a\"b"]),
            ("cache-groups", "a, \"b\"", &[]),
            ("cache-groups", "\"a\", (\"b\")", &[]),
            ("cache-groups", "\"a\", 7", &[]),
            ("cache-groups", "\"a", &[]),
            ("cache-groups", "", &[]),
        ];
        for (field, value, expected) in cases {
            let tags = tags(&[(field, value)]);
            let names: Vec<&str> = tags.names().iter().map(|name| &**name).collect();
            assert_eq!(names, expected, "{field}: {value}");
            assert_eq!(tags.groups().len(), if field == "cache-groups" { expected.len() } else { 0 }, "{value}");
        }
    }

    #[test]
    fn a_name_may_be_a_tag_and_a_group() {
        let both =
            tags(&[("surrogate-key", "a"), ("cache-tag", "a"), ("cache-groups", "\"a\""), ("cache-groups", "\"b\"")]);
        assert_eq!(both.names().len(), 3, "{both:?}");
        assert_eq!(both.groups().iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn beyond_the_bounds_every_tag_concerns_it() {
        let many = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        let cases = [
            (many(NAMES_MAX), NAMES_MAX, false),
            (many(NAMES_MAX + 1), NAMES_MAX, true),
            ("x".repeat(NAME_BYTES_MAX), 1, false),
            ("x".repeat(NAME_BYTES_MAX + 1), 0, true),
        ];
        for (value, kept, cut) in cases {
            let tags = tags(&[("surrogate-key", &value)]);
            assert_eq!((tags.names().len(), tags.are_cut()), (kept, cut), "{} bytes", value.len());
        }
    }

    #[test]
    fn a_malformed_invalidation_names_no_group() {
        let named = |value: &str| {
            let value = HeaderValue::from_str(value).expect("a test value");
            invalidated_groups(&HeaderMap::from_iter([(CACHE_GROUP_INVALIDATION, value)]))
        };
        assert_eq!(named("\"a\", \"b\""), ["a", "b"]);
        assert!(named("\"a\", b").is_empty() && named("\"a").is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(value in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let names = [SURROGATE_KEY, CACHE_TAG, CACHE_GROUPS];
                let tags = Tags::of(&names.into_iter().map(|name| (name, value.clone())).collect());
                prop_assert!(tags.groups().len() <= tags.names().len());
            }
        }
    }
}
