//! What a filter said about the cache, as a rehearsal keeps it.

use std::time::Duration;

/// The cache verbs of a callback, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verbs(Vec<(String, String)>);

impl Verbs {
    /// Keeps a property if it is a cache verb.
    pub(crate) fn keep(&mut self, path: &str, value: &[u8]) {
        if let Some(verb) = path.strip_prefix("forebay\0cache\0") {
            self.0.push((verb.to_owned(), String::from_utf8_lossy(value).into_owned()));
        }
    }

    pub(crate) fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// The names and values that are part of the cache key.
    pub fn key_parts(&self) -> Vec<(String, String)> {
        let mut parts: Vec<(String, String)> = Vec::new();
        for (name, value) in self.said("key").filter_map(|part| part.split_once('=')) {
            match parts.iter_mut().find(|(known, _)| known == name) {
                Some((_, replaced)) => value.clone_into(replaced),
                None => parts.push((name.to_owned(), value.to_owned())),
            }
        }
        parts
    }

    /// Parameters of the query that are left out of the key.
    pub fn dropped_query(&self) -> Vec<&str> {
        self.said("drop_query").flat_map(|names| names.split(',')).collect()
    }

    /// Parameters of the query that alone stay in the key.
    pub fn kept_query(&self) -> Vec<&str> {
        self.said("keep_query").flat_map(|names| names.split(',')).collect()
    }

    /// Request headers by which responses differ.
    pub fn vary(&self) -> Vec<&str> {
        self.said("vary").flat_map(|names| names.split(',')).collect()
    }

    /// How long the response is fresh.
    pub fn ttl(&self) -> Option<Duration> {
        self.seconds("ttl")
    }

    /// How long it is served stale while it is fetched again.
    pub fn stale_while_revalidate(&self) -> Option<Duration> {
        self.seconds("stale_while_revalidate")
    }

    /// How long it is served stale where the origin fails.
    pub fn stale_if_error(&self) -> Option<Duration> {
        self.seconds("stale_if_error")
    }

    /// Every tag.
    pub fn tags(&self) -> Vec<&str> {
        self.said("tag").flat_map(str::split_whitespace).collect()
    }

    /// Whether the cache is passed by.
    pub fn is_bypassed(&self) -> bool {
        self.said("bypass").next().is_some()
    }

    /// Every purge as the proxy is told: `url URL` or `tag TAG`, after `soft ` where it only makes stale.
    pub fn purges(&self) -> Vec<&str> {
        self.said("purge").collect()
    }

    fn seconds(&self, verb: &str) -> Option<Duration> {
        self.said(verb).last()?.parse().ok().map(Duration::from_secs)
    }

    fn said<'v>(&'v self, verb: &str) -> impl Iterator<Item = &'v str> {
        self.0.iter().filter(move |(known, _)| known == verb).map(|(_, value)| value.as_str())
    }
}
