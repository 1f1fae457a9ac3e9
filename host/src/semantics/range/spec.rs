//! One byte range as a request asks for it (RFC 9110 section 14.1.1), before the length of the whole is known.
//!
//! Read from requests that miss, to be sent on and compared; written into the requests that fetch what is missing.

use std::fmt;
use std::ops::Range;

use http::header::{self, HeaderMap};

/// `first-last`, `first-` or `-count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeSpec {
    /// Both ends included; the second is not before the first.
    Between(u64, u64),
    From(u64),
    /// So many bytes at the end.
    Last(u64),
}

impl RangeSpec {
    /// The range that a request asks for, if it is one alone and may exist. `None` where there is none, more than one, or
    /// one that is malformed or empty whatever the length.
    pub fn of(request: &HeaderMap) -> Option<Self> {
        let mut lines = request.get_all(header::RANGE).iter();
        let (line, None) = (lines.next()?, lines.next()) else { return None };
        let (unit, set) = line.to_str().ok()?.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let mut specs = set.split(',').map(str::trim).filter(|spec| !spec.is_empty());
        let (spec, None) = (specs.next()?, specs.next()) else { return None };
        Self::parse(spec).filter(|spec| *spec != Self::Last(0))
    }

    /// Without the unit; `None` where it is malformed. A number that does not fit is the largest there is.
    pub(super) fn parse(spec: &str) -> Option<Self> {
        let (first, last) = spec.split_once('-')?;
        match (first.trim(), last.trim()) {
            ("", last) => Some(Self::Last(number(last)?)),
            (first, "") => Some(Self::From(number(first)?)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::Between(first, last))
            }
        }
    }

    /// The spec that asks for these bytes, open-ended where they reach the end of the whole. `range` is not empty.
    pub fn exactly(range: &Range<u64>, total: u64) -> Self {
        if range.end == total { Self::From(range.start) } else { Self::Between(range.start, range.end - 1) }
    }

    /// The bytes that it means in a whole of this length; empty where none of them exists.
    pub fn within(self, total: u64) -> Range<u64> {
        match self {
            Self::Last(count) => total.saturating_sub(count)..total,
            Self::From(first) => first.min(total)..total,
            Self::Between(first, last) => {
                let end = last.saturating_add(1).min(total);
                first.min(end)..end
            }
        }
    }
}

/// As a `Range` field has it.
impl fmt::Display for RangeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Between(first, last) => write!(f, "bytes={first}-{last}"),
            Self::From(first) => write!(f, "bytes={first}-"),
            Self::Last(count) => write!(f, "bytes=-{count}"),
        }
    }
}

/// Digits only; more than fit are the largest number there is.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn asking(lines: &[&str]) -> HeaderMap {
        let values = lines.iter().map(|line| HeaderValue::from_str(line).expect("a test value"));
        values.map(|value| (header::RANGE, value)).fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
    }

    #[test]
    fn one_range_alone_is_read() {
        let cases: [(&[&str], Option<RangeSpec>); 16] = [
            (&["bytes=0-4"], Some(RangeSpec::Between(0, 4))),
            (&["Bytes = 4-4 ,"], Some(RangeSpec::Between(4, 4))),
            (&["bytes=5-"], Some(RangeSpec::From(5))),
            (&["bytes=-5"], Some(RangeSpec::Last(5))),
            (&["bytes=0-99999999999999999999"], Some(RangeSpec::Between(0, u64::MAX))),
            (&["bytes=99999999999999999999-"], Some(RangeSpec::From(u64::MAX))),
            (&["bytes=-0"], None),
            (&["bytes=0-1,3-4"], None),
            (&["bytes=0-1", "bytes=0-1"], None),
            (&["bytes=4-0"], None),
            (&["bytes=a-b"], None),
            (&["bytes=+1-2"], None),
            (&["bytes="], None),
            (&["bytes"], None),
            (&["lines=0-4"], None),
            (&[], None),
        ];
        for (lines, expected) in cases {
            assert_eq!(RangeSpec::of(&asking(lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_it_means_in_a_whole_of_ten() {
        let cases = [
            (RangeSpec::Between(0, 4), 0..5),
            (RangeSpec::Between(8, 99), 8..10),
            (RangeSpec::Between(0, u64::MAX), 0..10),
            (RangeSpec::Between(10, 10), 10..10),
            (RangeSpec::From(9), 9..10),
            (RangeSpec::From(10), 10..10),
            (RangeSpec::From(u64::MAX), 10..10),
            (RangeSpec::Last(3), 7..10),
            (RangeSpec::Last(99), 0..10),
        ];
        for (spec, expected) in cases {
            assert_eq!(spec.within(10), expected, "{spec}");
        }
        assert!(RangeSpec::Last(3).within(0).is_empty());
    }

    proptest! {
        #[test]
        fn any_field_is_read_without_panic(value in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                RangeSpec::of(&HeaderMap::from_iter([(header::RANGE, value)]));
            }
        }

        #[test]
        fn what_was_written_is_read_again(start in 0_u64..50, count in 1_u64..50, rest in 0_u64..50) {
            let (range, total) = (start..start + count, start + count + rest);
            let spec = RangeSpec::exactly(&range, total);
            prop_assert_eq!(RangeSpec::of(&asking(&[&spec.to_string()])), Some(spec));
            prop_assert_eq!(spec.within(total), range);
        }
    }
}
