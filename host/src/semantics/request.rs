//! The head of a request as the node works with it: target taken apart, `Host` resolved (RFC 9110 section 7).
//!
//! Made by the exchange from what the wire gave, read and changed by filters, then turned into a cache key and into the
//! request to the origin. Dot segments are gone (RFC 3986 section 6.2.2.3), so that what a filter allows, what a route
//! matches and what the origin opens are the same path.

use std::borrow::Cow;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Version, request};

use super::path;

/// A request's control data and header section. `headers` never holds `Host`: `authority` is the one place for it.
#[derive(Debug, Clone)]
pub struct RequestHead {
    pub method: Method,
    pub scheme: Scheme,
    /// In lower case; with its port only where that is not the scheme's own.
    pub authority: Authority,
    pub path: PathAndQuery,
    pub version: Version,
    pub headers: HeaderMap,
}

/// Why a request has no usable target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    #[error("an HTTP/1.1 request needs a Host field (RFC 9112 section 3.2)")]
    MissingHost,
    #[error("a request has one Host field only (RFC 9112 section 3.2)")]
    RepeatedHost,
    #[error("the host is not a name or address with an optional port (RFC 9110 section 7.2)")]
    InvalidHost,
    #[error("only http targets are served here")]
    ForeignScheme,
    #[error("the path climbs above its root")]
    PathEscapesRoot,
    #[error("this method needs no proxy here; the target form is for forward proxies")]
    TargetForm,
}

impl BadTarget {
    /// The stable word for logs and `Proxy-Status` details.
    pub fn word(self) -> &'static str {
        match self {
            Self::MissingHost => "missing_host",
            Self::RepeatedHost => "repeated_host",
            Self::InvalidHost => "invalid_host",
            Self::ForeignScheme => "foreign_scheme",
            Self::PathEscapesRoot => "path_escapes_root",
            Self::TargetForm => "target_form",
        }
    }
}

impl RequestHead {
    /// Takes a request apart. `scheme` is the listener's; `local` stands in for the host of an HTTP/1.0 request that
    /// names none.
    pub fn new(parts: request::Parts, scheme: Scheme, local: SocketAddr) -> Result<Self, BadTarget> {
        let request::Parts { method, uri, version, mut headers, .. } = parts;
        let target = uri.into_parts();
        if method == Method::CONNECT {
            return Err(BadTarget::TargetForm);
        }
        if target.scheme.as_ref().is_some_and(|s| *s != scheme) {
            return Err(BadTarget::ForeignScheme);
        }
        let host = take_host(&mut headers)?;
        let host = host.map(authority_of).transpose()?;
        let authority = match (target.authority, host) {
            (_, None) if version == Version::HTTP_11 => return Err(BadTarget::MissingHost),
            (Some(authority), _) => authority,
            (None, Some(host)) => host,
            (None, None) => {
                authority_of(HeaderValue::from_str(&local.to_string()).map_err(|_| BadTarget::InvalidHost)?)?
            }
        };
        let authority = normal_authority(authority, &scheme)?;
        let path = match target.path_and_query {
            Some(path) if path.as_str().starts_with('/') => {
                path::without_dot_segments(path::decoded(path)).map_err(|_| BadTarget::PathEscapesRoot)?
            }
            Some(_) => return Err(BadTarget::TargetForm),
            None => PathAndQuery::from_static("/"),
        };
        Ok(Self { method, scheme, authority, path, version, headers })
    }

    /// Takes dot segments out of a target that was changed after `new`.
    pub fn normalise(&mut self) -> Result<(), BadTarget> {
        self.path =
            path::without_dot_segments(path::decoded(self.path.clone())).map_err(|_| BadTarget::PathEscapesRoot)?;
        Ok(())
    }

    /// The host alone, without port, as routes match it.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// The target that a URI reference in an answer to this request names (RFC 3986 section 5.2); `None` where it is of
    /// another origin, or no reference.
    pub fn resolve(&self, reference: &str) -> Option<PathAndQuery> {
        let reference = reference.split('#').next()?;
        let path = match reference.split_once("//") {
            Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => {
                let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
                let authority = normal_authority(authority.parse().ok()?, &self.scheme).ok()?;
                let scheme = scheme.strip_suffix(':').unwrap_or(self.scheme.as_str());
                let same = scheme.eq_ignore_ascii_case(self.scheme.as_str()) && authority == self.authority;
                same.then(|| if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })?
            }
            _ if reference.is_empty() => self.path.as_str().to_owned(),
            _ if reference.starts_with('/') => reference.to_owned(),
            _ if reference.starts_with('?') => format!("{}{reference}", self.path.path()),
            // The first segment of a relative path has no colon (RFC 3986 section 4.2): this is another scheme.
            _ if reference.split('/').next()?.contains(':') => return None,
            _ => format!("{}{reference}", &self.path.path()[..=self.path.path().rfind('/')?]),
        };
        path::without_dot_segments(path.parse().ok()?).ok()
    }
}

fn take_host(headers: &mut HeaderMap) -> Result<Option<HeaderValue>, BadTarget> {
    if headers.get_all(header::HOST).iter().nth(1).is_some() {
        return Err(BadTarget::RepeatedHost);
    }
    Ok(headers.remove(header::HOST))
}

