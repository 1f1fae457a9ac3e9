//! The URL of an origin's server: `http://HOST[:PORT]` and nothing more.
//!
//! A path, a user or a query in it would be dropped on the way upstream, so each is refused by name. The same reader
//! serves `[origins.NAME] servers` and the `--origin` option.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use thiserror::Error;

use super::host::{HostError, HostName};
use super::model::Server;

const HTTP_PORT: u16 = 80;

/// Why a text is not the URL of a server; displays as what follows that text.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ServerError {
    #[error("is not an http URL; write http://HOST[:PORT]")]
    NotHttp,
    #[error("asks for TLS, and TLS to origins is not available in this version; write http://HOST[:PORT]")]
    Tls,
    #[error("has a user name; write http://HOST[:PORT], and set Authorization with a filter if the origin asks for it")]
    User,
    #[error("has a path; write http://HOST[:PORT], the path comes from each request")]
    Path,
    #[error("has a bad port; write one from 1 to 65535")]
    Port,
    #[error("has a bad host: {0:?} {1}")]
    Host(String, HostError),
}

impl FromStr for Server {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => return Err(ServerError::Tls),
            _ => return Err(ServerError::NotHttp),
        };
        // What a browser's address bar gives ends in one slash; it means no path.
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(ServerError::Path);
        }
        if authority.contains('@') {
            return Err(ServerError::User);
        }
        let (host, port) = split_port(authority)?;
        let HostName(host) = host.parse().map_err(|error| ServerError::Host(host.to_owned(), error))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port })
    }
}

/// A colon inside brackets belongs to an IPv6 address.
fn split_port(authority: &str) -> Result<(&str, u16), ServerError> {
    let colon = authority.rfind(':').filter(|colon| authority.rfind(']').is_none_or(|bracket| bracket < *colon));
    let Some(colon) = colon else { return Ok((authority, HTTP_PORT)) };
    let digits = &authority[colon + 1..];
    let port = if digits.starts_with('+') { None } else { digits.parse().ok().filter(|port| *port != 0) };
    Ok((&authority[..colon], port.ok_or(ServerError::Port)?))
}

/// `HOST:PORT`, an IPv6 address in brackets.
impl Display for Server {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn server(host: &str, port: u16) -> Result<Server, ServerError> {
        Ok(Server { host: host.to_owned(), port })
    }

    #[test]
    fn a_server_is_a_host_and_a_port() {
        for (text, expected) in [
            ("http://127.0.0.1:7011", server("127.0.0.1", 7011)),
            ("http://Origin.example", server("origin.example", 80)),
            ("HTTP://origin.example/", server("origin.example", 80)),
            ("http://[2001:db8::1]:81", server("2001:db8::1", 81)),
            ("http://[::1]", server("::1", 80)),
            ("http://a:65535", server("a", 65535)),
            ("http://a:65536", Err(ServerError::Port)),
            ("http://a:0", Err(ServerError::Port)),
            ("http://a:+1", Err(ServerError::Port)),
            ("http://a:", Err(ServerError::Port)),
            ("https://a", Err(ServerError::Tls)),
            ("htp://x", Err(ServerError::NotHttp)),
            ("127.0.0.1:80", Err(ServerError::NotHttp)),
            ("", Err(ServerError::NotHttp)),
            ("http://u:p@a", Err(ServerError::User)),
            ("http://a/b", Err(ServerError::Path)),
            ("http://a?b", Err(ServerError::Path)),
            ("http://a//", Err(ServerError::Path)),
            ("http://", Err(ServerError::Host(String::new(), HostError::Malformed))),
            ("http://a b", Err(ServerError::Host("a b".to_owned(), HostError::Malformed))),
        ] {
            let read = text.parse::<Server>();
            assert_eq!(read, expected, "{text}");
            if let Ok(server) = read {
                assert_eq!(format!("http://{server}").parse(), Ok(server), "{text} shown and read again");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), near in "[a:\\]\\[@/?#0-9]{0,12}") {
            let _ = text.parse::<Server>();
            let _ = format!("http://{near}").parse::<Server>();
        }
    }
}
