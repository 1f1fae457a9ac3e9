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
    pub fn method(&self) -> String {
        self.headers.get(":method").unwrap_or_default()
    }

    /// Path and query as they were sent, as in `/a/b?c=d`.
    pub fn target(&self) -> String {
        self.headers.get(":path").unwrap_or_default()
    }

    /// The path without its query. Nothing is decoded.
    pub fn path(&self) -> String {
        let mut target = self.target();
        target.truncate(target.find('?').unwrap_or(target.len()));
        target
    }

    /// The query without its `?`.
    pub fn query(&self) -> Option<String> {
        self.target().split_once('?').map(|(_, query)| query.to_owned())
    }

    /// Changes the path and keeps the query.
    pub fn set_path(&mut self, path: &str) {
        let target = match self.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        self.set_target(&target);
    }

    /// Changes the query and keeps the path. An empty query leaves no `?` behind.
    pub fn set_query(&mut self, query: &Query) {
        let path = self.path();
        self.set_target(&if query.is_empty() { path } else { format!("{path}?{query}") });
    }

    /// Changes path and query together.
    pub fn set_target(&mut self, target: &str) {
        self.headers.set(":path", target);
    }

    /// `http` or `https`: how the client reached the proxy.
    pub fn scheme(&self) -> String {
        self.headers.get(":scheme").unwrap_or_default()
    }

    /// The host in lower case, without port.
    pub fn host(&self) -> String {
        let mut host = self.authority().to_ascii_lowercase();
        let port = host.rfind(':').filter(|colon| host[*colon..].bytes().skip(1).all(|byte| byte.is_ascii_digit()));
        host.truncate(port.unwrap_or(host.len()));
        host
    }

    /// Host and port as they were sent.
    pub fn authority(&self) -> String {
        self.headers.get(":authority").unwrap_or_default()
    }

    /// Changes the host the request is for.
    pub fn set_authority(&mut self, authority: &str) {
        self.headers.set(":authority", authority);
    }

    /// The headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers, to be changed.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The value of a cookie, as it was sent.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let first = self.headers.get("cookie")?;
        let value = |line: &String| cookie(line, name).map(str::to_owned);
        // HTTP/2 may split cookies over several headers.
        value(&first).or_else(|| self.headers.get_all("cookie").iter().find_map(value))
    }

    /// The address of the client, where the proxy tells it.
    pub fn client(&self) -> Option<IpAddr> {
        let address = self.property("source.address")?;
        address.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| address.parse()).ok()
    }

    /// The proxy's id of this request, as in `X-Request-Id`.
    pub fn id(&self) -> Option<String> {
        self.property("request.id").or_else(|| self.headers.get("x-request-id"))
    }

    /// Sends the request to another origin of the proxy's configuration than its route says. Other proxies than Forebay
    /// know no such property and are not disturbed by it.
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