fn authority_of(host: HeaderValue) -> Result<Authority, BadTarget> {
    Authority::from_maybe_shared(Bytes::copy_from_slice(host.as_bytes())).map_err(|_| BadTarget::InvalidHost)
}

/// Lower case, and no port where it is the scheme's own: `Example.com:80` and `example.com` are one host
/// (RFC 9110 section 4.2.3).
pub fn normal_authority(authority: Authority, scheme: &Scheme) -> Result<Authority, BadTarget> {
    let text = authority.as_str();
    let default_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    if is_normal(text, default_port) {
        return Ok(authority);
    }
    if authority.host().is_empty() || text.contains('@') {
        return Err(BadTarget::InvalidHost);
    }
    // What follows the host is a port, or nothing: `port_u16` takes a colon with no number for nothing.
    if authority.port_u16().is_none() && authority.host() != text {
        return Err(BadTarget::InvalidHost);
    }
    let host = authority.host();
    // A name's last dot only says that it is complete.
    let name = host.strip_suffix('.').filter(|name| !name.is_empty()).unwrap_or(host);
    let kept = match authority.port_u16().filter(|port| *port != default_port) {
        Some(port) => Cow::Owned(format!("{name}:{port}")),
        None => Cow::Borrowed(name),
    };
    if kept.len() == text.len() && !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(authority);
    }
    Authority::from_maybe_shared(Bytes::from(kept.to_ascii_lowercase())).map_err(|_| BadTarget::InvalidHost)
}

/// What most requests say: a plain name, and perhaps a port. The others go the long way.
fn is_normal(text: &str, default_port: u16) -> bool {
    let (name, port) = match text.bytes().position(|byte| byte == b':') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_');
    let other = |port: &str| matches!(port.as_bytes(), [b'1'..=b'9', ..]) && port.parse() != Ok(default_port);
    !name.is_empty()
        && !name.ends_with('.')
        && name.bytes().all(plain)
        && port.is_none_or(|port| port.parse::<u16>().is_ok() && other(port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn head(method: &str, target: &str, hosts: &[&str], version: Version) -> Result<RequestHead, BadTarget> {
        let mut builder = Request::builder().method(method).uri(target).version(version);
        for host in hosts {
            builder = builder.header(header::HOST, *host);
        }
        let (parts, ()) = builder.body(()).expect("a test request").into_parts();
        RequestHead::new(parts, Scheme::HTTP, SocketAddr::from(([127, 0, 0, 1], 8080)))
    }

    #[test]
    fn the_target_forms_of_rfc_9112_section_3_2() {
        let ok = |target: &str, hosts: &[&str], version| {
            let head = head("GET", target, hosts, version).expect(target);
            assert!(!head.headers.contains_key(header::HOST));
            format!("{} {}", head.authority, head.path)
        };
        let v11 = Version::HTTP_11;
        assert_eq!(ok("/a?b", &["Example.COM"], v11), "example.com /a?b");
        assert_eq!(ok("/", &["example.com:80"], v11), "example.com /");
        assert_eq!(ok("/", &["example.com:8080"], v11), "example.com:8080 /");
        assert_eq!(ok("/", &["example.com:0080"], v11), "example.com /");
        assert_eq!(ok("/", &["example.com:443"], v11), "example.com:443 /");
        assert_eq!(ok("/", &["[::1]:8080"], v11), "[::1]:8080 /");
        assert_eq!(ok("/", &["a.example."], v11), "a.example /");
        assert_eq!(ok("/", &["a.example.:81"], v11), "a.example:81 /");
        assert_eq!(ok("http://a.example/x", &["b.example"], v11), "a.example /x");
        assert_eq!(ok("http://a.example", &["b.example"], v11), "a.example /");
        assert_eq!(ok("/", &[], Version::HTTP_10), "127.0.0.1:8080 /");
    }

    #[test]
    fn what_has_no_usable_target_is_refused() {
        let v11 = Version::HTTP_11;
        let cases = [
            ("GET", "/", vec![], BadTarget::MissingHost),
            ("GET", "http://a/", vec![], BadTarget::MissingHost),
            ("GET", "http://a/", vec!["b c"], BadTarget::InvalidHost),
            ("GET", "/", vec!["a", "b"], BadTarget::RepeatedHost),
            ("GET", "/", vec!["a b"], BadTarget::InvalidHost),
            ("GET", "/", vec![""], BadTarget::InvalidHost),
            ("GET", "/", vec!["user@a"], BadTarget::InvalidHost),
            ("GET", "/", vec!["a:"], BadTarget::InvalidHost),
            ("GET", "/", vec!["a:99999"], BadTarget::InvalidHost),
            ("GET", "ftp://a/x", vec!["a"], BadTarget::ForeignScheme),
            ("GET", "/../etc/passwd", vec!["a"], BadTarget::PathEscapesRoot),
            ("OPTIONS", "*", vec!["a"], BadTarget::TargetForm),
            ("CONNECT", "a:443", vec!["a"], BadTarget::TargetForm),
        ];
        for (method, target, hosts, expected) in cases {
            assert_eq!(head(method, target, &hosts, v11).expect_err(target), expected, "{method} {target} {hosts:?}");
        }
    }
}
