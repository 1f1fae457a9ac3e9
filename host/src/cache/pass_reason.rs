//! Why a request is not answered from the cache, nor by a fetch that others may join.
//!
//! The exchange finds the reasons that lie in the request and its route, the cache those that lie in what it knows.

use crate::semantics::Forwarded;

/// Why a request goes by the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassReason {
    /// The route does not cache.
    Disabled,
    /// Only GET and HEAD are answered from the cache.
    Method,
    /// The request has a body, which is not part of the key.
    RequestBody,
    /// The request forbids storing (`no-store`).
    NoStore,
    /// A filter says so.
    Filter,
    /// A condition that only the origin can decide (`If-Match`, `If-Unmodified-Since`).
    Precondition,
    /// HEAD without a stored GET.
    Head,
    /// The last answer for this key could not be stored.
    Uncacheable,
    /// As many fetches are under way as there may be.
    Busy,
    /// What another request fetched was selected by other header values.
    Vary,
    /// The fetch that the request waited for brought an error, which takes no response's place.
    Error,
}

impl PassReason {
    /// The stable word for logs and `Cache-Status` details.
    pub fn word(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Method => "method",
            Self::RequestBody => "request_body",
            Self::NoStore => "no_store",
            Self::Filter => "filter",
            Self::Precondition => "precondition",
            Self::Head => "head",
            Self::Uncacheable => "uncacheable",
            Self::Busy => "busy",
            Self::Vary => "vary",
            Self::Error => "error",
        }
    }

    /// How `Cache-Status` says it.
    pub fn forwarded(self) -> Forwarded {
        match self {
            Self::Disabled | Self::Filter => Forwarded::Bypass,
            Self::Method => Forwarded::Method,
            Self::RequestBody | Self::NoStore | Self::Precondition => Forwarded::Request,
            Self::Head | Self::Uncacheable | Self::Busy => Forwarded::UriMiss,
            Self::Vary => Forwarded::VaryMiss,
            Self::Error => Forwarded::Stale,
        }
    }
}
