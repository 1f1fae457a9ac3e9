//! Which origins are allowed (RFC 6454: scheme, host and port).

use std::str::FromStr;

use forebay_sdk::settings;
use serde::{Deserialize, Deserializer};

/// One of `origins`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    Any,
    Exactly(String),
    /// What stands before and behind the star, the dot with what is behind.
    Subdomains {
        scheme: String,
        domain: String,
    },
}

impl Allowed {
    /// Whether this origin, as a browser writes it, is allowed. `null` is so only where all are.
    pub(crate) fn has(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(allowed) => allowed == origin,
            Self::Subdomains { scheme, domain } => {
                let label = origin.strip_prefix(scheme.as_str()).and_then(|host| host.strip_suffix(domain.as_str()));
                let of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
                label.is_some_and(|label| !label.is_empty() && label.bytes().all(of_host))
            }
        }
    }
}

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse =
            || format!("\"{text}\" is no origin: write \"https://a.example\", \"https://*.a.example\" or \"*\"");
        if text == "*" {
            return Ok(Self::Any);
        }
        let (scheme, host) = text.split_once("://").ok_or_else(refuse)?;
        let plain = |text: &str| {
            let of_origin = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:+[]_".contains(&byte);
            !text.is_empty() && text.bytes().all(of_origin)
        };
        match host.strip_prefix('*') {
            _ if !plain(scheme) => Err(refuse()),
            None if plain(host) => Ok(Self::Exactly(text.to_owned())),
            Some(domain) if domain.starts_with('.') && plain(&domain[1..]) => {
                Ok(Self::Subdomains { scheme: format!("{scheme}://"), domain: domain.to_owned() })
            }
            _ => Err(refuse()),
        }
    }
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}
