//! What an operator gives up of the store: a scope, and how thoroughly.
//!
//! Plain data with the text as it was normalised, so that a purge can be logged, counted and written down. `epochs` makes
//! it hold.

use std::fmt;

/// Which stored responses a purge means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    All,
    /// Every response of a host, in lower case and without port: of all its ports and schemes.
    Host(String),
    /// Every response of one URL, as a key spells it: all variants, and all parts that a key has beyond the URL.
    Url(String),
    /// Every response whose URL, as a key spells it, starts with this.
    Prefix(String),
    /// Every response with this name in `Surrogate-Key`, `Cache-Tag` or `Cache-Groups`.
    Tag(String),
    /// Every response of one origin (scheme and authority) in this group (RFC 9875 section 2.1).
    Group {
        origin: String,
        name: String,
    },
}

impl Scope {
    /// The stable word for logs, metrics and answers.
    pub fn word(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Host(_) => "host",
            Self::Url(_) => "url",
            Self::Prefix(_) => "prefix",
            Self::Tag(_) => "tag",
            Self::Group { .. } => "group",
        }
    }
}

/// The scope without its word: empty for all.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::Host(text) | Self::Url(text) | Self::Prefix(text) | Self::Tag(text) => f.write_str(text),
            Self::Group { origin, name } => write!(f, "{origin} {name}"),
        }
    }
}

/// How thoroughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Never used again.
    Hard,
    /// Stale from this moment: validated before its next use, or used stale where it may be.
    Soft,
}

impl Mode {
    /// The stable word for logs, metrics and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }
}

/// One purge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    pub scope: Scope,
    pub mode: Mode,
}
