//! Which parameters of a query count, and in which order, where an operator says so.
//!
//! Only ever asked for a cache key: what goes to the origin is what the client wrote. A rule must not let one answer stand
//! for another by an oddly spelled parameter that the origin still understands. So names that are kept are compared as
//! origins read them, names that are dropped as they are written, and a query with a `;`, which some origins take for a
//! `&`, is left alone.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What of a query counts. By default all of it, as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryRules {
    pub kept: Kept,
    pub order: Order,
}

/// Parameters that count, by patterns in which `*` stands for anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kept {
    #[default]
    All,
    Only(Vec<String>),
    AllBut(Vec<String>),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    AsWritten,
    /// By name; parameters of one name stay in their order.
    ByName,
}

impl QueryRules {
    /// The query as it counts; `None` where nothing is left, the question mark included.
    pub fn apply<'q>(&self, query: Option<&'q str>) -> Option<Cow<'q, str>> {
        let query = query?;
        let only_nothing = matches!(&self.kept, Kept::Only(names) if names.is_empty());
        if *self == Self::default() || (query.contains(';') && !only_nothing) {
            return Some(Cow::Borrowed(query));
        }
        let mut parameters: Vec<&str> = query.split('&').filter(|it| !it.is_empty() && self.counts(it)).collect();
        if self.order == Order::ByName {
            parameters.sort_by_cached_key(|parameter| name_as_read(parameter));
        }
        (!parameters.is_empty()).then(|| Cow::Owned(parameters.join("&")))
    }

    fn counts(&self, parameter: &str) -> bool {
        match &self.kept {
            Kept::All => true,
            Kept::Only(patterns) => {
                let name = name_as_read(parameter);
                patterns.iter().any(|pattern| matches(pattern.as_bytes(), &name))
            }
            Kept::AllBut(patterns) => {
                !patterns.iter().any(|pattern| matches(pattern.as_bytes(), name(parameter).as_bytes()))
            }
        }
    }
}

fn name(parameter: &str) -> &str {
    parameter.split_once('=').map_or(parameter, |(name, _)| name)
}

/// The name as the most lenient origins read it: decoded, without the index of `id[1]`, without leading white space.
fn name_as_read(parameter: &str) -> Vec<u8> {
    let spaced = name(parameter).replace('+', " ");
    let mut name: Vec<u8> = percent_decode_str(&spaced).skip_while(|byte| *byte == b' ').collect();
    name.truncate(name.iter().position(|byte| matches!(byte, b'[' | 0)).unwrap_or(name.len()));
    name
}

/// Does the pattern cover the name? Each `*` stands for any bytes, none included.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut pieces = pattern.split(|byte| *byte == b'*');
    let Some(mut rest) = pieces.next().and_then(|start| name.strip_prefix(start)) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        // The first place is as good as any later one: it leaves the most to the pieces that follow.
        match (0..=rest.len()).find(|at| rest[*at..].starts_with(piece)) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn patterns(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn only(names: &[&str]) -> QueryRules {
        QueryRules { kept: Kept::Only(patterns(names)), order: Order::AsWritten }
    }

    fn all_but(names: &[&str]) -> QueryRules {
        QueryRules { kept: Kept::AllBut(patterns(names)), order: Order::AsWritten }
    }

    #[test]
    fn what_counts_of_a_query() {
        let sorted = QueryRules { kept: Kept::All, order: Order::ByName };
        let cases = [
            (QueryRules::default(), Some("b&&a=%7e&"), Some("b&&a=%7e&")),
            (QueryRules::default(), Some(""), Some("")),
            (QueryRules::default(), None, None),
            (all_but(&["utm_*", "gclid"]), Some("utm_source=x&id=1&gclid=2&gclid2=3"), Some("id=1&gclid2=3")),
            (all_but(&["utm_*"]), Some("utm_source=x"), None),
            (all_but(&["utm_*"]), Some(""), None),
            (all_but(&["id"]), Some("%69d=1"), Some("%69d=1")),
            (all_but(&["utm_*"]), Some("utm_x=1;id=2"), Some("utm_x=1;id=2")),
            (all_but(&["*"]), Some("a&b=1"), None),
            (only(&["id", "page*"]), Some("x=1&id=2&page_size=3&idle=4"), Some("id=2&page_size=3")),
            (only(&["id"]), Some("%69d=1&id[]=2&+id=3&id%00x=4&ide=5"), Some("%69d=1&id[]=2&+id=3&id%00x=4")),
            (only(&["id"]), Some("x=1;id=2"), Some("x=1;id=2")),
            (only(&[]), Some("x=1;id=2&y"), None),
            (only(&[]), Some(""), None),
            (sorted.clone(), Some("b=2&a=1&b=1&%61=0"), Some("a=1&%61=0&b=2&b=1")),
            (sorted.clone(), Some("b[]=1&a&b=2&b[]=0"), Some("a&b[]=1&b=2&b[]=0")),
            (sorted, Some("b=1;a&a=1"), Some("b=1;a&a=1")),
        ];
        for (rules, query, expected) in cases {
            assert_eq!(rules.apply(query).as_deref(), expected, "{rules:?} of {query:?}");
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        let cases = [
            ("id", "id", true),
            ("id", "ide", false),
            ("utm_*", "utm_", true),
            ("utm_*", "xutm_a", false),
            ("*id", "gclid", true),
            ("*id", "ids", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
            ("*", "", true),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn any_query_has_a_form_that_stays(query in ".{0,40}", pattern in "[a-c*]{0,4}") {
            for kept in [Kept::All, Kept::Only(vec![pattern.clone()]), Kept::AllBut(vec![pattern])] {
                let rules = QueryRules { kept, order: Order::ByName };
                let once = rules.apply(Some(&query)).map(Cow::into_owned);
                let twice = rules.apply(once.as_deref());
                prop_assert_eq!(twice.as_deref(), once.as_deref());
            }
        }
    }
}
