//! What the answer to a HEAD tells of a stored GET response (RFC 9111 section 4.3.5).

use http::header::{self, HeaderMap};

/// Is the stored response still the one that a GET would bring?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Everything that both say of the content is equal: the stored fields can be brought up to date.
    Same,
    /// It is another one: the stored response is stale.
    Different,
    /// The answer says nothing that could be compared. The section would update here too; what nothing vouches for is
    /// better left as it is.
    Unknown,
}

/// Compares validators and length. `length` is that of the stored body.
pub fn compare(stored: &HeaderMap, length: u64, answer: &HeaderMap) -> Comparison {
    let validators = [header::ETAG, header::LAST_MODIFIED].map(|name| {
        let received = answer.get(&name)?;
        Some(stored.get(&name) == Some(received))
    });
    let lengths = answer.get(header::CONTENT_LENGTH).map(|said| said.as_bytes() == length.to_string().as_bytes());
    validators.into_iter().chain([lengths]).flatten().fold(Comparison::Unknown, |so_far, equal| match (so_far, equal) {
        (Comparison::Different, _) | (_, false) => Comparison::Different,
        (_, true) => Comparison::Same,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    type Lines<'a> = &'a [(&'static str, &'static str)];

    fn headers(lines: Lines<'_>) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn every_received_validator_and_the_length_must_agree() {
        let both: Lines<'_> = &[("etag", "\"1\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")];
        let cases: [(Lines<'_>, Lines<'_>, Comparison); 10] = [
            (both, both, Comparison::Same),
            (both, &[("etag", "\"1\"")], Comparison::Same),
            (both, &[("etag", "\"2\"")], Comparison::Different),
            (both, &[("etag", "W/\"1\"")], Comparison::Different),
            (both, &[("etag", "\"1\""), ("last-modified", "Sun, 06 Nov 1994 08:49:38 GMT")], Comparison::Different),
            (both, &[("etag", "\"1\""), ("content-length", "4")], Comparison::Same),
            (both, &[("etag", "\"1\""), ("content-length", "5")], Comparison::Different),
            (&[], &[("content-length", "4")], Comparison::Same),
            (&[], &[("etag", "\"1\"")], Comparison::Different),
            (both, &[("x-other", "1")], Comparison::Unknown),
        ];
        for (stored, answer, expected) in cases {
            assert_eq!(compare(&headers(stored), 4, &headers(answer)), expected, "{stored:?} {answer:?}");
        }
    }
}
