//! `[[route]]`: which requests go where, and through what.

use super::cache_key;
use super::compression;
use super::unique::Unique;
use crate::config::bound;
use crate::config::field::Field;
use crate::config::model::{HostPattern, Route, RouteCache};
use crate::config::section::{NAME_RULE, Section, is_name};

/// What a route may refer to.
pub(super) struct Names {
    /// Origins and static sites.
    pub(super) origins: Vec<String>,
    pub(super) filters: Vec<String>,
}

/// All routes, at least one.
pub(super) fn check_all(root: &mut Section<'_>, names: &Names) -> Vec<Route> {
    let (mut labels, mut places) = (Unique::default(), Unique::default());
    let routes = root.sections("route", |section| check(section, names, &mut labels, &mut places));
    if routes.is_empty() {
        root.missing("route", "[[route]] with origin = \"NAME\"");
    }
    routes
}

fn check(section: &mut Section<'_>, names: &Names, labels: &mut Unique, places: &mut Unique) -> Route {
    let host_field = section.field("host");
    let host = host_field.as_ref().map_or(Some(HostPattern::Any), Field::parse);
    let path_field = section.field("path");
    let path = path_field.as_ref().map_or_else(|| Some("/".to_owned()), prefix);
    let origin = section.required("origin", "origin = \"NAME\"");
    if let (Some(host), Some(path)) = (&host, &path)
        && let Err(first) = places.claim(format!("{host}{path}"), section.path())
    {
        section.fault_here(format!("has the host and path of {first}; change one of them, or join the two"));
    }
    let (host, path) = (host.unwrap_or(HostPattern::Any), path.unwrap_or_default());
    Route {
        name: label(section, labels).unwrap_or_else(|| format!("{host}{path}")),
        host,
        path,
        origin: origin.and_then(|field| field.reference("an origin", &names.origins)).unwrap_or_default(),
        filters: section.field("filters").map(|field| chain(&field, &names.filters)).unwrap_or_default(),
        cache: section.section("cache", cache),
        compression: section.section("compression", compression::check_route),
    }
}

fn label(section: &mut Section<'_>, labels: &mut Unique) -> Option<String> {
    let field = section.field("name")?;
    let name = field.text()?;
    if !is_name(&name) {
        field.fault(format!("{name:?} is not a name; {NAME_RULE}"));
    } else if let Err(first) = labels.claim(&name, field.path()) {
        field.fault(format!("{name:?} is already {first}; write another name, metrics tell routes apart by it"));
    }
    Some(name)
}

/// A prefix is compared with normalised paths, so what those never contain would never match.
fn prefix(field: &Field<'_>) -> Option<String> {
    let path = field.text()?;
    let wrong = if !path.starts_with('/') {
        "does not start with a slash; write a path as in \"/docs\""
    } else if path.contains(['?', '#']) {
        "has a query or a fragment; write the path alone"
    } else if path.contains('%') {
        "has an escape; write the path as it reads, without %"
    } else if path.contains('*') {
        "has a *; write the prefix alone, everything below it matches"
    } else if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        "has a space or a character that is not ASCII; write a prefix that ends before it"
    } else if path.contains("//") || path.split('/').any(|segment| segment == "." || segment == "..") {
        "has an empty, '.' or '..' segment, which no request path keeps; leave it out"
    } else {
        return Some(path);
    };
    field.fault(format!("{path:?} {wrong}"));
    None
}

fn chain(field: &Field<'_>, known: &[String]) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    for element in field.elements().unwrap_or_default() {
        let Some(name) = element.reference("a filter", known) else { continue };
        if chain.contains(&name) {
            element.fault(format!("{name:?} is in this chain already; leave one out, or define a second filter"));
        }
        chain.push(name);
    }
    chain
}

fn cache(section: &mut Section<'_>) -> RouteCache {
    RouteCache {
        enabled: section.field("enabled").and_then(|field| field.boolean()).unwrap_or(true),
        default_ttl: section.field("default_ttl").and_then(|field| field.duration(&bound::DEFAULT_TTL)),
        key: section.section("key", cache_key::check),
    }
}
