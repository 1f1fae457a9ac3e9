//! The elements of a route's `filters`: a filter's name, or a table with what this route wants of it.

use toml::de::DeValue;

use super::filter::AT;
use super::{condition, settings};
use crate::config::field::Field;
use crate::config::filter::RouteFilter;
use crate::config::section::Section;

const ELEMENT: &str = "a filter's name, or { name = \"FILTER\", settings = { ... } }";

/// `known` are the filters there are, each as the element that only names it. A filter may stand on both sides of the cache,
/// on each once.
pub(super) fn check_all(field: &Field<'_>, known: &[RouteFilter]) -> Vec<RouteFilter> {
    let mut chain: Vec<RouteFilter> = Vec::new();
    for element in field.elements().unwrap_or_default() {
        let Some(filter) = check(&element, known) else { continue };
        if chain.iter().any(|other| (&other.name, other.at) == (&filter.name, filter.at)) {
            let name = &filter.name;
            element.fault(format!("{name:?} is in this chain already; leave one out, or define a second filter"));
        }
        chain.push(filter);
    }
    chain
}

fn check(element: &Field<'_>, known: &[RouteFilter]) -> Option<RouteFilter> {
    if let DeValue::String(_) = element.value() {
        let name = name(element, known)?;
        return known.iter().find(|own| own.name == name).cloned();
    }
    Section::inline(element, ELEMENT, |section| {
        let name = section.required("name", "name = \"FILTER\"").and_then(|field| name(&field, known));
        let settings = section.field("settings").and_then(|field| settings::text(&field));
        let at = section.field("at").and_then(|field| field.choice(&AT));
        let mut condition = condition::check(section);
        let own = known.iter().find(|own| Some(&own.name) == name.as_ref())?;
        if condition.paths.is_empty() {
            condition.paths.clone_from(&own.condition.paths);
        }
        if condition.methods.is_empty() {
            condition.methods.clone_from(&own.condition.methods);
        }
        Some(RouteFilter { name: name?, settings, at: at.unwrap_or(own.at), condition })
    })?
}

fn name(field: &Field<'_>, known: &[RouteFilter]) -> Option<String> {
    let names: Vec<String> = known.iter().map(|own| own.name.clone()).collect();
    field.reference("a filter", &names)
}
