//! A path prefix, of a route or of a filter's condition.

use crate::config::field::Field;

/// A prefix is compared with normalised paths, so what those never contain would never match.
pub(super) fn check(field: &Field<'_>) -> Option<String> {
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
