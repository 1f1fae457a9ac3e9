//! One spelling for values of request fields that mean the same (RFC 9111 section 4.1).
//!
//! Used where a stored response is chosen by what `Vary` names: two spellings of one value should not be two variants.
//! What is not known to mean the same stays different.

use std::borrow::Cow;
use std::fmt;

use http::header::{self, HeaderName};

use super::coding::{WHOLE, thousandths};
use super::fields;

/// Fields that hold one value and no list: a comma in them separates nothing.
const SINGLE: [HeaderName; 4] = [header::COOKIE, header::AUTHORIZATION, header::USER_AGENT, header::REFERER];

/// Fields whose members are wished for by weight, in no order (RFC 9110 section 12.5).
const WEIGHED: [HeaderName; 4] =
    [header::ACCEPT, header::ACCEPT_CHARSET, header::ACCEPT_ENCODING, header::ACCEPT_LANGUAGE];

/// The one spelling of a field's value. Lists lose the white space around their commas; members that have weights are
/// sorted, in lower case where case has no meaning, and `q=1` goes, because it says nothing.
pub(super) fn normal<'v>(name: &HeaderName, value: &'v [u8]) -> Cow<'v, [u8]> {
    let Ok(text) = std::str::from_utf8(value) else { return Cow::Borrowed(value) };
    if SINGLE.contains(name) {
        return Cow::Borrowed(value);
    }
    if !WEIGHED.contains(name) {
        let elements: Vec<&str> = fields::elements(text).collect();
        return Cow::Owned(elements.join(",").into_bytes());
    }
    let spelled = |member: &str| Preference::read(name, member).map_or_else(|| member.to_owned(), |it| it.to_string());
    let mut members: Vec<String> = fields::members(text).map(spelled).collect();
    members.sort_unstable();
    members.dedup();
    Cow::Owned(members.join(",").into_bytes())
}

/// The one language that an `Accept-Language` wants most, in lower case; `None` where it wants several alike, none, or
/// cannot be read.
pub(super) fn favourite_language(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let read = fields::members(text).map(|member| Preference::read(&header::ACCEPT_LANGUAGE, member));
    let wishes: Vec<Preference> = read.collect::<Option<_>>()?;
    let most = wishes.iter().map(|wish| wish.weight).max().filter(|weight| *weight > 0)?;
    let mut favourites = wishes.into_iter().filter(|wish| wish.weight == most);
    favourites.next().filter(|_| favourites.next().is_none()).map(|wish| wish.value)
}

/// A member of a field with weights.
struct Preference {
    value: String,
    weight: u16,
}

impl Preference {
    /// `None` where the member is not understood to its last byte.
    fn read(name: &HeaderName, member: &str) -> Option<Self> {
        if member.contains('"') {
            return None;
        }
        let mut parts = member.split(';').map(|part| part.trim_matches([' ', '\t']));
        let mut value = parts.next()?.to_ascii_lowercase();
        if *name == header::ACCEPT_ENCODING && matches!(value.as_str(), "x-gzip" | "x-compress") {
            // RFC 9110 section 8.4.1: the old names of the same codings.
            value.drain(..2);
        }
        let mut weight = None;
        for part in parts {
            let (key, said) = part.split_once('=')?;
            if weight.is_some() || part.contains([' ', '\t']) {
                return None;
            } else if key.eq_ignore_ascii_case("q") {
                weight = Some(thousandths(said.as_bytes())?);
            } else if *name == header::ACCEPT {
                value.extend([";", &key.to_ascii_lowercase(), "=", said]);
            } else {
                return None;
            }
        }
        Some(Self { value, weight: weight.unwrap_or(WHOLE) })
    }
}

impl fmt::Display for Preference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)?;
        match self.weight {
            WHOLE => Ok(()),
            0 => f.write_str(";q=0"),
            weight => write!(f, ";q=0.{}", format!("{weight:03}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spelled(name: &HeaderName, value: &str) -> String {
        String::from_utf8(normal(name, value.as_bytes()).into_owned()).expect("text stays text")
    }

    #[test]
    fn spellings_of_one_meaning_and_of_different_ones() {
        let (language, coding, kind) = (header::ACCEPT_LANGUAGE, header::ACCEPT_ENCODING, header::ACCEPT);
        let unknown = HeaderName::from_static("foo");
        let same = [
            (&language, "en, de", " eN ,   De"),
            (&language, "en, de", "de, en"),
            (&language, "de;q=0.50, en;q=1.000", "en,de ; Q=0.5"),
            (&coding, "gzip, br", "br,gzip;q=1.0"),
            (&coding, "x-gzip", "GZIP"),
            (&coding, "x-compress;q=0.5", "compress;q=0.500"),
            (&kind, "text/HTML;Level=1;q=0.7, */*", "*/*,text/html;level=1;q=0.70"),
            (&unknown, "1,2", " 1, 2 "),
            (&unknown, "\"a, b\" ,c", "\"a, b\",c"),
        ];
        for (name, one, other) in same {
            assert_eq!(spelled(name, one), spelled(name, other), "{name}");
        }
        let different = [
            (&language, "de;q=0.5, en", "de, en;q=0.5"),
            (&language, "de;q=0", "de"),
            (&coding, "gzip", "gzip, br"),
            (&kind, "text/html;level=1", "text/html;level=2"),
            (&kind, "a/b;x=Y", "a/b;x=y"),
            (&kind, "a/b;x=1;q=0.5", "a/b;q=0.5;x=1"),
            (&unknown, "1,2", "2,1"),
            (&unknown, "A", "a"),
            (&unknown, "1,,2", "1,2"),
            (&unknown, "\"a, b\"", "\"a,b\""),
            (&header::COOKIE, "a=1, 2", "a=1,2"),
        ];
        for (name, one, other) in different {
            assert_ne!(spelled(name, one), spelled(name, other), "{name}");
        }
    }

    #[test]
    fn a_favourite_stands_alone_at_the_top() {
        let cases = [
            ("fr;q=0.5, de;q=1.0", Some("de")),
            ("DE-ch", Some("de-ch")),
            ("de, en", None),
            ("de;q=0", None),
            ("de;q=x, en;q=0.1", None),
            ("", None),
        ];
        for (value, expected) in cases {
            assert_eq!(favourite_language(value.as_bytes()).as_deref(), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_spelling_is_its_own_spelling(name in 0_usize..6, value in proptest::collection::vec(any::<u8>(), 0..40), text in "[a-c*/;=q01.\", \t\\\\]{0,24}") {
            let names = [WEIGHED[0].clone(), WEIGHED[1].clone(), WEIGHED[2].clone(), WEIGHED[3].clone(), header::COOKIE, HeaderName::from_static("foo")];
            for value in [value.as_slice(), text.as_bytes()] {
                let once = normal(&names[name], value).into_owned();
                prop_assert_eq!(normal(&names[name], &once).into_owned(), once.clone());
                let _ = favourite_language(value);
            }
        }
    }
}
