//! Where a rule leads: the new path of a request, or the location of a redirect.
//!
//! A client writes the path that a target is filled from, so nothing of it may decide which host a redirect leads to.

use serde::Deserialize;

use crate::template::Template;

/// The statuses that send a client elsewhere and keep or drop its method (RFC 9110 section 15.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub(crate) struct Redirect(pub(crate) u16);

impl TryFrom<u16> for Redirect {
    type Error = &'static str;

    fn try_from(status: u16) -> Result<Self, &'static str> {
        match status {
            301 | 302 | 303 | 307 | 308 => Ok(Self(status)),
            _ => Err("a redirect has status 301, 302, 303, 307 or 308"),
        }
    }
}

/// What is left of a path behind the rule's place: captures of a pattern, or the rest behind a prefix.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'p> {
    Captures(Vec<&'p str>),
    /// Empty, or with a slash in front.
    Rest(&'p str),
}

/// Checks a target once, for all paths it will be filled from.
pub(crate) fn check(target: &Template, redirect: Option<Redirect>, stars: usize) -> Result<(), String> {
    if target.captures_max() > stars {
        return Err(format!("`to` names ${}, but `path` has {stars} stars", target.captures_max()));
    }
    let start = target.start();
    if start.starts_with('/') && redirect.is_none() {
        return if start.contains('#') { Err("`to` of a rewrite cannot have a fragment".into()) } else { Ok(()) };
    }
    if redirect.is_none() {
        return Err("`to` of a rewrite is a path and starts with \"/\"; with `redirect` it may lead elsewhere".into());
    }
    let host = match start.strip_prefix("https://").or_else(|| start.strip_prefix("http://")) {
        Some(host) => host,
        None if start.starts_with('/') => return Ok(()),
        None => return Err("`to` of a redirect starts with \"/\", \"https://\" or \"http://\"".into()),
    };
    if host.starts_with(['/', '?', '#']) || host.is_empty() {
        return Err("`to` has no host".into());
    }
    if target.captures_max() > 0 && !host.contains('/') {
        return Err("`to` lets the client's path choose the host: no star may stand before the host's \"/\"".into());
    }
    Ok(())
}

/// The target for what was found in a path, with the request's query added to the target's own.
pub(crate) fn fill(target: &Template, found: &Found, query: Option<&str>) -> String {
    let (filled, rest) = match found {
        Found::Captures(captures) => (target.fill(captures), ""),
        Found::Rest(rest) => (target.fill(&[]), *rest),
    };
    let (whole, fragment) = cut(&filled, '#');
    let (path, own) = cut(whole, '?');
    let path = if rest.starts_with('/') { path.trim_end_matches('/') } else { path };
    let mut location = local(format!("{path}{rest}"), target);
    location.push_str(own);
    if let Some(query) = query {
        location.push(if own.is_empty() { '?' } else { '&' });
        location.push_str(query);
    }
    location.push_str(fragment);
    location
}

/// Splits before the first `mark`, which stays with the second part.
fn cut(text: &str, mark: char) -> (&str, &str) {
    text.split_at(text.find(mark).unwrap_or(text.len()))
}

/// Keeps a path of this host one: browsers read two slashes in front, of either kind, as another host.
fn local(location: String, target: &Template) -> String {
    if location.is_empty() {
        return "/".to_owned();
    }
    if location.starts_with('/') && !target.start().starts_with("//") {
        return format!("/{}", location.trim_start_matches(['/', '\\']));
    }
    location
}

#[cfg(test)]
mod tests {
    use super::{Found, Redirect, check, fill};

    fn checked(to: &str, redirect: Option<u16>, stars: usize) -> Result<(), String> {
        let redirect = redirect.map(|status| Redirect::try_from(status).expect("a status of a redirect"));
        check(&to.parse().expect(to), redirect, stars)
    }

    #[test]
    fn a_target_is_checked_for_every_path() {
        for (to, redirect, stars) in [
            ("/", None, 0),
            ("/$1", None, 1),
            ("/a?b=c", None, 0),
            ("/a#b", Some(301), 0),
            ("https://a.example", Some(301), 0),
            ("https://a.example/$1", Some(308), 1),
            ("//a.example/", Some(302), 0),
        ] {
            assert_eq!(checked(to, redirect, stars), Ok(()), "{to}");
        }
        for (to, redirect, stars) in [
            ("", None, 0),
            ("a", None, 0),
            ("$1", None, 1),
            ("/$2", None, 1),
            ("/a#b", None, 0),
            ("https://a.example/", None, 0),
            ("ftp://a.example/", Some(301), 0),
            ("https:///a", Some(301), 0),
            ("https://", Some(301), 0),
            ("https://$1", Some(301), 1),
            ("https://a.example$1", Some(301), 1),
            ("$1", Some(301), 1),
        ] {
            assert!(checked(to, redirect, stars).is_err(), "{to}");
        }
    }

    #[test]
    fn statuses_that_do_not_lead_elsewhere_are_refused() {
        let accepted: Vec<u16> = (0..1000).filter(|status| Redirect::try_from(*status).is_ok()).collect();
        assert_eq!(accepted, [301, 302, 303, 307, 308]);
    }

    #[test]
    fn the_rest_follows_and_the_query_stays() {
        for (to, found, query, expected) in [
            ("/new", Found::Rest("/a"), None, "/new/a"),
            ("/new/", Found::Rest("/a"), Some("b=c"), "/new/a?b=c"),
            ("/new", Found::Rest(""), Some(""), "/new?"),
            ("/", Found::Rest(""), None, "/"),
            ("/", Found::Rest("/a"), None, "/a"),
            ("/?x=1", Found::Rest("/a"), Some("b=c"), "/a?x=1&b=c"),
            ("/n#top", Found::Rest("/a"), Some("b=c"), "/n/a?b=c#top"),
            ("https://a.example", Found::Rest("/a"), None, "https://a.example/a"),
            ("https://a.example", Found::Rest("//a"), None, "https://a.example//a"),
            ("/new/$2/$1", Found::Captures(vec!["a", "b"]), Some("q"), "/new/b/a?q"),
            ("https://a.example/$1", Found::Captures(vec!["b"]), None, "https://a.example/b"),
        ] {
            assert_eq!(fill(&to.parse().expect(to), &found, query), expected, "{to} {found:?}");
        }
    }

    #[test]
    fn no_path_leads_a_redirect_to_another_host() {
        for (to, found) in [
            ("/", Found::Rest("//evil.example")),
            ("/$1", Found::Captures(vec!["/evil.example"])),
            ("/$1", Found::Captures(vec!["\\evil.example"])),
            ("/$1/$2", Found::Captures(vec!["", "evil.example"])),
        ] {
            assert_eq!(fill(&to.parse().expect(to), &found, None), "/evil.example", "{to} {found:?}");
        }
    }
}
