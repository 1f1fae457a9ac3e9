//! Strong validators (RFC 9110 section 8.8): what says that two responses are of one representation, byte for byte.
//!
//! Parts are joined under the same strong validator only (RFC 9111 section 3.4).

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};

use crate::semantics::http_date;

/// How long after its last change a response must have been made for the date of that change to be strong: within the
/// same second there may have been another, and clocks differ (RFC 9110 section 8.8.2.2). RFC 7232 named this minute.
const STRONG_AFTER: Duration = Duration::from_secs(60);

/// An entity tag that is not weak, or a `Last-Modified` that counts as strong where there is no tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StrongValidator {
    Tag(HeaderValue),
    Modified(HeaderValue),
}

impl StrongValidator {
    pub fn of(response: &HeaderMap) -> Option<Self> {
        let mut tags = response.get_all(header::ETAG).iter();
        match (tags.next(), tags.next()) {
            (Some(tag), None) => is_strong(tag.as_bytes()).then(|| Self::Tag(tag.clone())),
            // Which of two tags is meant, nobody knows.
            (Some(_), Some(_)) => None,
            (None, _) => {
                let modified = response.get(header::LAST_MODIFIED)?;
                let date = response.get(header::DATE).and_then(http_date)?;
                let strong = date.since(http_date(modified)?) >= STRONG_AFTER;
                strong.then(|| Self::Modified(modified.clone()))
            }
        }
    }

    /// As `If-Range` has it.
    pub fn value(&self) -> &HeaderValue {
        match self {
            Self::Tag(value) | Self::Modified(value) => value,
        }
    }
}

/// Quoted, and without the mark of a weak one.
fn is_strong(tag: &[u8]) -> bool {
    tag.len() >= 2 && tag.starts_with(b"\"") && tag.ends_with(b"\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    const MODIFIED: (HeaderName, &str) = (header::LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:37 GMT");

    #[test]
    fn only_what_tells_every_change_is_strong() {
        let date = |text| (header::DATE, text);
        let tag = |text| (header::ETAG, text);
        type Case<'a> = (&'a [(HeaderName, &'a str)], Option<&'a str>);
        let cases: [Case<'_>; 11] = [
            (&[tag("\"a\"")], Some("\"a\"")),
            (&[tag("\"\"")], Some("\"\"")),
            (&[tag("\"a\""), MODIFIED], Some("\"a\"")),
            (&[tag("W/\"a\"")], None),
            (&[tag("W/\"a\""), MODIFIED, date("Sun, 06 Nov 1994 09:49:37 GMT")], None),
            (&[tag("a")], None),
            (&[tag("\"a\""), tag("\"b\"")], None),
            (&[MODIFIED, date("Sun, 06 Nov 1994 08:50:37 GMT")], Some(MODIFIED.1)),
            (&[MODIFIED, date("Sun, 06 Nov 1994 08:50:36 GMT")], None),
            (&[MODIFIED], None),
            (&[], None),
        ];
        for (lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(name, HeaderValue::from_str(value).expect("a test value"));
            }
            let found = StrongValidator::of(&headers);
            assert_eq!(
                found.as_ref().map(StrongValidator::value).map(HeaderValue::as_bytes),
                expected.map(str::as_bytes)
            );
        }
    }
}
