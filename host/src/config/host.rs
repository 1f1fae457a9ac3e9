//! Host names as they stand in routes, origins and `Host`: checked and in lower case.
//!
//! The rules are those of RFC 1123 for names, with the underscore that the field uses too; an IPv6 address wears its
//! brackets as in a `Host` field (RFC 3986 section 3.2.2). Names in other scripts are written in their `xn--` form.

use std::fmt::{self, Display, Formatter};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

use super::model::HostPattern;

/// A host without port, in lower case; an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostName(pub(super) String);

/// What `Host` holds: a host name, and a port where it is not the scheme's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostField(pub(super) String);

/// Why a text is not a host; displays as what follows that text.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum HostError {
    #[error("is not a host name; write letters, digits, '-' and '.', without scheme and path")]
    Malformed,
    #[error("has a port; write the name alone, a route holds for every port")]
    Port,
    #[error("is not ASCII; write the name in its xn-- form")]
    NotAscii,
    #[error("has its * in the wrong place; write \"*\", \"*.example.com\" or a whole name")]
    Star,
}

impl FromStr for HostName {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if !text.is_ascii() {
            return Err(HostError::NotAscii);
        }
        if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            return address
                .parse()
                .map(|address: Ipv6Addr| Self(format!("[{address}]")))
                .map_err(|_| HostError::Malformed);
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        // RFC 3986 reads a last label of digits as an IPv4 address, so `1.2.3` and `300.1.1.1` name nothing.
        let numeric = name.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
        let valid =
            name.len() <= 253 && name.split('.').all(is_label) && (!numeric || name.parse::<Ipv4Addr>().is_ok());
        match text.rsplit_once(':') {
            _ if valid => Ok(Self(name)),
            Some((host, port)) if port.parse::<u16>().is_ok() && host.parse::<Self>().is_ok() => Err(HostError::Port),
            _ => Err(HostError::Malformed),
        }
    }
}

fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
}

impl FromStr for HostField {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        match text.parse::<HostName>() {
            Err(HostError::Port) => {
                let (name, port) = text.rsplit_once(':').ok_or(HostError::Malformed)?;
                Ok(Self(format!("{}:{port}", name.parse::<HostName>()?.0)))
            }
            name => name.map(|name| Self(name.0)),
        }
    }
}

impl FromStr for HostPattern {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(suffix) = text.strip_prefix("*.") {
            let HostName(name) =
                suffix.parse().map_err(|error| if suffix.contains('*') { HostError::Star } else { error })?;
            let is_address = name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok();
            return if is_address { Err(HostError::Star) } else { Ok(Self::Suffix(format!(".{name}"))) };
        }
        if text.contains('*') {
            return Err(HostError::Star);
        }
        text.parse().map(|HostName(name)| Self::Exact(name))
    }
}

/// As in the file.
impl Display for HostPattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Suffix(suffix) => write!(f, "*{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn patterns_are_exact_a_suffix_or_any() {
        let exact = |name: &str| Ok(HostPattern::Exact(name.to_owned()));
        for (text, expected) in [
            ("*", Ok(HostPattern::Any)),
            ("*.Example.com", Ok(HostPattern::Suffix(".example.com".to_owned()))),
            ("docs.EXAMPLE.com", exact("docs.example.com")),
            ("example.com.", exact("example.com")),
            ("localhost", exact("localhost")),
            ("a_b.example", exact("a_b.example")),
            ("xn--bcher-kva.example", exact("xn--bcher-kva.example")),
            ("10.0.0.1", exact("10.0.0.1")),
            ("[2001:DB8::1]", exact("[2001:db8::1]")),
            ("docs.example.com:8080", Err(HostError::Port)),
            ("[::1]:80", Err(HostError::Port)),
            ("bücher.example", Err(HostError::NotAscii)),
            ("*example.com", Err(HostError::Star)),
            ("docs.*.com", Err(HostError::Star)),
            ("*.*.com", Err(HostError::Star)),
            ("*.10.0.0.1", Err(HostError::Star)),
            ("http://example.com", Err(HostError::Malformed)),
            ("example.com/", Err(HostError::Malformed)),
            ("-a.example", Err(HostError::Malformed)),
            ("a..b", Err(HostError::Malformed)),
            ("300.1.1.1", Err(HostError::Malformed)),
            ("::1", Err(HostError::Malformed)),
            ("a b", Err(HostError::Malformed)),
            ("", Err(HostError::Malformed)),
        ] {
            let read = text.parse::<HostPattern>();
            assert_eq!(read, expected, "{text}");
            if let Ok(pattern) = read {
                assert_eq!(pattern.to_string().parse(), Ok(pattern), "{text} shown and read again");
            }
        }
    }

    #[test]
    fn names_and_labels_end_at_their_lengths() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        assert_eq!(longest.len(), 253);
        assert_eq!(longest.parse(), Ok(HostName(longest.clone())));
        assert_eq!(format!("{longest}a").parse::<HostName>(), Err(HostError::Malformed));
        assert_eq!(format!("{label}a.example").parse::<HostName>(), Err(HostError::Malformed));
    }

    #[test]
    fn a_host_field_may_have_a_port() {
        assert_eq!("Docs.example:81".parse(), Ok(HostField("docs.example:81".to_owned())));
        assert_eq!("[::1]:81".parse(), Ok(HostField("[::1]:81".to_owned())));
        assert_eq!("docs.example".parse(), Ok(HostField("docs.example".to_owned())));
        assert_eq!("docs.example:65536".parse::<HostField>(), Err(HostError::Malformed));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), near in "[*a.:\\[\\]0-9-]{0,16}") {
            for text in [text, near] {
                let _ = text.parse::<HostPattern>();
                let _ = text.parse::<HostField>();
            }
        }
    }
}
