//! The cookie by which a filter knows a user again (RFC 6265).
//!
//! Its attributes are the operator's: a filter takes them as a table of its settings and gives only the value.

use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::{Span, settings};

/// A cookie as a table of the settings writes it.
///
/// | key | default | |
/// |---|---|---|
/// | `name` | the filter's | |
/// | `max_age` | `"30d"` | how long a user keeps the place: a number and `s`, `m`, `h` or `d` |
/// | `path` | `"/"` | |
/// | `domain` | none | the host alone, without its subdomains |
/// | `secure` | `false` | sent over https only |
/// | `http_only` | `true` | hidden from scripts |
/// | `same_site` | `"Lax"` | `"Strict"`, `"Lax"` or `"None"` |
///
/// ```
/// use forebay_sdk::SetCookie;
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::{get, rehearse, response};
///
/// #[derive(Deserialize)]
/// struct Settings { #[serde(default)] cookie: SetCookie }
///
/// struct Seen { cookie: SetCookie }
///
/// impl Filter for Seen {
///     type Settings = Settings;
///     fn new(settings: Settings) -> Self { Self { cookie: settings.cookie.or_named("seen") } }
///     fn on_response(&self, response: &mut Response) -> Flow {
///         response.headers_mut().add("set-cookie", self.cookie.holding("yes"));
///         Flow::Continue
///     }
/// }
///
/// # fn main() -> Result<(), String> {
/// let seen = rehearse::<Seen>(r#"{ "cookie": { "max_age": "1h", "secure": true } }"#)?;
/// let answer = seen.request(get("http://shop.example/")).respond(response(200));
/// assert_eq!(answer.header("set-cookie"), Some("seen=yes; Path=/; Max-Age=3600; SameSite=Lax; Secure; HttpOnly"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SetCookie {
    /// Empty where the operator leaves it to the filter.
    #[serde(deserialize_with = "name")]
    name: String,
    max_age: Span,
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

impl SetCookie {
    /// The name that the operator gave, or else this one.
    ///
    /// ```
    /// # use forebay_sdk::SetCookie;
    /// let cookie = SetCookie::default().or_named("arm");
    /// assert_eq!(cookie.or_named("other").name(), "arm");
    /// ```
    #[must_use]
    pub fn or_named(mut self, name: &str) -> Self {
        if self.name.is_empty() {
            name.clone_into(&mut self.name);
        }
        self
    }

    /// The name, to look the cookie up with [`Request::cookie`](crate::Request::cookie).
    ///
    /// ```
    /// # use forebay_sdk::{SetCookie, rehearsal::{alone, get}};
    /// let cookie = SetCookie::default().or_named("arm");
    /// alone::request(get("http://shop.example/").with("cookie", "a=1; arm=b"), |request| {
    ///     assert_eq!(request.cookie(cookie.name()).as_deref(), Some("b"));
    /// });
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `Set-Cookie` that gives a user this value, which must be of characters a cookie can hold.
    ///
    /// ```
    /// # use forebay_sdk::SetCookie;
    /// let cookie = SetCookie::default().or_named("arm");
    /// assert_eq!(cookie.holding("b"), "arm=b; Path=/; Max-Age=2592000; SameSite=Lax; HttpOnly");
    /// ```
    pub fn holding(&self, value: &str) -> String {
        let (name, path, age) = (&self.name, &self.path.0, self.max_age.as_secs());
        let mut cookie = format!("{name}={value}; Path={path}; Max-Age={age}");
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

impl Default for SetCookie {
    fn default() -> Self {
        Self {
            name: String::new(),
            max_age: Span::from_secs(30 * 86_400),
            path: Attribute("/".to_owned()),
            domain: None,
            secure: false,
            http_only: true,
            same_site: SameSite::Lax,
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
