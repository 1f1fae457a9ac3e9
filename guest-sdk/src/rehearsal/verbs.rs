//! What a filter said about the cache, as a rehearsal keeps it.

use std::time::Duration;

/// The cache verbs of a callback, in order.
///
/// ```
/// # use forebay_sdk::rehearsal::{alone, get};
/// let told = alone::request(get("http://shop.example/"), |request| {
///     request.cache().key_part("lang", "en").tag("shop");
/// });
/// assert_eq!(told.cache().key_parts(), [("lang".into(), "en".into())]);
/// assert_eq!(told.cache().tags(), ["shop"]);
/// assert!(!told.cache().is_bypassed());
/// ```
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
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().key_part("lang", "en").key_part("lang", "de");
    /// });
    /// assert_eq!(told.cache().key_parts(), [("lang".into(), "de".into())], "the last one counts");
    /// ```
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
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().drop_query(["gclid"]).drop_query(["utm_*"]);
    /// });
    /// assert_eq!(told.cache().dropped_query(), ["gclid", "utm_*"]);
    /// ```
    pub fn dropped_query(&self) -> Vec<&str> {
        self.said("drop_query").flat_map(|names| names.split(',')).collect()
    }

    /// Parameters of the query that alone stay in the key.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().keep_query(["id", "size"]);
    /// });
    /// assert_eq!(told.cache().kept_query(), ["id", "size"]);
    /// ```
    pub fn kept_query(&self) -> Vec<&str> {
        self.said("keep_query").flat_map(|names| names.split(',')).collect()
    }

    /// Request headers by which responses differ.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().vary(["accept-language"]);
    /// });
    /// assert_eq!(told.cache().vary(), ["accept-language"]);
    /// ```
    pub fn vary(&self) -> Vec<&str> {
        self.said("vary").flat_map(|names| names.split(',')).collect()
    }

    /// How long the response is fresh.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let told = alone::response(response(200), |response| {
    ///     response.cache().ttl(Duration::from_secs(60)).ttl(Duration::from_secs(5));
    /// });
    /// assert_eq!(told.cache().ttl(), Some(Duration::from_secs(5)), "the last one counts");
    /// ```
    pub fn ttl(&self) -> Option<Duration> {
        self.seconds("ttl")
    }

    /// How long it is served stale while it is fetched again.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let told = alone::response(response(200), |response| {
    ///     response.cache().stale_while_revalidate(Duration::from_secs(10));
    /// });
    /// assert_eq!(told.cache().stale_while_revalidate(), Some(Duration::from_secs(10)));
    /// assert_eq!(told.cache().ttl(), None, "what was not said is none");
    /// ```
    pub fn stale_while_revalidate(&self) -> Option<Duration> {
        self.seconds("stale_while_revalidate")
    }

    /// How long it is served stale where the origin fails.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let told = alone::response(response(200), |response| {
    ///     response.cache().stale_if_error(Duration::from_millis(1_900));
    /// });
    /// assert_eq!(told.cache().stale_if_error(), Some(Duration::from_secs(1)), "in whole seconds");
    /// ```
    pub fn stale_if_error(&self) -> Option<Duration> {
        self.seconds("stale_if_error")
    }

    /// Every tag.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().tag("shop sale").tag("en");
    /// });
    /// assert_eq!(told.cache().tags(), ["shop", "sale", "en"]);
    /// ```
    pub fn tags(&self) -> Vec<&str> {
        self.said("tag").flat_map(str::split_whitespace).collect()
    }

    /// Whether the cache is passed by.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().bypass();
    /// });
    /// assert!(told.cache().is_bypassed());
    /// ```
    pub fn is_bypassed(&self) -> bool {
        self.said("bypass").next().is_some()
    }

    /// Every purge as the proxy is told: `url URL` or `tag TAG`, after `soft ` where it only makes stale.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().purge_tag("sale").purge_tag_softly("shop");
    /// });
    /// assert_eq!(told.cache().purges(), ["tag sale", "soft tag shop"]);
    /// ```
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
