//! `[[route]]`: which requests go where, and through what.

use super::unique::Unique;
use super::{compression, prefix, route_cache, route_filter};
use crate::config::field::Field;
use crate::config::filter::RouteFilter;
use crate::config::model::{HostPattern, Route};
use crate::config::section::{NAME_RULE, Section, is_name};

/// What a route may refer to.
pub(super) struct Names {
    /// Origins and static sites.
    pub(super) origins: Vec<String>,
    /// Filters, each as the element that only names it.
    pub(super) filters: Vec<RouteFilter>,
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
    let path = path_field.as_ref().map_or_else(|| Some("/".to_owned()), prefix::check);
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
        filters: section
            .field("filters")
            .map(|field| route_filter::check_all(&field, &names.filters))
            .unwrap_or_default(),
        cache: section.section("cache", route_cache::check),
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
