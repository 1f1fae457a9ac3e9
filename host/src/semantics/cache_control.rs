//! `Cache-Control` taken apart (RFC 9111 section 5.2).
//!
//! Parsing never fails: a directive that is not understood is ignored, as section 5.2.3 asks, and a malformed number
//! makes the directive count as its strictest reading, so that a broken header never makes a response live longer.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};

use super::fields;

/// The largest delta-seconds kept, 2^31 (RFC 9111 section 1.2.2): larger ones are this.
const DELTA_SECONDS_MAX: u64 = 1 << 31;

/// The directives of a message, requests and responses alike. Durations are `None` where the directive is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheControl {
    pub no_store: bool,
    /// Without field names; `no-cache="set-cookie"` counts the same, which section 5.2.2.4 allows.
    pub no_cache: bool,
    /// Without field names; `private="x"` counts the same, which section 5.2.2.7 allows.
    pub private: bool,
    pub public: bool,
    pub must_revalidate: bool,
    pub proxy_revalidate: bool,
    pub no_transform: bool,
    pub only_if_cached: bool,
    pub must_understand: bool,
    pub max_age: Option<Duration>,
    pub s_maxage: Option<Duration>,
    pub stale_while_revalidate: Option<Duration>,
    pub stale_if_error: Option<Duration>,
    pub min_fresh: Option<Duration>,
    /// Without a value any staleness is accepted: the longest duration there is.
    pub max_stale: Option<Duration>,
}

impl CacheControl {
    /// The directives of all `Cache-Control` lines together. Of a repeated directive the first counts, unless a later
    /// one is stricter.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut control = Self::default();
        for directive in fields::list(headers, &header::CACHE_CONTROL) {
            control.read(&directive);
        }
        control
    }

    /// The directives of a field that may speak to caches by name: `max-age=60;edge-1` is for `edge-1` only (Edge
    /// Architecture, section 2.2).
    pub(super) fn targeted(headers: &HeaderMap, name: &HeaderName, node: &str) -> Self {
        let mut control = Self::default();
        for directive in fields::list(headers, name) {
            match directive.split_once(';') {
                Some((directive, target)) if target.trim() == node => control.read(directive.trim_end()),
                Some(_) => {}
                None => control.read(&directive),
            }
        }
        control
    }

    fn read(&mut self, directive: &str) {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
            None => (directive, None),
        };
        match name.to_ascii_lowercase().as_str() {
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "no-transform" => self.no_transform = true,
            "only-if-cached" => self.only_if_cached = true,
            "must-understand" => self.must_understand = true,
            "max-age" => shorten(&mut self.max_age, value),
            "s-maxage" => shorten(&mut self.s_maxage, value),
            "stale-while-revalidate" => shorten(&mut self.stale_while_revalidate, value),
            "stale-if-error" => shorten(&mut self.stale_if_error, value),
            "min-fresh" => shorten(&mut self.min_fresh, value),
            "max-stale" if value.is_none() => self.max_stale = Some(Duration::MAX),
            "max-stale" => shorten(&mut self.max_stale, value),
            _ => {}
        }
    }
}

/// The shorter of what stands and what is given; a value that is no number is zero (RFC 9111 section 4.2.1).
fn shorten(slot: &mut Option<Duration>, value: Option<&str>) {
    let given = value.and_then(delta_seconds).unwrap_or(Duration::ZERO);
    *slot = Some(slot.map_or(given, |standing| standing.min(given)));
}

/// delta-seconds (RFC 9111 section 1.2.2), quoted or not; `None` where it is no whole number.
pub(super) fn delta_seconds(value: &str) -> Option<Duration> {
    let digits = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(digits.parse::<u64>().map_or(DELTA_SECONDS_MAX, |n| n.min(DELTA_SECONDS_MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn parse(lines: &[&str]) -> CacheControl {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CACHE_CONTROL, HeaderValue::from_str(line).expect("a test value"));
        }
        CacheControl::of(&headers)
    }

    #[test]
    fn seconds_in_every_form() {
        let cases: [(&str, Option<u64>); 11] = [
            ("max-age=60", Some(60)),
            ("MAX-AGE=60", Some(60)),
            ("max-age=\"60\"", Some(60)),
            ("max-age = 60", Some(60)),
            ("max-age=0", Some(0)),
            ("max-age=99999999999999999999", Some(DELTA_SECONDS_MAX)),
            ("max-age=-1", Some(0)),
            ("max-age=1.5", Some(0)),
            ("max-age", Some(0)),
            ("max-age=60, max-age=5", Some(5)),
            ("x-max-age=60", None),
        ];
        for (line, seconds) in cases {
            assert_eq!(parse(&[line]).max_age, seconds.map(Duration::from_secs), "{line}");
        }
    }

    #[test]
    fn flags_over_several_lines_and_with_field_names() {
        let control = parse(&["public, unknown=\"a, no-store\"", "no-cache=\"set-cookie\", s-maxage=7"]);
        assert!(control.public && control.no_cache && !control.no_store && !control.private);
        assert_eq!(control.s_maxage, Some(Duration::from_secs(7)));
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_panic(value in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert(header::CACHE_CONTROL, value);
                CacheControl::of(&headers);
            }
        }
    }
}
