//! Tests that concern all of these rules at once. Those of one noun stand beside it.

mod arbitrary;

use http::{HeaderMap, HeaderValue};

/// A header section of these lines.
pub(super) fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(*name, HeaderValue::from_str(value).expect("a test value"));
    }
    map
}
