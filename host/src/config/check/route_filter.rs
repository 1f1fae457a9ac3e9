//! The elements of a route's `filters`: a filter's name, or a table with what this route wants of it.

use toml::de::DeValue;

use super::{condition, settings};
use crate::config::field::Field;
use crate::config::filter::{FilterCondition, RouteFilter};
use crate::config::section::Section;

const ELEMENT: &str = "a filter's name, or { name = \"FILTER\", settings = { ... } }";

/// `known` are the filters there are, with the conditions that hold where an element has none.
pub(super) fn check_all(field: &Field<'_>, known: &[(String, FilterCondition)]) -> Vec<RouteFilter> {
    let mut chain: Vec<RouteFilter> = Vec::new();
    for element in field.elements().unwrap_or_default() {
        let Some(filter) = check(&element, known) else { continue };
        if chain.iter().any(|other| other.name == filter.name) {
            let name = &filter.name;
            element.fault(format!("{name:?} is in this chain already; leave one out, or define a second filter"));
        }
        chain.push(filter);
    }
    chain
}

fn check(element: &Field<'_>, known: &[(String, FilterCondition)]) -> Option<RouteFilter> {
    let mut filter = match element.value() {
        DeValue::String(_) => {
            RouteFilter { name: name(element, known)?, settings: None, condition: FilterCondition::default() }
        }
        _ => Section::inline(element, ELEMENT, |section| {
            let name = section.required("name", "name = \"FILTER\"").and_then(|field| name(&field, known));
            let settings = section.field("settings").and_then(|field| settings::text(&field));
            let condition = condition::check(section);
            Some(RouteFilter { name: name?, settings, condition })
        })??,
    };
    let (_, own) = known.iter().find(|(name, _)| *name == filter.name)?;
    if filter.condition.paths.is_empty() {
        filter.condition.paths.clone_from(&own.paths);
    }
    if filter.condition.methods.is_empty() {
        filter.condition.methods.clone_from(&own.methods);
    }
    Some(filter)
}

fn name(field: &Field<'_>, known: &[(String, FilterCondition)]) -> Option<String> {
    let names: Vec<String> = known.iter().map(|(name, _)| name.clone()).collect();
    field.reference("a filter", &names)
}
