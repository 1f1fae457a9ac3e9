//! A URL as an operator writes it, made into what a client's request for it would be.
//!
//! Purges and explanations both start here, so that they mean the key that clients mean.

use std::net::SocketAddr;

use http::uri::Scheme;
use http::{HeaderMap, Request, Uri, request};

use super::routes::Routes;
use crate::cache::{Key, KeyRules, KeyShape};
use crate::semantics::{BadTarget, RequestHead, for_routing};

/// Why a URL names nothing here; displays as what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    #[error("{0:?} is not a whole URL; write scheme, host and path, as in \"http://example.com/page\"")]
    Malformed(String),
    #[error("{url:?} cannot be asked for: {fault}")]
    Target { url: String, fault: BadTarget },
}

/// The request that a client with these fields would send for a URL, in absolute form, and its scheme.
pub(super) fn request_for(url: &str, headers: HeaderMap) -> Result<(request::Parts, Scheme), BadUrl> {
    let malformed = || BadUrl::Malformed(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| malformed())?;
    let scheme = uri.scheme().filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme)).cloned();
    let (Some(scheme), Some(authority)) = (scheme, uri.authority()) else { return Err(malformed()) };
    let host = authority.as_str().parse().map_err(|_| malformed())?;
    let mut request = Request::new(());
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request.headers_mut().insert(http::header::HOST, host);
    Ok((request.into_parts().0, scheme))
}

/// The request's head as lookups see it before any filter.
pub(super) fn head_of(url: &str) -> Result<RequestHead, BadUrl> {
    let (parts, scheme) = request_for(url, HeaderMap::new())?;
    let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
    RequestHead::new(parts, scheme, nowhere).map_err(|fault| BadUrl::Target { url: url.to_owned(), fault })
}

/// The URL as keys spell it, by the rules of the route that it takes where no filter sends it on another.
pub(super) fn spelled(routes: &Routes, head: &RequestHead) -> String {
    let plain = KeyRules::default();
    let route = routes.find(head.host(), &for_routing(head.path.path()));
    let rules = route.map_or(&plain, |route| &route.key_rules);
    Key::of(head, &KeyShape { rules, origin: None, extra: None }).url().to_owned()
}

/// The same by no rules: what orders or drops parts of a query needs the whole of it, which a prefix is not.
pub(super) fn spelled_plainly(head: &RequestHead) -> String {
    Key::of(head, &KeyShape { rules: &KeyRules::default(), origin: None, extra: None }).url().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(url: &str) -> Result<String, BadUrl> {
        head_of(url).map(|head| spelled(&Routes::default(), &head))
    }

    #[test]
    fn a_url_is_spelled_as_a_clients_would_be() {
        let cases = [
            ("http://A.Example:80", "http://a.example/"),
            ("http://a.example./x/../y?B=1#part", "http://a.example/y?B=1"),
            ("https://a.example:443/%7eme", "https://a.example/~me"),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
        ];
        for (written, expected) in cases {
            assert_eq!(spelling(written), Ok(expected.to_owned()), "{written}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for wrong in ["", "/page", "example.com/page", "ftp://a.example/", "http://", "http:///x", "http://a b/", "*"] {
            assert_eq!(spelling(wrong).err(), Some(BadUrl::Malformed(wrong.to_owned())));
        }
        for wrong in ["http://user@a.example/", "http://a.example:/", "http://a.example/../x"] {
            assert!(matches!(spelling(wrong), Err(BadUrl::Target { .. })), "{wrong}");
        }
    }
}
