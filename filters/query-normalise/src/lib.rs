//! The query-normalise filter: gives queries that mean the same one text, for the origin and for the cache key.
//!
//! | key | default | what it does |
//! |---|---|---|
//! | `drop` | none | names to take off; a `*` at the end is for all that begin so, as in `"utm_*"` |
//! | `keep` | all | takes every other name off |
//! | `lower_names` | `false` | puts names in lower case, before all else |
//! | `drop_empty` | `false` | takes parameters without a value off |
//! | `sort` | `true` | by name; values of one name stay in their order |

use forebay_sdk::{Filter, Flow, Query, Request, export};
use serde::Deserialize;

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    drop: Vec<String>,
    keep: Option<Vec<String>>,
    lower_names: bool,
    drop_empty: bool,
    sort: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { drop: Vec::new(), keep: None, lower_names: false, drop_empty: false, sort: true }
    }
}

/// The filter.
#[derive(Debug)]
pub struct QueryNormalise {
    settings: Settings,
}

impl Filter for QueryNormalise {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        let Some(sent) = request.query() else { return Flow::Continue };
        let query = self.normal(&sent);
        if query.is_empty() || query.to_string() != sent {
            request.set_query(&query);
        }
        Flow::Continue
    }
}

impl QueryNormalise {
    fn normal(&self, sent: &str) -> Query {
        let Settings { drop, keep, lower_names, drop_empty, sort } = &self.settings;
        let mut query = Query::parse(sent);
        if *lower_names {
            query.lower_names();
        }
        let listed = |list: &[String], name: &str| list.iter().any(|listed| fits(listed, name));
        query.retain(|name| !listed(drop, name) && keep.as_ref().is_none_or(|keep| listed(keep, name)));
        if *drop_empty {
            query.retain_filled();
        }
        if *sort {
            query.sort();
        }
        query
    }
}

fn fits(listed: &str, name: &str) -> bool {
    match listed.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == listed,
    }
}

export!(QueryNormalise);

#[cfg(test)]
mod tests;
