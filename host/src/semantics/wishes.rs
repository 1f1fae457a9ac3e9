//! What a request wants of stored responses (RFC 9111 section 5.2.1), read once on its way in.
//!
//! `reuse` weighs it against what is stored; a route may leave it unread, so that clients cannot force its origin.

use std::time::Duration;

use http::header::{self, HeaderMap};

use super::cache_control::CacheControl;
use super::fields;

/// The directives of a request. The default wants nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wishes {
    pub no_store: bool,
    /// Also where an HTTP/1.0 `Pragma` says so and no `Cache-Control` is there (section 5.4).
    pub no_cache: bool,
    pub only_if_cached: bool,
    pub max_age: Option<Duration>,
    pub min_fresh: Option<Duration>,
    /// Without a value any staleness is accepted: the longest duration there is.
    pub max_stale: Option<Duration>,
}

impl Wishes {
    pub fn of(request: &HeaderMap) -> Self {
        if request.contains_key(header::CACHE_CONTROL) {
            let control = CacheControl::of(request);
            return Self {
                no_store: control.no_store,
                // Only responses name fields.
                no_cache: control.no_cache || !control.withheld.is_empty(),
                only_if_cached: control.only_if_cached,
                max_age: control.max_age,
                min_fresh: control.min_fresh,
                max_stale: control.max_stale,
            };
        }
        let no_cache = fields::list(request, &header::PRAGMA).any(|member| member.eq_ignore_ascii_case("no-cache"));
        Self { no_cache, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(lines: &[(&'static str, &'static str)]) -> Wishes {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Wishes::of(&headers)
    }

    #[test]
    fn directives_and_pragma() {
        let none = Wishes::default();
        let seconds = |n| Some(Duration::from_secs(n));
        let cases: [(&[(&'static str, &'static str)], Wishes); 11] = [
            (&[], none),
            (&[("pragma", "no-cache")], Wishes { no_cache: true, ..none }),
            (&[("pragma", "x, No-Cache")], Wishes { no_cache: true, ..none }),
            (&[("pragma", "no-cache"), ("cache-control", "max-age=9")], Wishes { max_age: seconds(9), ..none }),
            (&[("cache-control", "no-cache=\"x\"")], Wishes { no_cache: true, ..none }),
            (&[("cache-control", "no-store, only-if-cached")], Wishes { no_store: true, only_if_cached: true, ..none }),
            (&[("cache-control", "max-stale")], Wishes { max_stale: Some(Duration::MAX), ..none }),
            (
                &[("cache-control", "max-stale=7"), ("cache-control", "min-fresh=8")],
                Wishes { max_stale: seconds(7), min_fresh: seconds(8), ..none },
            ),
            (&[("cache-control", "max-age=x")], Wishes { max_age: seconds(0), ..none }),
            (&[("cache-control", "max-age=99999999999999999999")], Wishes { max_age: seconds(1 << 31), ..none }),
            (&[("cache-control", ",;=\"")], none),
        ];
        for (lines, expected) in cases {
            assert_eq!(read(lines), expected, "{lines:?}");
        }
    }
}
