//! Which route a request takes: the most exact host that has a matching path, and of its paths the longest.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{self, HostPattern};
use crate::filter::Chain;
use crate::origin::Origin;

/// A route with everything it names already found.
pub(super) struct Route {
    pub(super) name: Arc<str>,
    path: String,
    pub(super) origin: Origin,
    pub(super) chain: Chain,
    pub(super) caching: bool,
    pub(super) default_ttl: Option<Duration>,
}

impl Route {
    pub(super) fn new(config: &config::Route, origin: Origin, chain: Chain) -> Self {
        Self {
            name: config.name.as_str().into(),
            path: config.path.clone(),
            origin,
            chain,
            caching: config.cache.enabled,
            default_ttl: config.cache.default_ttl,
        }
    }

    /// A prefix matches up to a segment's end: `/a` matches `/a` and `/a/b`, not `/ab`.
    fn covers(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str())
            .is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'))
    }
}

/// The routes of one host pattern, longest path first.
type Paths = Vec<Arc<Route>>;

/// All routes of a node.
#[derive(Default)]
pub(super) struct Routes {
    exact: HashMap<String, Paths>,
    /// Longest suffix first.
    suffixes: Vec<(String, Paths)>,
    any: Paths,
}

impl Routes {
    pub(super) fn new(routes: impl IntoIterator<Item = (HostPattern, Route)>) -> Self {
        let mut table = Self::default();
        for (host, route) in routes {
            let paths = match host {
                HostPattern::Exact(name) => table.exact.entry(name).or_default(),
                HostPattern::Any => &mut table.any,
                HostPattern::Suffix(suffix) => {
                    let at = table.suffixes.iter().position(|(known, _)| *known == suffix).unwrap_or_else(|| {
                        table.suffixes.push((suffix, Paths::new()));
                        table.suffixes.len() - 1
                    });
                    &mut table.suffixes[at].1
                }
            };
            paths.push(Arc::new(route));
        }
        let all = table.exact.values_mut().chain(table.suffixes.iter_mut().map(|(_, paths)| paths));
        for paths in all.chain(std::iter::once(&mut table.any)) {
            paths.sort_by_key(|route| std::cmp::Reverse(route.path.len()));
        }
        table.suffixes.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
        table
    }

    /// `host` in lower case, without port.
    pub(super) fn find(&self, host: &str, path: &str) -> Option<&Arc<Route>> {
        let covering = |paths: &'_ Paths| paths.iter().position(|route| route.covers(path));
        if let Some(paths) = self.exact.get(host)
            && let Some(at) = covering(paths)
        {
            return paths.get(at);
        }
        for (suffix, paths) in &self.suffixes {
            if host.len() > suffix.len()
                && host.ends_with(suffix.as_str())
                && let Some(at) = covering(paths)
            {
                return paths.get(at);
            }
        }
        covering(&self.any).and_then(|at| self.any.get(at))
    }
}
