//! Which media types a setting speaks of: `text/html`, `text/*`, or `+json`, every type that is JSON underneath.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// Held in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaRange {
    Exact(String),
    /// `text/*`, held as `text/`.
    Top(String),
    /// A structured syntax suffix (RFC 6839), held as `+json`.
    Suffix(String),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a media type; write one as in \"text/html\", \"text/*\" or \"+json\"")]
pub struct MediaRangeError;

impl MediaRange {
    /// `media_type` without parameters, in any case.
    pub fn covers(&self, media_type: &str) -> bool {
        let bytes = media_type.as_bytes();
        match self {
            Self::Exact(exact) => media_type.eq_ignore_ascii_case(exact),
            Self::Top(top) => bytes.get(..top.len()).is_some_and(|start| start.eq_ignore_ascii_case(top.as_bytes())),
            Self::Suffix(suffix) => {
                let start = bytes.len().checked_sub(suffix.len());
                start.is_some_and(|start| bytes[start..].eq_ignore_ascii_case(suffix.as_bytes()))
            }
        }
    }
}

impl FromStr for MediaRange {
    type Err = MediaRangeError;

    fn from_str(text: &str) -> Result<Self, MediaRangeError> {
        let lower = text.to_ascii_lowercase();
        if lower.strip_prefix('+').is_some_and(is_name) {
            return Ok(Self::Suffix(lower));
        }
        match lower.split_once('/') {
            Some((top, "*")) if is_name(top) => Ok(Self::Top(format!("{top}/"))),
            Some((top, sub)) if is_name(top) && is_name(sub) => Ok(Self::Exact(lower)),
            _ => Err(MediaRangeError),
        }
    }
}

/// A restricted name (RFC 6838 section 4.2).
fn is_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    first && text.len() <= 127 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
}

impl Display for MediaRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) | Self::Suffix(text) => f.write_str(text),
            Self::Top(top) => write!(f, "{top}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    #[test]
    fn each_form_covers_what_it_says() {
        let cases = [
            ("text/html", "TEXT/HTML", true),
            ("text/html", "text/htmlx", false),
            ("Text/*", "text/plain", true),
            ("text/*", "text", false),
            ("text/*", "textual/plain", false),
            ("+json", "application/ld+JSON", true),
            ("+json", "application/json", false),
            ("+json", "json", false),
            ("+xml", "image/svg+xml", true),
            ("+json", "", false),
            ("text/*", "tex\u{e9}/x", false),
        ];
        for (range, media_type, expected) in cases {
            let range: MediaRange = range.parse().expect("a test range");
            assert_eq!(range.covers(media_type), expected, "{range} {media_type}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in
            ["", "*", "*/*", "text", "text/", "/html", "text/html; charset=utf-8", "a/b/c", "+", "+a/b", "te xt/*"]
        {
            assert_eq!(text.parse::<MediaRange>(), Err(MediaRangeError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), media_type in any::<String>()) {
            if let Ok(range) = text.parse::<MediaRange>() {
                range.covers(&media_type);
                prop_assert_eq!(range.to_string().parse::<MediaRange>(), Ok(range));
            }
        }
    }
}
