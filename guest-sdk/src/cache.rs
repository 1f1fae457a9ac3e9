//! The cache verbs: what a filter says about how an exchange is cached.
//!
//! They are properties of Forebay's own, so a filter that uses them still runs in another proxy, where they do nothing.

use std::marker::PhantomData;
use std::time::Duration;

use crate::host::calls;
use crate::{Request, Response, log};

/// Says how the cache treats an exchange; [`Request::cache`] and [`Response::cache`] give it. Each verb can follow the
/// one before.
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::{get, rehearse, response};
/// use std::time::Duration;
///
/// struct Shop;
///
/// impl Filter for Shop {
///     type Settings = ();
///     fn new((): ()) -> Self { Self }
///     fn on_request(&self, request: &mut Request) -> Flow {
///         request.cache().key_part("currency", "eur").drop_query(["utm_*", "gclid"]).tag("site:shop");
///         Flow::Continue
///     }
///     fn on_response(&self, response: &mut Response) -> Flow {
///         response.cache().ttl(Duration::from_secs(60)).stale_if_error(Duration::from_secs(600));
///         Flow::Continue
///     }
/// }
///
/// # fn main() -> Result<(), String> {
/// let shop = rehearse::<Shop>("")?;
/// let exchange = shop.request(get("http://shop.example/cart?utm_source=mail"));
/// assert_eq!(exchange.cache().key_parts(), [("currency".into(), "eur".into())]);
/// assert_eq!(exchange.cache().dropped_query(), ["utm_*", "gclid"]);
/// assert_eq!(exchange.cache().tags(), ["site:shop"]);
///
/// let answer = exchange.respond(response(200));
/// assert_eq!(answer.cache().ttl(), Some(Duration::from_secs(60)));
/// assert_eq!(answer.cache().stale_if_error(), Some(Duration::from_secs(600)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Cache<Of> {
    of: PhantomData<fn() -> Of>,
}

impl<Of> Cache<Of> {
    pub(crate) fn new() -> Self {
        Self { of: PhantomData }
    }

    /// How long what is stored counts as fresh, in whole seconds, whatever the origin says.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// # use std::time::Duration;
    /// let stored = alone::response(response(200).with("cache-control", "max-age=5"), |response| {
    ///     response.cache().ttl(Duration::from_secs(60));
    /// });
    /// assert_eq!(stored.cache().ttl(), Some(Duration::from_secs(60)));
    /// ```
    pub fn ttl(&self, ttl: Duration) -> &Self {
        self.tell("forebay\0cache\0ttl", &ttl.as_secs().to_string())
    }

    /// For how long after that a stale response is served while the cache fetches a new one.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// # use std::time::Duration;
    /// let stored = alone::response(response(200), |response| {
    ///     response.cache().ttl(Duration::from_secs(60)).stale_while_revalidate(Duration::from_secs(10));
    /// });
    /// assert_eq!(stored.cache().stale_while_revalidate(), Some(Duration::from_secs(10)));
    /// ```
    pub fn stale_while_revalidate(&self, window: Duration) -> &Self {
        self.tell("forebay\0cache\0stale_while_revalidate", &window.as_secs().to_string())
    }

    /// For how long a stale response is served where the origin fails.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// # use std::time::Duration;
    /// let stored = alone::response(response(200), |response| {
    ///     response.cache().stale_if_error(Duration::from_secs(86_400));
    /// });
    /// assert_eq!(stored.cache().stale_if_error(), Some(Duration::from_secs(86_400)));
    /// ```
    pub fn stale_if_error(&self, window: Duration) -> &Self {
        self.tell("forebay\0cache\0stale_if_error", &window.as_secs().to_string())
    }

    /// Puts a tag on what is stored, by which it can be purged; several are separated by spaces.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let stored = alone::response(response(200), |response| {
    ///     response.cache().tag("product:7").tag("shop sale");
    /// });
    /// assert_eq!(stored.cache().tags(), ["product:7", "shop", "sale"]);
    /// ```
    pub fn tag(&self, tag: &str) -> &Self {
        self.tell("forebay\0cache\0tag", tag)
    }

    /// Removes a URL from the cache.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, request};
    /// let told = alone::request(request("POST", "http://shop.example/cart"), |request| {
    ///     request.cache().purge_url("http://shop.example/cart");
    /// });
    /// assert_eq!(told.cache().purges(), ["url http://shop.example/cart"]);
    /// ```
    pub fn purge_url(&self, url: &str) -> &Self {
        self.tell("forebay\0cache\0purge", &["url ", url].concat())
    }

