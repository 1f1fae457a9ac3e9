//! `Content-Range` (RFC 9110 section 14.4): which bytes of the whole a part is.
//!
//! Read from what origins answer, strictly: a part whose place is not certain is nothing that other bytes may be joined to.

use std::fmt;
use std::ops::Range;

use http::header::{self, HeaderMap, HeaderValue};

/// The place of a part that is not empty in a whole of known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentRange {
    /// Within `total`.
    pub range: Range<u64>,
    pub total: u64,
}

impl ContentRange {
    /// What a 206 says of its body; `None` where it says it not, not of bytes, not of a known length, twice, or of bytes
    /// that cannot be.
    pub fn of(response: &HeaderMap) -> Option<Self> {
        let mut lines = response.get_all(header::CONTENT_RANGE).iter();
        let (line, None) = (lines.next()?, lines.next()) else { return None };
        let (unit, place) = line.to_str().ok()?.trim().split_once(' ')?;
        let (range, total) = place.trim_start().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last, total) = (number(first)?, number(last)?, number(total)?);
        let sound = unit.eq_ignore_ascii_case("bytes") && first <= last && last < total;
        sound.then_some(Self { range: first..last + 1, total })
    }

    /// Bytes in the part.
    pub fn length(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// The value of the field.
    pub fn value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.to_string()).expect("digits and signs are a field value")
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {}-{}/{}", self.range.start, self.range.end - 1, self.total)
    }
}

/// Digits only, and no more of them than fit.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(lines: &[&str]) -> Option<ContentRange> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CONTENT_RANGE, HeaderValue::from_str(line).expect("a test value"));
        }
        ContentRange::of(&headers)
    }

    #[test]
    fn a_place_is_certain_or_none() {
        let place = |range, total| Some(ContentRange { range, total });
        let cases: [(&[&str], Option<ContentRange>); 22] = [
            (&["bytes 0-4/10"], place(0..5, 10)),
            (&["BYTES 9-9/10"], place(9..10, 10)),
            (&[" bytes  0-9/10 "], place(0..10, 10)),
            (&["bytes 0-18446744073709551613/18446744073709551615"], place(0..u64::MAX - 1, u64::MAX)),
            (&["bytes 0-10/10"], None),
            (&["bytes 5-4/10"], None),
            (&["bytes 0-0/0"], None),
            (&["bytes 0-4/*"], None),
            (&["bytes */10"], None),
            (&["bytes 0-4"], None),
            (&["bytes 0-/10"], None),
            (&["bytes -4/10"], None),
            (&["bytes=0-4/10"], None),
            (&["0-4/10"], None),
            (&["lines 0-4/10"], None),
            (&["bytes +0-4/10"], None),
            (&["bytes 0 - 4/10"], None),
            (&["bytes 0-4/10/10"], None),
            (&["bytes 0-4/10, bytes 5-9/10"], None),
            (&["bytes 0-4/99999999999999999999"], None),
            (&["bytes 0-4/10", "bytes 0-4/10"], None),
            (&[], None),
        ];
        for (lines, expected) in cases {
            assert_eq!(read(lines), expected, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn any_field_is_read_without_panic(value in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                ContentRange::of(&HeaderMap::from_iter([(header::CONTENT_RANGE, value)]));
            }
        }

        #[test]
        fn what_was_written_is_read_again(start in any::<u32>(), count in 1..u32::MAX, rest in any::<u32>()) {
            let end = u64::from(start) + u64::from(count);
            let place = ContentRange { range: u64::from(start)..end, total: end + u64::from(rest) };
            prop_assert_eq!(read(&[&place.to_string()]), Some(place));
        }
    }
}
