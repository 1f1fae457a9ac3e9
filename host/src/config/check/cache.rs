//! `[cache]`: the size of the memory tier and of what may enter it.

use http::HeaderName;

use super::disk;
use crate::config::bound;
use crate::config::field::Field;
use crate::config::model::Cache;
use crate::config::section::Section;
use crate::config::size::ByteSize;

pub(super) fn check(section: &mut Section<'_>) -> Cache {
    let memory_bytes = section.size("memory", &bound::CACHE_MEMORY);
    let object_bytes_max = match section.field("object_max").map(|field| (field.size(&bound::OBJECT_MAX), field)) {
        Some((Some(bytes), field)) => {
            if bytes > memory_bytes {
                let memory = ByteSize(memory_bytes).to_string();
                field.fault(format!("\"{}\" is larger than cache.memory; write {memory:?} or less", ByteSize(bytes)));
            }
            bytes
        }
        _ => bound::OBJECT_MAX.default.min(memory_bytes),
    };
    Cache {
        memory_bytes,
        object_bytes_max,
        fills_max: section.count("fills_max", &bound::FILLS_MAX),
        uncacheable_ttl: section.duration("uncacheable_ttl", &bound::UNCACHEABLE_TTL),
        purge_records_max: section.count("purge_records_max", &bound::PURGE_RECORDS_MAX),
        targeted_fields: targeted_fields(section),
        retry_backoff_max: section.duration("retry_backoff_max", &bound::RETRY_BACKOFF_MAX),
        disk: section.optional("disk", disk::check).flatten(),
    }
}

fn targeted_fields(section: &mut Section<'_>) -> Vec<HeaderName> {
    let elements = section.field("targeted_fields").and_then(|field| field.elements());
    let Some(elements) = elements else { return bound::TARGETED_FIELDS.into() };
    let mut fields = Vec::new();
    for element in elements {
        let Some(name) = targeted_field(&element) else { continue };
        if fields.contains(&name) {
            element.fault(format!("\"{name}\" is in the list already; leave one out"));
        }
        fields.push(name);
    }
    fields
}

/// The two syntaxes are told apart by name, so a name that follows neither cannot be read.
fn targeted_field(element: &Field<'_>) -> Option<HeaderName> {
    let text = element.text()?;
    let name = text.parse::<HeaderName>().ok();
    let wrong = match name.as_ref().map(HeaderName::as_str) {
        None => "is not a field name; write one as in \"CDN-Cache-Control\"",
        Some("cache-control") => "counts in any case, after all of these; leave it out",
        Some(name) if name == "surrogate-control" || name.ends_with("-cache-control") => return name.parse().ok(),
        Some(_) => "is not a targeted field; write a name that ends in \"-Cache-Control\", or \"Surrogate-Control\"",
    };
    element.fault(format!("{text:?} {wrong}"));
    None
}
