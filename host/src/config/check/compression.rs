//! `[compression]` and `[route.compression]`: which responses the node compresses, how hard, and how much of it at once.

use crate::config::bound;
use crate::config::field::Field;
use crate::config::media_range::MediaRange;
use crate::config::model::{Coding, Compression, RouteCompression};
use crate::config::section::Section;

const CODINGS: [(&str, Coding); 3] = [("br", Coding::Br), ("zstd", Coding::Zstd), ("gzip", Coding::Gzip)];

/// What nginx's users list by hand: types that are text underneath, and the formats that nobody has compressed yet.
const TYPES: [&str; 14] = [
    "text/*",
    "+json",
    "+xml",
    "application/json",
    "application/javascript",
    "application/x-javascript",
    "application/xml",
    "application/wasm",
    "application/x-ndjson",
    "application/yaml",
    "application/vnd.ms-fontobject",
    "font/otf",
    "font/ttf",
    "image/bmp",
];

pub(super) fn check(section: &mut Section<'_>) -> Compression {
    Compression {
        jobs_max: section.count("jobs_max", &bound::COMPRESSION_JOBS_MAX),
        streams_max: section.count("streams_max", &bound::COMPRESSION_STREAMS_MAX),
        br_level: section.count("br_level", &bound::BR_LEVEL),
        zstd_level: section.count("zstd_level", &bound::ZSTD_LEVEL),
        gzip_level: section.count("gzip_level", &bound::GZIP_LEVEL),
    }
}

pub(super) fn check_route(section: &mut Section<'_>) -> RouteCompression {
    let usual = || TYPES.iter().filter_map(|text| text.parse().ok()).collect();
    RouteCompression {
        codings: section.field("codings").map(|field| codings(&field)).unwrap_or_default(),
        min_bytes: section.size("min_bytes", &bound::COMPRESSION_MIN_BYTES),
        types: section.field("types").map_or_else(usual, |field| types(&field)),
    }
}

fn codings(field: &Field<'_>) -> Vec<Coding> {
    let mut found = Vec::new();
    for element in field.elements().unwrap_or_default() {
        let Some(coding) = element.choice(&CODINGS) else { continue };
        if found.contains(&coding) {
            element.fault("is in this list already; leave one out");
        }
        found.push(coding);
    }
    found
}

fn types(field: &Field<'_>) -> Vec<MediaRange> {
    field.elements().unwrap_or_default().iter().filter_map(Field::parse).collect()
}
