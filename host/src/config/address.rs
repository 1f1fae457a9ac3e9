//! The address of a listener: an IP address and a port, nothing to look up.
//!
//! A name would need a resolver at start and could mean several addresses, so it is refused with the address to write.

use std::net::SocketAddr;
use std::str::FromStr;

use thiserror::Error;

/// An address to listen on; port 0 is any free port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListenAddress(pub(super) SocketAddr);

#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum AddressError {
    #[error("is not an address; write ADDRESS:PORT, as in \"127.0.0.1:8080\" or \"[::1]:8080\"")]
    Malformed,
    #[error("has no address; write \"0.0.0.0:{0}\" for every interface, or \"127.0.0.1:{0}\"")]
    OnlyPort(u16),
    #[error("has no port; write ADDRESS:PORT, as in \"127.0.0.1:8080\"")]
    NoPort,
    #[error("is a name, not an address; write \"127.0.0.1:{0}\" or \"[::1]:{0}\"")]
    Localhost(u16),
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let port = |text: &str| text.parse::<u16>().ok();
        if let Some(port) = port(text.strip_prefix(':').or(text.strip_prefix("*:")).unwrap_or(text)) {
            return Err(AddressError::OnlyPort(port));
        }
        if let Some(port) = text.strip_prefix("localhost:").and_then(port) {
            return Err(AddressError::Localhost(port));
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        Err(if bare.parse::<std::net::IpAddr>().is_ok() { AddressError::NoPort } else { AddressError::Malformed })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn addresses_are_read_and_near_misses_explained() {
        for (text, expected) in [
            ("127.0.0.1:8080", Ok("127.0.0.1:8080")),
            ("[::1]:0", Ok("[::1]:0")),
            ("0.0.0.0:65535", Ok("0.0.0.0:65535")),
            ("0.0.0.0:65536", Err(AddressError::Malformed)),
            ("8080", Err(AddressError::OnlyPort(8080))),
            (":8080", Err(AddressError::OnlyPort(8080))),
            ("*:80", Err(AddressError::OnlyPort(80))),
            ("localhost:80", Err(AddressError::Localhost(80))),
            ("127.0.0.1", Err(AddressError::NoPort)),
            ("[::1]", Err(AddressError::NoPort)),
            ("http://127.0.0.1:80", Err(AddressError::Malformed)),
            ("", Err(AddressError::Malformed)),
        ] {
            let expected = expected.map(|address| ListenAddress(address.parse().unwrap()));
            assert_eq!(text.parse(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = text.parse::<ListenAddress>();
        }
    }
}
