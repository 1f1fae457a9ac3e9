//! What origins said of the queries under their paths: which are equivalent (`No-Vary-Search`).
//!
//! Learned from responses as they are stored, one rule per path and parts of the key; the newest counts. Each lesson has a
//! number of its own, and that is in the keys it makes. So where a rule changes, or is forgotten for want of room, what was
//! stored under the old one is not found any more, and never found wrongly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::key::Key;
use super::notebook::{Notebook, notebook};
use super::variance::Variance;
use crate::semantics::NoVarySearch;

/// Paths whose rule is remembered, at most. One costs about 500 bytes.
const PATHS_MAX: u64 = 50_000;

pub(super) struct Lessons {
    rules: Notebook<String, Arc<Variance>>,
    /// Drawn at start, because the keys of earlier lives are on disk and their numbers are not.
    first: u64,
    /// How many there were. A node that never saw the field looks no further.
    count: AtomicU64,
}

impl Lessons {
    pub(super) fn new() -> Self {
        Self { rules: notebook(PATHS_MAX), first: fastrand::u64(..), count: AtomicU64::new(0) }
    }

    /// The rule for a key's path, if there is one.
    pub(super) fn of(&self, key: &Key) -> Option<Arc<Variance>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.rules.get(&subject(key))
    }

    /// Remembers what a response under this key said. A rule that is known already stays the lesson it was.
    pub(super) fn learn(&self, key: &Key, rule: NoVarySearch) -> Arc<Variance> {
        let entry = self.rules.entry(subject(key)).and_upsert_with(|known| match known {
            Some(known) if known.value().rule == rule => known.into_value(),
            _ => {
                let number = self.first.wrapping_add(self.count.fetch_add(1, Ordering::Release));
                Arc::new(Variance { rule, number })
            }
        });
        entry.into_value()
    }
}

/// What a rule is about: the path, and the parts of the key that the client's request or a filter chose.
fn subject(key: &Key) -> String {
    [key.path(), key.parts()].concat()
}

#[cfg(test)]
mod tests {
    use super::super::key_rules::{KeyRules, KeyShape};
    use super::*;
    use crate::semantics::RequestHead;
    use http::uri::Scheme;
    use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

    fn key(path: &str, origin: Option<&str>) -> Key {
        let request = RequestHead {
            method: Method::GET,
            scheme: Scheme::HTTP,
            authority: "a".parse().expect("a test authority"),
            path: path.parse().expect("a test path"),
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
        };
        Key::of(&request, &KeyShape { rules: &KeyRules::default(), origin, extra: None })
    }

    fn rule(value: &'static str) -> NoVarySearch {
        let field = (HeaderName::from_static("no-vary-search"), HeaderValue::from_static(value));
        NoVarySearch::of(&HeaderMap::from_iter([field])).expect("a rule")
    }

    #[test]
    fn a_rule_is_known_for_its_path_and_parts_whatever_the_query() {
        let lessons = Lessons::new();
        assert!(lessons.of(&key("/x", None)).is_none());
        lessons.learn(&key("/x?a", None), rule("params"));
        assert!(lessons.of(&key("/x?b", None)).is_some() && lessons.of(&key("/x", None)).is_some());
        assert!(lessons.of(&key("/y?a", None)).is_none() && lessons.of(&key("/x?a", Some("next"))).is_none());
    }

    #[test]
    fn another_life_gives_other_numbers() {
        let [one, other] = [(), ()].map(|()| Lessons::new().learn(&key("/x", None), rule("params")).number);
        assert_ne!(one, other);
    }

    #[test]
    fn the_same_again_is_the_same_lesson_and_a_return_to_it_is_a_new_one() {
        let lessons = Lessons::new();
        let learn = |value| lessons.learn(&key("/x", None), rule(value)).number;
        let first = learn("params");
        assert_eq!(learn("params=?1"), first);
        let other = learn("key-order");
        assert_ne!(other, first);
        assert!(![first, other].contains(&learn("params")), "what was stored in between may have been given up");
        let merged = key("/x?a", None).merged_by(&lessons.of(&key("/x", None)).expect("it was learned"));
        assert_eq!(lessons.learn(&merged, rule("params")).number, learn("params"), "a merged key is of the same path");
    }
}
