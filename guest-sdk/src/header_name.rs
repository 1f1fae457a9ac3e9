//! A header's name in a filter's settings, checked while it is read.
//!
//! What the operator wrote then cannot be refused by the proxy while a request waits.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::settings;

/// A header's name in lower case: a token (RFC 9110 section 5.1). In settings it is written as a text, in any case.
///
/// ```
/// use forebay_sdk::HeaderName;
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::{get, rehearse, response};
///
/// #[derive(Deserialize)]
/// struct Settings { hide: Vec<HeaderName> }
///
/// struct Hide { settings: Settings }
///
/// impl Filter for Hide {
///     type Settings = Settings;
///     fn new(settings: Settings) -> Self { Self { settings } }
///     fn on_response(&self, response: &mut Response) -> Flow {
///         for name in &self.settings.hide { response.headers_mut().remove(name.as_str()); }
///         Flow::Continue
///     }
/// }
///
/// # fn main() -> Result<(), String> {
/// let hide = rehearse::<Hide>(r#"{ "hide": ["Server"] }"#)?;
/// let answer = hide.request(get("http://shop.example/")).respond(response(200).with("server", "origin/1.0"));
/// assert_eq!(answer.header("server"), None);
///
/// let fault = rehearse::<Hide>(r#"{ "hide": ["Set Cookie"] }"#).err();
/// assert_eq!(fault.as_deref(), Some(r#"settings.hide[0]: "Set Cookie" is no header name"#));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderName(String);

impl HeaderName {
    /// The name in lower case.
    ///
    /// ```
    /// let name: forebay_sdk::HeaderName = "X-Served-By".parse()?;
    /// assert_eq!(name.as_str(), "x-served-by");
    /// # Ok::<(), String>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a header that the operator may switch off: a name, or `false` for none.
    ///
    /// ```
    /// use forebay_sdk::HeaderName;
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::rehearse;
    ///
    /// #[derive(Deserialize)]
    /// struct Settings {
    ///     #[serde(default, deserialize_with = "HeaderName::or_false")]
    ///     header: Option<HeaderName>,
    /// }
    ///
    /// struct Tell;
    ///
    /// impl Filter for Tell {
    ///     type Settings = Settings;
    ///     fn new(_: Settings) -> Self { Self }
    /// }
    ///
    /// assert!(rehearse::<Tell>(r#"{ "header": "x-arm" }"#).is_ok());
    /// assert!(rehearse::<Tell>(r#"{ "header": false }"#).is_ok());
    /// assert!(rehearse::<Tell>(r#"{ "header": true }"#).is_err());
    /// ```
    ///
    /// # Errors
    /// What is neither.
    pub fn or_false<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        deserializer.deserialize_any(NameOrFalse)
    }
}

struct NameOrFalse;

impl Visitor<'_> for NameOrFalse {
    type Value = Option<HeaderName>;

    fn expecting(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str("a header name, or false")
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<Option<HeaderName>, E> {
        if on { Err(E::invalid_value(Unexpected::Bool(on), &self)) } else { Ok(None) }
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<HeaderName>, E> {
        name.parse().map(Some).map_err(|_: String| E::invalid_value(Unexpected::Str(name), &self))
    }
}

impl Display for HeaderName {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for HeaderName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if settings::is_token(text) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(format!("\"{text}\" is no header name"))
    }
}

impl<'de> Deserialize<'de> for HeaderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::HeaderName;

    #[test]
    fn names_are_tokens_and_read_in_lower_case() {
        for (text, expected) in [("X-Served-By", "x-served-by"), ("etag", "etag"), ("x", "x"), ("X!~", "x!~")] {
            let name: HeaderName = text.parse().expect(text);
            assert_eq!((name.as_str(), name.to_string().as_str()), (expected, expected));
        }
        for text in ["", " ", "a b", "a:", ":path", "a\r\nb", "a\0", "na\u{ef}ve"] {
            assert_eq!(text.parse::<HeaderName>(), Err(format!("\"{text}\" is no header name")));
        }
    }
}
