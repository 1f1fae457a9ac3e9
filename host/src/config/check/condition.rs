//! `path`, `paths` and `methods` of a filter or of a route's element: which requests the filter is entered for.

use http::Method;

use super::prefix;
use crate::config::field::Field;
use crate::config::filter::FilterCondition;
use crate::config::section::Section;

pub(super) fn check(section: &mut Section<'_>) -> FilterCondition {
    let one = section.field("path").as_ref().and_then(prefix::check);
    let many = section.field("paths").map(|field| list(&field, prefix::check)).unwrap_or_default();
    let methods = section.field("methods").map(|field| list(&field, method)).unwrap_or_default();
    FilterCondition { paths: one.into_iter().chain(many).collect(), methods }
}

fn list<T>(field: &Field<'_>, read: impl Fn(&Field<'_>) -> Option<T>) -> Vec<T> {
    let Some(elements) = field.elements() else { return Vec::new() };
    if elements.is_empty() {
        field.fault("is empty; leave it out, and every request is meant");
    }
    elements.iter().filter_map(read).collect()
}

/// Methods are told apart by case (RFC 9110 section 9.1), and all that are in use are in capitals.
fn method(field: &Field<'_>) -> Option<Method> {
    let text = field.text()?;
    match text.parse() {
        Ok(method) if !text.bytes().any(|byte| byte.is_ascii_lowercase()) => Some(method),
        _ => {
            field.fault(format!("{text:?} is not a method; write one in capitals, as in \"GET\""));
            None
        }
    }
}
