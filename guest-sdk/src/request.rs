//! A request as a filter sees it: where it goes, who sent it, and its headers.

use std::any::Any;
use std::net::{IpAddr, SocketAddr};

use crate::host::{Map, calls};
use crate::memo::Memo;
use crate::{Headers, Query, log};

/// The request of an exchange. In a request callback it can be changed; in a response callback it can be read.
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::{get, rehearse};
///
/// struct Tenants;
///
/// impl Filter for Tenants {
///     type Settings = ();
///     fn new((): ()) -> Self { Self }
///     fn on_request(&self, request: &mut Request) -> Flow {
///         if request.host() == "beta.shop.example" {
///             let path = format!("/beta{}", request.path());
///             request.set_path(&path);
///             request.set_origin("beta");
///         }
///         Flow::Continue
///     }
/// }
///
/// # fn main() -> Result<(), String> {
/// let tenants = rehearse::<Tenants>("")?;
/// let exchange = tenants.request(get("https://Beta.Shop.Example:8443/cart?item=1"));
/// assert_eq!(exchange.sent().target(), "/beta/cart?item=1");
/// assert_eq!(exchange.origin(), Some("beta"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Request {
    headers: Headers,
    memo: Option<Memo>,
}

impl Request {
    pub(crate) fn new(memo: Option<Memo>) -> Self {
        Self { headers: Headers::of(Map::Request), memo }
    }

    /// The method, as in `GET`.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/"), |request| assert_eq!(request.method(), "GET"));
    /// ```
    pub fn method(&self) -> String {
        self.headers.get(":method").unwrap_or_default()
    }

    /// Path and query as they were sent, as in `/a/b?c=d`.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/a%20b?c=d"), |request| assert_eq!(request.target(), "/a%20b?c=d"));
    /// ```
    pub fn target(&self) -> String {
        self.headers.get(":path").unwrap_or_default()
    }

    /// The path without its query. Nothing is decoded.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/a%20b?c=d"), |request| assert_eq!(request.path(), "/a%20b"));
    /// ```
    pub fn path(&self) -> String {
        let mut target = self.target();
        target.truncate(target.find('?').unwrap_or(target.len()));
        target
    }

    /// The query without its `?`.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/?c=d"), |request| assert_eq!(request.query().as_deref(), Some("c=d")));
    /// alone::request(get("http://shop.example/"), |request| assert_eq!(request.query(), None));
    /// ```
    pub fn query(&self) -> Option<String> {
        self.target().split_once('?').map(|(_, query)| query.to_owned())
    }

    /// Changes the path and keeps the query.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let sent = alone::request(get("http://shop.example/old?c=d"), |request| request.set_path("/new"));
    /// assert_eq!(sent.target(), "/new?c=d");
    /// ```
    pub fn set_path(&mut self, path: &str) {
        let target = match self.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        self.set_target(&target);
    }

    /// Changes the query and keeps the path. An empty query leaves no `?` behind.
    ///
    /// ```
    /// # use forebay_sdk::{Query, rehearsal::{alone, get}};
    /// let sent = alone::request(get("http://shop.example/a?c=d"), |request| request.set_query(&Query::parse("e=f")));
    /// assert_eq!(sent.target(), "/a?e=f");
    /// let sent = alone::request(sent, |request| request.set_query(&Query::default()));
    /// assert_eq!(sent.target(), "/a");
    /// ```
    pub fn set_query(&mut self, query: &Query) {
        let path = self.path();
        self.set_target(&if query.is_empty() { path } else { format!("{path}?{query}") });
    }

    /// Changes path and query together.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let sent = alone::request(get("http://shop.example/old?c=d"), |request| request.set_target("/new"));
    /// assert_eq!(sent.target(), "/new");
    /// ```
    pub fn set_target(&mut self, target: &str) {
        self.headers.set(":path", target);
    }

    /// `http` or `https`: how the client reached the proxy.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("https://shop.example/"), |request| assert_eq!(request.scheme(), "https"));
    /// ```
    pub fn scheme(&self) -> String {
        self.headers.get(":scheme").unwrap_or_default()
    }

    /// The host in lower case, without port.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://Shop.Example:8080/"), |request| assert_eq!(request.host(), "shop.example"));
    /// alone::request(get("http://[::1]:8080/"), |request| assert_eq!(request.host(), "[::1]"));
    /// ```
    pub fn host(&self) -> String {
        let mut host = self.authority().to_ascii_lowercase();
        let port = host.rfind(':').filter(|colon| host[*colon..].bytes().skip(1).all(|byte| byte.is_ascii_digit()));
        host.truncate(port.unwrap_or(host.len()));
        host
    }

    /// Host and port as they were sent.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://Shop.Example:81/"), |request| assert_eq!(request.authority(), "Shop.Example:81"));
    /// ```
    pub fn authority(&self) -> String {
        self.headers.get(":authority").unwrap_or_default()
    }

