//! The cookie that keeps a user in place (RFC 6265).

use std::str::FromStr;

use forebay_sdk::settings;
use serde::{Deserialize, Deserializer};

use crate::arm::Place;

/// `cookie` of the settings.
///
/// | key | default | |
/// |---|---|---|
/// | `name` | `"forebay_canary"` | |
/// | `max_age` | `"30d"` | how long a user keeps the place: a number and `s`, `m`, `h` or `d` |
/// | `path` | `"/"` | |
/// | `domain` | none | the host alone, without its subdomains |
/// | `secure` | `false` | sent over https only |
/// | `http_only` | `true` | hidden from scripts |
/// | `same_site` | `"Lax"` | `"Strict"`, `"Lax"` or `"None"` |
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Cookie {
    #[serde(deserialize_with = "name")]
    pub(crate) name: String,
    max_age: Seconds,
    path: Attribute,
    domain: Option<Attribute>,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum SameSite {
    Strict,
    Lax,
    None,
}

impl Cookie {
    /// The `Set-Cookie` that gives a user this place.
    pub(crate) fn assigning(&self, place: Place) -> String {
        let (name, number, path, Seconds(age)) = (&self.name, place.number(), &self.path.0, self.max_age);
        let mut cookie = format!("{name}={number}; Path={path}; Max-Age={age}");
        if let Some(Attribute(domain)) = &self.domain {
            cookie.extend(["; Domain=", domain]);
        }
        cookie.push_str(match self.same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        });
        cookie.push_str(if self.secure { "; Secure" } else { "" });
        cookie.push_str(if self.http_only { "; HttpOnly" } else { "" });
        cookie
    }
}

impl Default for Cookie {
    fn default() -> Self {
        Self {
            name: "forebay_canary".to_owned(),
            max_age: Seconds(30 * 86_400),
            path: Attribute("/".to_owned()),
            domain: None,
            secure: false,
            http_only: true,
            same_site: SameSite::Lax,
        }
    }
}

/// A span of time, written as `"30d"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seconds(u64);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
        let spans = units.iter().filter_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, *seconds)));
        let mut seconds = spans.filter_map(|(number, seconds)| number.parse::<u64>().ok()?.checked_mul(seconds));
        match seconds.next() {
            Some(seconds) if seconds > 0 => Ok(Self(seconds)),
            _ => Err(format!("\"{text}\" is no span of time: write it as in \"45s\", \"30m\", \"12h\" or \"30d\"")),
        }
    }
}

/// Text that can stand behind `Path=` or `Domain=`.
#[derive(Debug)]
struct Attribute(String);

impl FromStr for Attribute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';') {
            return Err(format!("\"{text}\" cannot stand in a cookie"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    settings::from_text(deserializer).map(|Name(name)| name)
}

/// A cookie's name: a token (RFC 6265 section 4.1.1).
struct Name(String);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !settings::is_token(text) {
            return Err(format!("\"{text}\" is no name of a cookie"));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Seconds;

    #[test]
    fn spans_have_a_unit() {
        for (text, expected) in [("1s", 1), ("30m", 1_800), ("12h", 43_200), ("30d", 2_592_000)] {
            assert_eq!(text.parse(), Ok(Seconds(expected)), "{text}");
        }
        for text in ["", "s", "0s", "30", "1w", "-1d", "1.5h", "99999999999999999999d", "18446744073709551615m"] {
            assert!(text.parse::<Seconds>().is_err(), "{text}");
        }
    }
}
