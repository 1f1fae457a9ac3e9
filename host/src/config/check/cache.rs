//! `[cache]`: the size of the memory tier and of what may enter it.

use crate::config::bound;
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
    }
}
