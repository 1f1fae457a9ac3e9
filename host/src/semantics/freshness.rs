//! How long a response may be used and how old it already is (RFC 9111 sections 4.2.1 and 4.2.3).
//!
//! Pure arithmetic over header fields and points in time. Called when a response arrives; what comes out is kept with the
//! stored response, so that a hit only subtracts.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};

use super::cache_control::{CacheControl, delta_seconds};
use crate::clock::Timestamp;

/// The longest lifetime that is guessed; with more, section 4.2.2 once asked for a warning.
const HEURISTIC_LIFETIME_MAX: Duration = Duration::from_secs(86_400);

/// The lifetime that the origin stated for a shared cache: `s-maxage`, else `max-age`, else `Expires` against `Date`.
/// An `Expires` that is no date means already expired (section 5.3). `None` where the origin stated nothing.
pub(super) fn stated_lifetime(headers: &HeaderMap, control: &CacheControl, received: Timestamp) -> Option<Duration> {
    if let Some(stated) = control.s_maxage.or(control.max_age) {
        return Some(stated);
    }
    let expires = headers.get(header::EXPIRES)?;
    let base = date(headers).unwrap_or(received);
    Some(http_date(expires).map_or(Duration::ZERO, |expires| expires.since(base)))
}

/// A tenth of the time since the response was last modified, at most a day (section 4.2.2); `None` where it does not say.
pub(super) fn heuristic_lifetime(headers: &HeaderMap, received: Timestamp) -> Option<Duration> {
    let modified = headers.get(header::LAST_MODIFIED).and_then(http_date)?;
    Some((date(headers).unwrap_or(received).since(modified) / 10).min(HEURISTIC_LIFETIME_MAX))
}

/// `corrected_initial_age` of section 4.2.3: how old the response was when it arrived.
pub fn initial_age(headers: &HeaderMap, requested: Timestamp, received: Timestamp) -> Duration {
    let Ok(age) = age(headers) else {
        // Nobody knows how old it is, so it is used only after the origin has confirmed it.
        return Duration::MAX;
    };
    let apparent = date(headers).map_or(Duration::ZERO, |date| received.since(date));
    let delay = received.since(requested);
    let corrected = age.saturating_add(delay);
    apparent.max(corrected)
}

/// An `Age` that is no number, or that stands in several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnknownAge;

/// The `Age` field: zero where it is absent; of a list the first member (section 5.1). That section would have a malformed
/// field ignored; here it makes the age unknown, which is never less safe and is what the public test suite asks for.
pub(super) fn age(headers: &HeaderMap) -> Result<Duration, UnknownAge> {
    let mut lines = headers.get_all(header::AGE).iter();
    let Some(line) = lines.next() else { return Ok(Duration::ZERO) };
    if lines.next().is_some() {
        return Err(UnknownAge);
    }
    let first = line.to_str().ok().and_then(|line| line.split(',').next());
    first.and_then(|first| delta_seconds(first.trim())).ok_or(UnknownAge)
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    headers.get(header::DATE).and_then(http_date)
}

