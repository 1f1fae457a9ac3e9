//! Why a request may not pass, and how the client is told (RFC 6750 section 3).

use std::str::FromStr;

use forebay_sdk::settings;
use serde::{Deserialize, Deserializer};

/// What is wrong with the token of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    /// Two tokens, or an `Authorization` that is no bearer's.
    Ambiguous,
    Malformed,
    UnknownKey,
    Forged,
    Expired,
    Early,
    Issuer,
    Audience,
    Insufficient,
}

/// `realm` of the settings: the space that a token opens (RFC 9110 section 11.5).
#[derive(Debug)]
pub(crate) struct Realm(String);

impl Refusal {
    pub(crate) const ALL: [Self; 10] = [
        Self::Missing,
        Self::Ambiguous,
        Self::Malformed,
        Self::UnknownKey,
        Self::Forged,
        Self::Expired,
        Self::Early,
        Self::Issuer,
        Self::Audience,
        Self::Insufficient,
    ];

    /// The refusal in answers and metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ambiguous => "ambiguous",
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::Early => "early",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Insufficient => "insufficient",
        }
    }

    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Ambiguous => 400,
            Self::Insufficient => 403,
            _ => 401,
        }
    }

    /// The error code; who sent no token is told none (RFC 6750 section 3.1).
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Missing => None,
            Self::Ambiguous => Some("invalid_request"),
            Self::Insufficient => Some("insufficient_scope"),
            _ => Some("invalid_token"),
        }
    }
}

impl Realm {
    /// The value of `WWW-Authenticate`.
    pub(crate) fn challenge(&self, refusal: Refusal) -> String {
        let Self(realm) = self;
        match refusal.code() {
            Some(code) => {
                format!("Bearer realm=\"{realm}\", error=\"{code}\", error_description=\"{}\"", refusal.word())
            }
            None => format!("Bearer realm=\"{realm}\""),
        }
    }
}

impl Default for Realm {
    fn default() -> Self {
        Self("forebay".to_owned())
    }
}

impl FromStr for Realm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let quotable = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b'"' && byte != b'\\';
        if text.bytes().all(quotable) { Ok(Self(text.to_owned())) } else { Err(format!("{text:?} is no realm")) }
    }
}

impl<'de> Deserialize<'de> for Realm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}
