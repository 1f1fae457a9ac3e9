//! Requests and responses of a rehearsal: made by a test, changed by a filter, then looked at.

use std::net::IpAddr;

use crate::host::Pairs;
use crate::rehearsal::verbs::Verbs;

/// A request or response.
///
/// ```
/// use forebay_sdk::rehearsal::{alone, get};
///
/// let sent = get("http://shop.example/").with("accept", "*/*");
/// let left = alone::request(sent.clone(), |request| request.set_path("/en/"));
/// assert_eq!((left.target(), left.header("accept")), ("/en/", Some("*/*")));
/// assert_ne!(left, sent);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    pub(crate) headers: Pairs,
    pub(crate) properties: Vec<(String, Vec<u8>)>,
    /// What is still to come, piece by piece.
    pub(crate) chunks: Vec<Vec<u8>>,
    /// What went through the filter, or stands in a reply.
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Pairs,
    pub(crate) verbs: Verbs,
}

/// A `GET` of an absolute URL.
///
/// ```
/// # use forebay_sdk::rehearsal::get;
/// let cart = get("http://shop.example/cart?item=1");
/// assert_eq!((cart.method(), cart.target()), ("GET", "/cart?item=1"));
/// ```
pub fn get(url: &str) -> Message {
    request("GET", url)
}

/// A request for an absolute URL, from 192.0.2.1 until [`Message::from`] says otherwise.
///
/// ```
/// use forebay_sdk::rehearsal::request;
///
/// let cart = request("POST", "https://shop.example/cart?item=1");
/// assert_eq!((cart.method(), cart.target()), ("POST", "/cart?item=1"));
/// ```
///
/// # Panics
/// If the URL is not absolute.
pub fn request(method: &str, url: &str) -> Message {
    let (scheme, rest) = url.split_once("://").expect("a rehearsed request has an absolute URL");
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    Message::default()
        .with(":method", method)
        .with(":scheme", scheme)
        .with(":authority", authority)
        .with(":path", &target)
        .from("192.0.2.1")
}

/// A response with this status.
///
/// ```
/// # use forebay_sdk::rehearsal::response;
/// assert_eq!(response(404).with("age", "7").status(), 404);
/// ```
pub fn response(status: u16) -> Message {
    Message::default().with(":status", status.to_string())
}

impl Message {
    /// Adds a header.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::response;
    /// let answer = response(200).with("Via", "a").with("Via", "b");
    /// assert_eq!(answer.headers("via"), ["a", "b"]);
    /// ```
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_ascii_lowercase().into_bytes(), value.as_ref().to_vec()));
        self
    }

    /// Adds a piece of the body; without one, there is no body.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let mut pieces = 0;
    /// alone::body(response(200).chunk("he").chunk("llo"), |_| pieces += 1);
    /// assert_eq!(pieces, 2);
    /// ```
    #[must_use]
    pub fn chunk(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.chunks.push(bytes.as_ref().to_vec());
        self
    }

    /// Adds a header after the body.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::response;
    /// let answer = response(200).chunk("body").trailer("X-Sum", "1");
    /// assert_eq!((answer.trailers("x-sum"), answer.header("x-sum")), (vec!["1"], None));
    /// ```
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers.push((name.to_ascii_lowercase().into_bytes(), value.as_ref().to_vec()));
        self
    }

    /// The address of the client that sends it.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/").from("198.51.100.7"), |request| {
    ///     assert_eq!(request.client(), Some([198, 51, 100, 7].into()));
    /// });
    /// ```
    ///
    /// # Panics
    /// If this is no address.
    #[must_use]
    pub fn from(self, client: &str) -> Self {
        let client: IpAddr = client.parse().expect("a rehearsed client has an IP address");
        self.property("source.address", std::net::SocketAddr::new(client, 40_000).to_string())
    }

    /// A property of the exchange, by its name in the proxy's documentation.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/").property("request.protocol", "HTTP/3"), |request| {
    ///     assert_eq!(request.property("request.protocol").as_deref(), Some("HTTP/3"));
    /// });
    /// ```
    #[must_use]
    pub fn property(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.properties.push((name.replace('.', "\0"), value.into()));
        self
    }

    /// The first value of a header, its name in lower case; `None` also where it is not UTF-8.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::response;
    /// let answer = response(200).with("Via", "a").with("Via", "b").with("x-name", b"\xe9");
    /// assert_eq!((answer.header("via"), answer.header("x-name")), (Some("a"), None));
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    /// Every value of a header, its name in lower case.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::response;
    /// let answer = response(200).with("set-cookie", "a=1").with("set-cookie", "b=2");
    /// assert_eq!(answer.headers("set-cookie"), ["a=1", "b=2"]);
    /// ```
    pub fn headers(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
    }

    /// Every value of a header after the body, its name in lower case.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::response;
    /// assert_eq!(response(200).trailer("x-sum", "1").trailers("x-sum"), ["1"]);
    /// ```
    pub fn trailers(&self, name: &str) -> Vec<&str> {
        values(&self.trailers, name)
    }

    /// What the filter said about the cache in the callbacks of a response.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let answer = alone::response(response(200), |response| {
    ///     response.cache().tag("shop");
    /// });
    /// assert_eq!(answer.cache().tags(), ["shop"]);
    /// ```
    pub fn cache(&self) -> &Verbs {
        &self.verbs
    }

    /// The method of a request; empty for a response.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{request, response};
    /// assert_eq!(request("PUT", "http://shop.example/").method(), "PUT");
    /// assert_eq!(response(200).method(), "");
    /// ```
    pub fn method(&self) -> &str {
        self.header(":method").unwrap_or_default()
    }

    /// Path and query of a request; empty for a response.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::get;
    /// assert_eq!(get("http://shop.example?a=b").target(), "/?a=b");
    /// ```
    pub fn target(&self) -> &str {
        self.header(":path").unwrap_or_default()
    }

    /// The status of a response; 0 for a request.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{get, response};
    /// assert_eq!((response(204).status(), get("http://shop.example/").status()), (204, 0));
    /// ```
    pub fn status(&self) -> u16 {
        self.header(":status").and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// The body as the filter left it.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let answer = alone::body(response(200).chunk("hello"), |body| body.replace("bye"));
    /// assert_eq!(answer.body(), b"bye");
    /// ```
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

fn values<'p>(pairs: &'p Pairs, name: &str) -> Vec<&'p str> {
    let of_name = pairs.iter().filter(|(known, _)| known == name.as_bytes());
    of_name.filter_map(|(_, value)| str::from_utf8(value).ok()).collect()
}
