//! What shapes the keys of a route: which parts of a request tell stored responses apart, beside its URL.
//!
//! A plain value, so that whoever knows better for one request can hand another one in. It shapes the key alone: the origin
//! gets what the client asked for.

use http::HeaderName;

use super::key_extra::KeyExtra;
use crate::config;
use crate::semantics::{Kept, Order, QueryRules};

/// The rules of a route. By default the whole URL counts, and nothing else does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRules {
    pub query: QueryRules,
    /// Request fields whose values are part of the key.
    pub headers: Vec<HeaderName>,
    /// Cookies whose values are.
    pub cookies: Vec<String>,
}

/// The shape of one request's key.
#[derive(Debug, Clone, Copy)]
pub struct KeyShape<'a> {
    pub rules: &'a KeyRules,
    /// Given where a filter chose the origin, so that both answers of one URL have their place.
    pub origin: Option<&'a str>,
    /// What filters want beyond the rules.
    pub extra: Option<&'a KeyExtra>,
}

impl KeyRules {
    pub fn new(config: &config::RouteKey) -> Self {
        let kept = match &config.query {
            config::QueryParameters::All => Kept::All,
            config::QueryParameters::Only(patterns) => Kept::Only(patterns.clone()),
            config::QueryParameters::AllBut(patterns) => Kept::AllBut(patterns.clone()),
        };
        let order = if config.sort_query { Order::ByName } else { Order::AsWritten };
        Self { query: QueryRules { kept, order }, headers: config.headers.clone(), cookies: config.cookies.clone() }
    }
}

#[cfg(test)]
mod tests;
