//! A checked configuration in a few lines, for an operator who wants to see that it says what was meant.
//!
//! Printed by `forebay check` where there is no fault. It leaves out what is by default, and the admin token.

use std::fmt::{self, Display, Formatter};

use http::HeaderName;

use super::bound;
use super::filter::Side;
use super::model::{Coding, Config, QueryParameters, Route, RouteKey};
use super::size::ByteSize;
use super::timespan::TimeSpan;

/// Displays one line per listener, origin, filter and route.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'c>(&'c Config);

impl Config {
    pub fn summary(&self) -> Summary<'_> {
        Summary(self)
    }
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(config) = self;
        let workers = config.node.workers;
        writeln!(f, "node      {}, {workers} worker{}", config.node.name, if workers == 1 { "" } else { "s" })?;
        for listener in &config.listeners {
            let named = listener.name != listener.address.to_string();
            let name = if named { format!(" as {}", listener.name) } else { String::new() };
            write!(f, "listener  {}{name}", listener.address)?;
            if !listener.purge_from.is_empty() {
                write!(f, ", purged from {}", listed(listener.purge_from.iter()))?;
            }
            writeln!(f)?;
        }
        let open = if config.admin.token.is_some() { "with a token" } else { "without a token" };
        writeln!(f, "admin     {}, {open}", config.admin.address)?;
        let (memory, object) = (ByteSize(config.cache.memory_bytes), ByteSize(config.cache.object_bytes_max));
        writeln!(f, "cache     {memory} of memory, objects up to {object}")?;
        if let Some(disk) = &config.cache.disk {
            let (size, object) = (ByteSize(disk.bytes_max), ByteSize(disk.object_bytes_max));
            writeln!(f, "disk      {size} in {}, objects up to {object}", disk.path.display())?;
        }
        let targeted = &config.cache.targeted_fields;
        if *targeted != bound::TARGETED_FIELDS {
            let fields = listed(targeted.iter().map(HeaderName::as_str).chain(["cache-control"]));
            writeln!(f, "terms     by {fields}")?;
        }
        for origin in &config.origins {
            writeln!(f, "origin    {} at {}", origin.name, listed(origin.servers.iter()))?;
        }
        for site in &config.statics {
            writeln!(f, "static    {} in {}", site.name, site.root.display())?;
        }
        for filter in &config.filters {
            writeln!(f, "filter    {} from {}", filter.name, filter.module.display())?;
        }
        config.routes.iter().try_for_each(|route| write_route(f, route))
    }
}

fn write_route(f: &mut Formatter<'_>, route: &Route) -> fmt::Result {
    write!(f, "route     {}{} -> {}", route.host, route.path, route.origin)?;
    for (side, through) in [(Side::Client, " through"), (Side::Origin, ", fetched through")] {
        let mut names = route.filters.iter().filter(|filter| filter.at == side).map(|filter| &filter.name).peekable();
        if names.peek().is_some() {
            write!(f, "{through} {}", listed(names))?;
        }
    }
    match (route.cache.enabled, route.cache.default_ttl) {
        (false, _) => write!(f, ", not cached")?,
        (true, Some(ttl)) => write!(f, ", cached for {} by default", TimeSpan(ttl))?,
        (true, None) => write!(f, ", cached where the origin says so")?,
    }
    if route.cache.enabled && route.cache.key != RouteKey::default() {
        write!(f, "{}", KeyRules(&route.cache.key))?;
    }
    if !route.compression.codings.is_empty() {
        write!(f, ", compressed in {}", listed(route.compression.codings.iter().copied().map(coding)))?;
    }
    writeln!(f)
}

/// How a route's key differs from the URL.
struct KeyRules<'c>(&'c RouteKey);

impl Display for KeyRules<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let RouteKey { sort_query, query, headers, cookies } = self.0;
        match query {
            QueryParameters::All => {}
            QueryParameters::Only(kept) if kept.is_empty() => write!(f, ", keyed without the query")?,
            QueryParameters::Only(kept) => write!(f, ", keyed by the parameters {}", listed(kept.iter()))?,
            QueryParameters::AllBut(dropped) => {
                write!(f, ", keyed without the parameters {}", listed(dropped.iter()))?;
            }
        }
        if *sort_query {
            write!(f, ", keyed by the sorted query")?;
        }
        if !headers.is_empty() {
            write!(f, ", keyed by the fields {}", listed(headers.iter().map(HeaderName::as_str)))?;
        }
        if !cookies.is_empty() {
            write!(f, ", keyed by the cookies {}", listed(cookies.iter()))?;
        }
        Ok(())
    }
}

fn coding(coding: Coding) -> &'static str {
    match coding {
        Coding::Br => "br",
        Coding::Zstd => "zstd",
        Coding::Gzip => "gzip",
    }
}

fn listed(items: impl Iterator<Item = impl ToString>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
