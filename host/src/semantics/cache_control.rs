//! `Cache-Control` taken apart (RFC 9111 section 5.2).
//!
//! Parsing never fails: a directive that is not understood is ignored, as section 5.2.3 asks, and a malformed number
//! makes the directive count as its strictest reading, so that a broken header never makes a response live longer.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};

use super::{fields, withheld};

/// The largest delta-seconds kept, 2^31 (RFC 9111 section 1.2.2): larger ones are this.
const DELTA_SECONDS_MAX: u64 = 1 << 31;

/// The directives of a message, requests and responses alike. Durations are `None` where the directive is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheControl {
    pub no_store: bool,
    pub no_cache: bool,
    pub private: bool,
    /// The fields that a `no-cache` or a `private` with field names is about, and those alone: a shared cache stores the
    /// rest (sections 5.2.2.4 and 5.2.2.7).
    pub withheld: Vec<HeaderName>,
    pub public: bool,
    pub must_revalidate: bool,
    pub proxy_revalidate: bool,
    pub no_transform: bool,
    pub only_if_cached: bool,
    pub must_understand: bool,
    pub immutable: bool,
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

    /// Takes in one directive as it stands in a list.
    pub(super) fn read(&mut self, directive: &str) {
        match directive.split_once('=') {
            Some((name, value)) => self.take(name.trim_end(), Some(value.trim_start())),
            None => self.take(directive, None),
        }
    }

    /// Takes in one directive with its argument.
    pub(super) fn take(&mut self, name: &str, value: Option<&str>) {
        match name.to_ascii_lowercase().as_str() {
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache |= !self.withholds(value),
            "private" => self.private |= !self.withholds(value),
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "no-transform" => self.no_transform = true,
            "only-if-cached" => self.only_if_cached = true,
            "must-understand" => self.must_understand = true,
            "immutable" => self.immutable = true,
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

    /// Is the directive about single fields only, as its argument names them?
    fn withholds(&mut self, argument: Option<&str>) -> bool {
        let names = argument.and_then(withheld::names);
        let any = names.is_some();
        self.withheld.extend(names.into_iter().flatten());
        any
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
        let control = parse(&["public, unknown=\"a, no-store\"", "no-cache=\"set-cookie\", s-maxage=7, immutable"]);
        assert!(control.public && control.immutable && !control.no_cache && !control.no_store && !control.private);
        assert_eq!(control.withheld, [header::SET_COOKIE]);
        assert_eq!(control.s_maxage, Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_directive_about_fields_is_about_all_where_it_is_ever_so_little_wrong() {
        for whole in [
            "no-cache, no-cache=\"a\"",
            "no-cache=\"a\", no-cache",
            "no-cache=\"\"",
            "no-cache=\"a b\"",
            "no-cache=\"vary\"",
        ] {
            assert!(parse(&[whole]).no_cache, "{whole}");
        }
        let both = parse(&["private=\"a, X-B\"", "no-cache=c"]);
        assert!(!both.private && !both.no_cache);
        assert_eq!(both.withheld, ["a", "x-b", "c"]);
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
