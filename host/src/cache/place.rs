//! Where a key lies: the URL, the origin and the host in its text, as purges name them.
//!
//! A key's text starts with its URL; whatever parts it has beyond stand after a space.

/// The part that a key has where it stands for several queries. No part's value has a space.
const VARIANCE: &str = " variance=";

/// Slices of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) url: &'a str,
    /// Scheme and authority (RFC 6454 section 4): `http://a.example:81`.
    pub(super) origin: &'a str,
    /// Without port.
    pub(super) host: &'a str,
    /// The key stands for several queries.
    pub(super) merged: bool,
}

impl<'a> Place<'a> {
    pub(super) fn of(key: &'a str) -> Self {
        let url = key.split(' ').next().unwrap_or(key);
        let authority_at = url.find("://").map_or(0, |at| at + 3);
        let authority = &url[authority_at..];
        let authority = &authority[..authority.find(['/', '?']).unwrap_or(authority.len())];
        // A colon inside brackets belongs to the address.
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => authority,
        };
        Self { url, origin: &url[..authority_at + authority.len()], host, merged: key[url.len()..].contains(VARIANCE) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_apart() {
        let cases = [
            ("http://a.example/x?y", "http://a.example/x?y", "http://a.example", "a.example"),
            ("http://a.example:81/x origin=next", "http://a.example:81/x", "http://a.example:81", "a.example"),
            ("https://[::1]/", "https://[::1]/", "https://[::1]", "[::1]"),
            ("https://[::1]:8443/a://b", "https://[::1]:8443/a://b", "https://[::1]:8443", "[::1]"),
            ("", "", "", ""),
        ];
        assert!(Place::of("http://a/x header.h=1 variance=2").merged);
        for (key, url, origin, host) in cases {
            assert_eq!(Place::of(key), Place { url, origin, host, merged: false });
        }
    }
}