    /// Makes a URL stale in the cache: it is asked for again, and still serves where staleness is allowed.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().purge_url_softly("http://shop.example/cart");
    /// });
    /// assert_eq!(told.cache().purges(), ["soft url http://shop.example/cart"]);
    /// ```
    pub fn purge_url_softly(&self, url: &str) -> &Self {
        self.tell("forebay\0cache\0purge", &["soft url ", url].concat())
    }

    /// Removes everything with this tag from the cache.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().purge_tag("product:7");
    /// });
    /// assert_eq!(told.cache().purges(), ["tag product:7"]);
    /// ```
    pub fn purge_tag(&self, tag: &str) -> &Self {
        self.tell("forebay\0cache\0purge", &["tag ", tag].concat())
    }

    /// Makes everything with this tag stale.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().purge_tag_softly("product:7");
    /// });
    /// assert_eq!(told.cache().purges(), ["soft tag product:7"]);
    /// ```
    pub fn purge_tag_softly(&self, tag: &str) -> &Self {
        self.tell("forebay\0cache\0purge", &["soft tag ", tag].concat())
    }

    fn tell(&self, path: &str, value: &str) -> &Self {
        if calls::set_property(path, value.as_bytes()).is_err() {
            log::debug("this proxy does not take a filter's word on its cache");
        }
        self
    }
}

impl Cache<Request> {
    /// Makes a value part of the cache key under a name; a second value for the name takes the first one's place.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().key_part("device", "phone").key_part("device", "tablet");
    /// });
    /// assert_eq!(told.cache().key_parts(), [("device".into(), "tablet".into())]);
    /// ```
    pub fn key_part(&self, name: &str, value: &str) -> &Self {
        self.tell("forebay\0cache\0key", &[name, "=", value].concat())
    }

    /// Leaves parameters of the query out of the cache key: names, where `*` at the end stands for anything.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/?utm_source=mail"), |request| {
    ///     request.cache().drop_query(["utm_*", "gclid"]);
    /// });
    /// assert_eq!(told.cache().dropped_query(), ["utm_*", "gclid"]);
    /// assert_eq!(told.target(), "/?utm_source=mail", "the origin sees it still");
    /// ```
    pub fn drop_query<const N: usize>(&self, names: [&str; N]) -> &Self {
        self.tell("forebay\0cache\0drop_query", &names.join(","))
    }

    /// Leaves all other parameters of the query out of the cache key.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/?id=7&x=1"), |request| {
    ///     request.cache().keep_query(["id"]);
    /// });
    /// assert_eq!(told.cache().kept_query(), ["id"]);
    /// ```
    pub fn keep_query<const N: usize>(&self, names: [&str; N]) -> &Self {
        self.tell("forebay\0cache\0keep_query", &names.join(","))
    }

    /// Stores a response for each value of these request headers, as if the response had named them in `Vary`.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().vary(["accept-language"]);
    /// });
    /// assert_eq!(told.cache().vary(), ["accept-language"]);
    /// ```
    pub fn vary<const N: usize>(&self, headers: [&str; N]) -> &Self {
        self.tell("forebay\0cache\0vary", &headers.join(","))
    }

    /// Neither looks this request up nor stores its response.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/").with("cookie", "staff=1"), |request| {
    ///     if request.cookie("staff").is_some() { request.cache().bypass(); }
    /// });
    /// assert!(told.cache().is_bypassed());
    /// ```
    pub fn bypass(&self) -> &Self {
        self.tell("forebay\0cache\0bypass", "1")
    }
}

impl Request {
    /// How the cache treats this exchange.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let told = alone::request(get("http://shop.example/"), |request| {
    ///     request.cache().key_part("edition", "b").tag("edition:b");
    /// });
    /// assert_eq!(told.cache().tags(), ["edition:b"]);
    /// ```
    pub fn cache(&mut self) -> Cache<Self> {
        Cache::new()
    }
}

impl Response {
    /// How the cache treats this response.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// # use std::time::Duration;
    /// let stored = alone::response(response(404), |response| {
    ///     if response.status() == 404 { response.cache().ttl(Duration::from_secs(5)); }
    /// });
    /// assert_eq!(stored.cache().ttl(), Some(Duration::from_secs(5)));
    /// ```
    pub fn cache(&mut self) -> Cache<Self> {
        Cache::new()
    }
}
