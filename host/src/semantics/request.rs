//! The head of a request as the node works with it: target taken apart, `Host` resolved (RFC 9110 section 7).
//!
//! Made by the exchange from what the wire gave, read and changed by filters, then turned into a cache key and into the
//! request to the origin.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Version};

/// A request's control data and header section. `headers` never holds `Host`: `authority` is the one place for it.
#[derive(Debug, Clone)]
pub struct RequestHead {
    pub method: Method,
    pub scheme: Scheme,
    /// Host and, where it is not the scheme's own, port.
    pub authority: Authority,
    pub path: PathAndQuery,
    pub version: Version,
    pub headers: HeaderMap,
}
