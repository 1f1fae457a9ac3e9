//! A URL as an operator writes it, made into what a client's request for it would be.
//!
//! Purges and explanations both start here, so that they mean the key that clients mean.

use std::net::SocketAddr;

use http::uri::Scheme;
use http::{HeaderMap, Request, Uri, request};

use crate::cache::Key;
use crate::semantics::{BadTarget, RequestHead};

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

/// The key that a URL has where no filter changes it.
pub(super) fn key_of(url: &str) -> Result<Key, BadUrl> {
    Ok(Key::of(&head_of(url)?, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_spelled_as_a_clients_would_be() {
        let cases = [
            ("http://A.Example:80", "http://a.example/"),
            ("http://a.example./x/../y?B=1#part", "http://a.example/y?B=1"),
            ("https://a.example:443/%7eme", "https://a.example/~me"),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
        ];
        for (written, expected) in cases {
            assert_eq!(key_of(written).map(|key| key.url().to_owned()), Ok(expected.to_owned()), "{written}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for wrong in ["", "/page", "example.com/page", "ftp://a.example/", "http://", "http:///x", "http://a b/", "*"] {
            assert_eq!(key_of(wrong).err(), Some(BadUrl::Malformed(wrong.to_owned())));
        }
        for wrong in ["http://user@a.example/", "http://a.example:/", "http://a.example/../x"] {
            assert!(matches!(key_of(wrong), Err(BadUrl::Target { .. })), "{wrong}");
        }
    }
}
