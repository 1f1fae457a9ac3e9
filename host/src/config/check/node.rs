//! `[node]`: the node's name and its workers.

use std::thread::available_parallelism;

use crate::config::bound;
use crate::config::field::Field;
use crate::config::model::Node;
use crate::config::section::Section;

const NAME: &str = "forebay";

pub(super) fn check(section: &mut Section<'_>) -> Node {
    Node {
        name: section.field("name").and_then(|field| token(&field)).unwrap_or_else(|| NAME.to_owned()),
        workers: section.field("workers").and_then(|field| workers(&field)).unwrap_or_else(one_per_core),
        drain_timeout: section.duration("drain_timeout", &bound::DRAIN_TIMEOUT),
    }
}

/// The name stands bare in `Via` and `Cache-Status`, so it is a token (RFC 9110 section 5.6.2).
fn token(field: &Field<'_>) -> Option<String> {
    let name = field.text()?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        field.fault(format!("{name:?} is not a token; write letters, digits, '-', '_' and '.', without spaces"));
        return None;
    }
    Some(name)
}

fn workers(field: &Field<'_>) -> Option<usize> {
    let auto = field.value().is_str() && field.text()? == "auto";
    if auto { Some(one_per_core()) } else { field.count(&bound::WORKERS) }
}

/// Within the bound, and one where the system does not say.
fn one_per_core() -> usize {
    available_parallelism().map_or(bound::WORKERS.default, |cores| cores.get().min(bound::WORKERS.most))
}
