//! A header's name in a filter's settings, checked while it is read.
//!
//! What the operator wrote then cannot be refused by the proxy while a request waits.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeaderName(String);

impl HeaderName {
    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
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
