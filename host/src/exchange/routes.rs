//! Which route a request takes: the most exact host that has a matching path, and of its paths the longest.

use std::collections::HashMap;
use std::sync::Arc;

use super::offer::Offer;
use crate::cache::KeyRules;
use crate::config::{self, HostPattern, Side};
use crate::filter::{Chain, Filters, LoadError};
use crate::origin::{Origin, Origins};
use crate::semantics::{Policy, Trouble, covers};

/// A route with everything it names already found.
pub(super) struct Route {
    pub(super) name: Arc<str>,
    path: String,
    pub(super) origin: Origin,
    /// Filters around exchanges with clients.
    pub(super) chain: Chain,
    /// Filters around fetches from the origin.
    pub(super) origin_chain: Chain,
    pub(super) caching: bool,
    pub(super) policy: Policy,
    /// Do clients have a say in what is answered from the store?
    pub(super) honour_request: bool,
    pub(super) key_rules: KeyRules,
    /// `None` where the route compresses nothing.
    pub(super) offer: Option<Offer>,
}

impl Route {
    fn new(config: &config::Route, origin: Origin, [chain, origin_chain]: [Chain; 2]) -> Self {
        Self {
            name: config.name.as_str().into(),
            path: config.path.clone(),
            origin,
            chain,
            origin_chain,
            caching: config.cache.enabled,
            policy: policy(&config.cache),
            honour_request: config.cache.honour_request,
            key_rules: KeyRules::new(&config.cache.key),
            offer: Offer::of(&config.compression),
        }
    }

    fn covers(&self, path: &str) -> bool {
        covers(&self.path, path)
    }
}

/// A route, and the hosts it is for.
#[derive(Clone)]
pub(super) struct Placed {
    host: HostPattern,
    pub(super) route: Arc<Route>,
}

/// Why a route cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error(transparent)]
    Filter(#[from] LoadError),
    #[error("route {route}: the origin {origin:?} is not configured")]
    Origin { route: String, origin: String },
}

impl Placed {
    /// Finds what the route names.
    pub(super) fn new(config: &config::Route, origins: &Origins, filters: &Filters) -> Result<Self, PlaceError> {
        let unknown = || PlaceError::Origin { route: config.name.clone(), origin: config.origin.clone() };
        let origin = origins.get(&config.origin).cloned().ok_or_else(unknown)?;
        let chain = |side| filters.chain(config.filters.iter().filter(move |filter| filter.at == side));
        let chains = [chain(Side::Client)?, chain(Side::Origin)?];
        let route = Arc::new(Route::new(config, origin, chains));
        Ok(Self { host: config.host.clone(), route })
    }
}

fn policy(config: &config::RouteCache) -> Policy {
    let trouble = |kind: &config::StaleOn| match kind {
        config::StaleOn::Connect => Trouble::Connect,
        config::StaleOn::Timeout => Trouble::Timeout,
        config::StaleOn::ServerError => Trouble::ServerError,
    };
    Policy {
        default_ttl: config.default_ttl,
        status_ttl: config.status_ttl.clone(),
        while_revalidate: config.stale_while_revalidate,
        if_error: config.stale_if_error,
        stale_on: config.stale_on.iter().map(trouble).collect(),
        store_set_cookie: config.store_set_cookie,
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
    pub(super) fn new(placed: &[Placed]) -> Self {
        let mut table = Self::default();
        for Placed { host, route } in placed {
            let paths = match host {
                HostPattern::Exact(name) => table.exact.entry(name.clone()).or_default(),
                HostPattern::Any => &mut table.any,
                HostPattern::Suffix(suffix) => {
                    let at = table.suffixes.iter().position(|(known, _)| known == suffix).unwrap_or_else(|| {
                        table.suffixes.push((suffix.clone(), Paths::new()));
                        table.suffixes.len() - 1
                    });
                    &mut table.suffixes[at].1
                }
            };
            paths.push(route.clone());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::filter::{Environment, Wanted};
    use prometheus::Registry;
    use std::path::Path;

    /// Routes of one static origin, named by their place in the list.
    fn table(patterns: &[(&str, &str)]) -> Routes {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut text = format!("[static.s]\nroot = {:?}\n", folder.path());
        for (host, path) in patterns {
            text += &format!("[[route]]\nhost = \"{host}\"\npath = \"{path}\"\norigin = \"s\"\n");
        }
        let config = config::parse(&text, Path::new("test.toml"), &|_| None).expect("a right configuration");
        let registry = Registry::new();
        let environment = Environment::new(&registry, Clock::system(), 1, "n").expect("an environment");
        let filters = Filters::load(&Wanted::of(&config), &environment).expect("no filters");
        let origins = Origins::new(&config, &registry).expect("origins");
        let placed = config.routes.iter().map(|route| Placed::new(route, &origins, &filters).expect("the site"));
        Routes::new(&placed.collect::<Vec<_>>())
    }

    #[test]
    fn the_most_exact_host_with_a_matching_path_wins() {
        let routes = table(&[
            ("*", "/"),
            ("*", "/any"),
            ("*.example.com", "/"),
            ("*.b.example.com", "/deep"),
            ("a.example.com", "/docs"),
            ("a.example.com", "/docs/new"),
            ("a.example.com", "/slash/"),
        ]);
        let cases = [
            ("a.example.com", "/docs", "a.example.com/docs"),
            ("a.example.com", "/docs/x", "a.example.com/docs"),
            ("a.example.com", "/docs/new/x", "a.example.com/docs/new"),
            ("a.example.com", "/docsnew", "*.example.com/"),
            ("a.example.com", "/slash/x", "a.example.com/slash/"),
            ("a.example.com", "/slash", "*.example.com/"),
            ("x.b.example.com", "/deep", "*.b.example.com/deep"),
            ("x.b.example.com", "/", "*.example.com/"),
            ("example.com", "/", "*/"),
            ("other.org", "/any/x", "*/any"),
        ];
        for (host, path, expected) in cases {
            assert_eq!(&*routes.find(host, path).expect("a route").name, expected, "{host}{path}");
        }
        assert!(table(&[("a.example.com", "/")]).find("b.example.com", "/").is_none());
    }
}