/// Any of the three forms of an HTTP date (RFC 9110 section 5.6.7).
pub fn http_date(value: &HeaderValue) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(value.to_str().ok()?).ok()?;
    time.duration_since(std::time::UNIX_EPOCH).ok().map(Timestamp::from_unix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::tests::headers;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(Duration::from_secs(seconds))
    }

    type Lines<'a> = &'a [(&'static str, &'a str)];

    // 1994-11-06 08:49:37 is 784111777 seconds after the epoch.
    const NOW: u64 = 784_111_777;
    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");

    #[test]
    fn the_first_of_s_maxage_max_age_and_expires_counts() {
        let cases: [(Lines<'_>, Option<u64>); 21] = [
            (&[("cache-control", "max-age=5, s-maxage=9"), ("expires", "Sun, 06 Nov 1994 09:49:37 GMT")], Some(9)),
            (&[("cache-control", "max-age=5"), ("expires", "Sun, 06 Nov 1994 09:49:37 GMT")], Some(5)),
            (&[DATE, ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(60)),
            (&[("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(60)),
            (&[DATE, ("expires", "Sunday, 06-Nov-94 08:50:37 GMT")], Some(60)),
            (&[DATE, ("expires", "Sun, 06 Nov 1994 08:00:00 GMT")], Some(0)),
            (&[DATE, ("expires", "0")], Some(0)),
            (&[DATE, ("expires", "")], Some(0)),
            (&[DATE, ("expires", "-1")], Some(0)),
            (&[DATE, ("expires", "Sun, 06 Nov 1994 08:50:37 +0000")], Some(0)),
            (&[DATE, ("expires", "Sun, 06 Nov 1994 25:50:37 GMT")], Some(0)),
            (&[DATE, ("expires", "Thu, 31 Feb 1994 08:50:37 GMT")], Some(0)),
            (&[DATE, ("expires", "Mon, 01 Jan 1601 00:00:00 GMT")], Some(0)),
            // The year 2554 is the last one that is told apart: 560 years.
            (&[DATE, ("expires", "Fri, 31 Dec 9999 23:59:59 GMT")], Some(u64::MAX / 1_000_000_000 - NOW)),
            (&[("date", "Fri, 31 Dec 9999 23:59:59 GMT"), ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(0)),
            (&[("date", "junk"), ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(60)),
            (&[DATE, ("expires", "Sun, 06 Nov 1994 08:50:37 GMT"), ("expires", "0")], Some(60)),
            (&[DATE, ("expires", "0"), ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(0)),
            (&[("cache-control", "max-age=5"), ("cache-control", "max-age=3")], Some(3)),
            (&[("cache-control", "max-age=99999999999999999999999"), ("expires", "0")], Some(1 << 31)),
            (&[DATE], None),
        ];
        for (lines, expected) in cases {
            let map = headers(lines);
            let lifetime = stated_lifetime(&map, &CacheControl::of(&map), at(NOW));
            assert_eq!(lifetime.map(|lifetime| lifetime.as_secs()), expected, "{lines:?}");
        }
    }

    #[test]
    fn age_on_arrival_is_the_larger_of_clock_and_field() {
        let cases: [(Lines<'_>, u64, u64); 6] = [
            (&[DATE], NOW, 0),
            (&[DATE], NOW + 10, 10),
            (&[DATE, ("age", "30")], NOW + 10, 32),
            (&[DATE, ("age", "30")], NOW - 5, 32),
            (&[DATE, ("age", "30, 99")], NOW, 32),
            (&[DATE, ("age", "0")], NOW, 2),
        ];
        for (lines, received, expected) in cases {
            let requested = if expected >= 2 && expected != 10 { received - 2 } else { received };
            let initial = initial_age(&headers(lines), at(requested), at(received));
            assert_eq!(initial, Duration::from_secs(expected), "{lines:?} at {received}");
        }
        for junk in ["junk", "-3", "1.5", "7;a=b", ""] {
            assert_eq!(initial_age(&headers(&[("age", junk)]), at(NOW), at(NOW)), Duration::MAX, "{junk:?}");
        }
        assert_eq!(initial_age(&headers(&[("age", "0"), ("age", "0")]), at(NOW), at(NOW)), Duration::MAX);
    }

    #[test]
    fn ages_and_dates_beyond_all_measure_stay_numbers() {
        let cases: [(Lines<'_>, u64); 6] = [
            (&[("age", "2147483648")], 1 << 31),
            (&[("age", "99999999999999999999999")], 1 << 31),
            (&[("date", "Fri, 31 Dec 9999 23:59:59 GMT")], 0),
            (&[("date", "Thu, 01 Jan 1970 00:00:00 GMT")], NOW),
            (&[("date", "Mon, 01 Jan 1601 00:00:00 GMT")], 0),
            (&[("date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("age", "99999999999")], 1 << 31),
        ];
        for (lines, expected) in cases {
            assert_eq!(initial_age(&headers(lines), at(NOW), at(NOW)), Duration::from_secs(expected), "{lines:?}");
        }
        // A clock that went back between request and response adds nothing.
        assert_eq!(initial_age(&headers(&[("age", "7")]), at(NOW), at(NOW - 9)), Duration::from_secs(7));
        for modified in ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 1601 00:00:00 GMT", "junk", ""] {
            let lifetime = heuristic_lifetime(&headers(&[("last-modified", modified)]), at(NOW)).unwrap_or_default();
            assert_eq!(lifetime, Duration::ZERO, "{modified:?}");
        }
    }
}
