//! Fields that a response keeps from other clients: those that a `no-cache` or `private` directive names (RFC 9111
//! sections 5.2.2.4 and 5.2.2.7).
//!
//! The client that the response was fetched for gets them; what is stored and shared is the rest. `cache_control` reads
//! the names here, and the exchange takes the fields out.

use http::header::{self, HeaderMap, HeaderName};

/// Fields without which a stored response would mean something else or could not be judged. Beside them, everything that
/// describes the content.
const NEEDED: [HeaderName; 11] = [
    header::AGE,
    header::CACHE_CONTROL,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::TRANSFER_ENCODING,
    header::VARY,
    header::VIA,
    HeaderName::from_static("surrogate-control"),
];

/// The field names in a directive's argument. `None` where it is no list of names, or names a field that the stored
/// response cannot do without: then the directive counts for the whole response, which both sections allow.
pub(super) fn names(argument: &str) -> Option<Vec<HeaderName>> {
    let list = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(argument);
    let members = list.split(',').map(str::trim).filter(|member| !member.is_empty());
    let names: Vec<HeaderName> = members.map(|member| member.parse().ok().filter(can_go)).collect::<Option<_>>()?;
    (!names.is_empty()).then_some(names)
}

fn can_go(name: &HeaderName) -> bool {
    !name.as_str().starts_with("content-") && !name.as_str().ends_with("cache-control") && !NEEDED.contains(name)
}

/// Takes these fields out of a header section.
pub fn withhold(headers: &mut HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut taken = HeaderMap::new();
    for name in names {
        if let header::Entry::Occupied(entry) = headers.entry(name) {
            let (name, values) = entry.remove_entry_mult();
            for value in values {
                taken.append(name.clone(), value);
            }
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn names_in_both_forms_and_what_counts_for_the_whole() {
        let cases: [(&str, Option<&[&str]>); 11] = [
            ("\"set-cookie\"", Some(&["set-cookie"])),
            ("\"Set-Cookie, X-A ,\"", Some(&["set-cookie", "x-a"])),
            ("x-a", Some(&["x-a"])),
            ("\"\"", None),
            ("", None),
            ("\"a b\"", None),
            ("\"a", None),
            ("\"x-a, vary\"", None),
            ("\"Content-Type\"", None),
            ("\"content-security-policy\"", None),
            ("\"CDN-Cache-Control\"", None),
        ];
        for (argument, expected) in cases {
            let found = names(argument);
            assert_eq!(
                found.as_ref().map(|names| names.iter().map(HeaderName::as_str).collect()),
                expected.map(Vec::from),
                "{argument}"
            );
        }
    }

    #[test]
    fn every_line_of_a_field_is_taken_and_nothing_else() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("set-cookie", "a=1"), ("etag", "\"1\""), ("set-cookie", "b=2")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let taken = withhold(&mut headers, &[header::SET_COOKIE, HeaderName::from_static("x-none")]);
        assert_eq!(taken.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!((headers.len(), headers.contains_key("etag")), (1, true));
    }
}
