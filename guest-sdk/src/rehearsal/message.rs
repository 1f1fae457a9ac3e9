//! Requests and responses of a rehearsal: made by a test, changed by a filter, then looked at.

use std::net::IpAddr;

use crate::host::Pairs;
use crate::rehearsal::verbs::Verbs;

/// A request or response.
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
pub fn response(status: u16) -> Message {
    Message::default().with(":status", status.to_string())
}

impl Message {
    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_ascii_lowercase().into_bytes(), value.as_ref().to_vec()));
        self
    }

    /// Adds a piece of the body; without one, there is no body.
    #[must_use]
    pub fn chunk(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.chunks.push(bytes.as_ref().to_vec());
        self
    }

    /// Adds a header after the body.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers.push((name.to_ascii_lowercase().into_bytes(), value.as_ref().to_vec()));
        self
    }

    /// The address of the client that sends it.
    ///
    /// # Panics
    /// If this is no address.
    #[must_use]
    pub fn from(self, client: &str) -> Self {
        let client: IpAddr = client.parse().expect("a rehearsed client has an IP address");
        self.property("source.address", std::net::SocketAddr::new(client, 40_000).to_string())
    }

    /// A property of the exchange, by its name in the proxy's documentation.
    #[must_use]
    pub fn property(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.properties.push((name.replace('.', "\0"), value.into()));
        self
    }

    /// The first value of a header, its name in lower case; `None` also where it is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    /// Every value of a header, its name in lower case.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
    }

    /// Every value of a header after the body, its name in lower case.
    pub fn trailers(&self, name: &str) -> Vec<&str> {
        values(&self.trailers, name)
    }

    /// What the filter said about the cache in the callbacks of a response.
    pub fn cache(&self) -> &Verbs {
        &self.verbs
    }

    /// The method of a request; empty for a response.
    pub fn method(&self) -> &str {
        self.header(":method").unwrap_or_default()
    }

    /// Path and query of a request; empty for a response.
    pub fn target(&self) -> &str {
        self.header(":path").unwrap_or_default()
    }

    /// The status of a response; 0 for a request.
    pub fn status(&self) -> u16 {
        self.header(":status").and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// The body as the filter left it.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

fn values<'p>(pairs: &'p Pairs, name: &str) -> Vec<&'p str> {
    let of_name = pairs.iter().filter(|(known, _)| known == name.as_bytes());
    of_name.filter_map(|(_, value)| str::from_utf8(value).ok()).collect()
}