    /// Changes the host the request is for.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let sent = alone::request(get("http://www.shop.example/"), |request| request.set_authority("shop.example"));
    /// assert_eq!(sent.header(":authority"), Some("shop.example"));
    /// ```
    pub fn set_authority(&mut self, authority: &str) {
        self.headers.set(":authority", authority);
    }

    /// The headers.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/").with("dnt", "1"), |request| {
    ///     assert_eq!(request.headers().get("dnt").as_deref(), Some("1"));
    /// });
    /// ```
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers, to be changed.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let sent = alone::request(get("http://shop.example/"), |request| {
    ///     request.headers_mut().set("x-edge", "1");
    /// });
    /// assert_eq!(sent.header("x-edge"), Some("1"));
    /// ```
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The value of a cookie, as it was sent.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/").with("cookie", "a=1; b=2"), |request| {
    ///     assert_eq!(request.cookie("b").as_deref(), Some("2"));
    /// });
    /// ```
    pub fn cookie(&self, name: &str) -> Option<String> {
        let first = self.headers.get("cookie")?;
        let value = |line: &String| cookie(line, name).map(str::to_owned);
        // HTTP/2 may split cookies over several headers.
        value(&first).or_else(|| self.headers.get_all("cookie").iter().find_map(value))
    }

    /// The address of the client, where the proxy tells it.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/").from("2001:db8::1"), |request| {
    ///     assert!(request.client().is_some_and(|client| client.is_ipv6()));
    /// });
    /// ```
    pub fn client(&self) -> Option<IpAddr> {
        let address = self.property("source.address")?;
        address.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| address.parse()).ok()
    }

    /// The proxy's id of this request, as in `X-Request-Id`.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/").property("request.id", "a1"), |request| {
    ///     assert_eq!(request.id().as_deref(), Some("a1"));
    /// });
    /// ```
    pub fn id(&self) -> Option<String> {
        self.property("request.id").or_else(|| self.headers.get("x-request-id"))
    }

    /// Sends the request to another origin of the proxy's configuration than its route says. Other proxies than Forebay
    /// know no such property and are not disturbed by it.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/"), |request| {
    ///     request.set_origin("beta");
    ///     assert_eq!(request.property("forebay.origin").as_deref(), Some("beta"));
    /// });
    /// ```
    pub fn set_origin(&mut self, name: &str) {
        if calls::set_property("forebay\0origin", name.as_bytes()).is_err() {
            log::debug("this proxy lets no filter choose the origin");
        }
    }

    /// Keeps a value for this exchange's response callback, in place of one kept before.
    ///
    /// ```
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::{get, rehearse, response};
    ///
    /// struct Mark;
    /// struct Bot(bool);
    ///
    /// impl Filter for Mark {
    ///     type Settings = ();
    ///     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         let agent = request.headers().get("user-agent").unwrap_or_default();
    ///         request.remember(Bot(agent.contains("bot")));
    ///         Flow::Continue
    ///     }
    ///     fn on_response(&self, response: &mut Response) -> Flow {
    ///         if let Some(Bot(true)) = response.recall() { response.headers_mut().set("x-robots-tag", "none"); }
    ///         Flow::Continue
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), String> {
    /// let mark = rehearse::<Mark>("")?;
    /// let answer = mark.request(get("http://shop.example/").with("user-agent", "bot/1")).respond(response(200));
    /// assert_eq!(answer.header("x-robots-tag"), Some("none"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn remember<T: Any>(&mut self, value: T) {
        self.memo = Some(Box::new(value));
    }

    pub(crate) fn recall<T: Any>(&self) -> Option<&T> {
        self.memo.as_ref()?.downcast_ref()
    }

    pub(crate) fn recall_mut<T: Any>(&mut self) -> Option<&mut T> {
        self.memo.as_mut()?.downcast_mut()
    }

    /// Takes the request over, with what the exchange remembers, for work that outlives the callback.
    pub(crate) fn take(&mut self) -> Self {
        Self::new(self.memo.take())
    }

    pub(crate) fn into_memo(self) -> Option<Memo> {
        self.memo
    }
}

/// Looks a cookie up in a `Cookie` header (RFC 6265 section 4.2.1).
fn cookie<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let pairs = line.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::cookie;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        for (line, expected) in [
            ("a=1", Some("1")),
            ("b=2; a=1", Some("1")),
            ("b=2;a=1=1", Some("1=1")),
            ("a=1; a=2", Some("1")),
            ("a=", Some("")),
            ("aa=1; ba=1", None),
            ("a", None),
            ("", None),
        ] {
            assert_eq!(cookie(line, "a"), expected, "{line}");
        }
    }
}
