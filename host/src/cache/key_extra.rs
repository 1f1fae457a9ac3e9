//! What one request's key has beyond its route's rules, because a filter said so.
//!
//! A filter can only tell more apart by header fields and values of its own, and merge queries further; what the route
//! tells apart stays apart.

use http::HeaderName;

use crate::semantics::QueryRules;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyExtra {
    /// Applied after the route's, one after the other.
    pub queries: Vec<QueryRules>,
    /// Request fields whose values are part of the key.
    pub headers: Vec<HeaderName>,
    /// Names and values of the filter's own.
    pub parts: Vec<(String, Vec<u8>)>,
}
