//! The connection that a request came on, as far as an exchange cares.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::HeaderMap;
use http::header::HeaderName;
use http::uri::Scheme;

use super::mailbox::Mailbox;
use crate::semantics::fields;

pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Both ends of a client's connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Counts up over the node's life.
    pub connection: u64,
    pub remote: SocketAddr,
    pub local: SocketAddr,
    pub scheme: Scheme,
    /// The other end is one of the node's own proxies: what it forwards is believed.
    pub trusted: bool,
    /// The longest gap between two pieces of a request body.
    pub body_timeout: Duration,
    /// Takes interim responses to the client.
    pub mailbox: Mailbox,
}

impl Peer {
    /// What the client speaks: this connection's scheme, or what a trusted other end says in `X-Forwarded-Proto`.
    pub(super) fn scheme_of(&self, headers: &HeaderMap) -> Scheme {
        let named = || headers.get(X_FORWARDED_PROTO).map(|value| value.as_bytes());
        match self.trusted.then(named).flatten() {
            Some(b"https") => Scheme::HTTPS,
            Some(b"http") => Scheme::HTTP,
            _ => self.scheme.clone(),
        }
    }

    /// Who asks: the other end, or whom a trusted other end names last in `X-Forwarded-For`.
    pub(super) fn client(&self, headers: &HeaderMap) -> IpAddr {
        let named = || fields::list(headers, &X_FORWARDED_FOR).last().and_then(|last| last.parse().ok());
        if self.trusted { named().unwrap_or(self.remote.ip()) } else { self.remote.ip() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_a_trusted_peer_names_the_client() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("1.1.1.1, 2.2.2.2"));
        let mut peer = Peer {
            connection: 1,
            remote: SocketAddr::from(([10, 0, 0, 1], 5)),
            local: SocketAddr::from(([10, 0, 0, 2], 80)),
            scheme: Scheme::HTTP,
            trusted: false,
            body_timeout: Duration::ZERO,
            mailbox: Mailbox::default(),
        };
        assert_eq!(peer.client(&headers), IpAddr::from([10, 0, 0, 1]));
        peer.trusted = true;
        assert_eq!(peer.client(&headers), IpAddr::from([2, 2, 2, 2]));
        assert_eq!(peer.client(&HeaderMap::new()), IpAddr::from([10, 0, 0, 1]));
    }
}
