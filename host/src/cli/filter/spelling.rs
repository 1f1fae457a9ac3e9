//! How values of messages are written in a file of cases: methods, URLs, statuses, header fields.
//!
//! Each is read by a function that serde is told of, so that what cannot be sent is refused with its place in the file.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::wanted::Wanted;

/// Anything that is written as a string.
pub(super) fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|error| Error::custom(format!("{text:?} cannot be used: {error}")))
}

/// The same where it may be left out.
pub(super) fn parsed_if_any<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    parsed(deserializer).map(Some)
}

pub(super) fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uri, D::Error> {
    let url: Uri = parsed(deserializer)?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.authority().is_none() {
        return Err(Error::custom(format!("\"{url}\" is not a whole URL; write \"http://HOST/PATH\"")));
    }
    Ok(url)
}

/// A path with its query, as requests in origin form have it.
pub(super) fn path_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let path = String::deserialize(deserializer)?;
    if !path.starts_with('/') {
        return Err(Error::custom(format!("{path:?} is not a path; write \"/PATH\", with the query if there is one")));
    }
    Ok(Some(path))
}

pub(super) fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
    let number = u16::deserialize(deserializer)?;
    StatusCode::from_u16(number).map_err(|_| Error::custom(format!("{number} is not a status; write 100 to 999")))
}

pub(super) fn status_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<StatusCode>, D::Error> {
    status(deserializer).map(Some)
}

/// Fields by name, each with one value or a list of them.
pub(super) fn fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    let mut fields = HeaderMap::new();
    for (name, values) in BTreeMap::<String, Wanted>::deserialize(deserializer)? {
        let field: HeaderName = name.parse().map_err(|_| Error::custom(format!("{name:?} is not a field name")))?;
        let Wanted::Texts(values) = values else {
            return Err(Error::custom(format!("{name:?} needs a value: a string or a list of strings")));
        };
        for value in values {
            let sent = HeaderValue::from_str(&value);
            fields.append(&field, sent.map_err(|_| Error::custom(format!("{value:?} is not a field value")))?);
        }
    }
    Ok(fields)
}

pub(super) fn fields_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HeaderMap>, D::Error> {
    fields(deserializer).map(Some)
}
