//! Settings that are checked while they are read: a text by its type's `FromStr`, a table by `TryFrom`.

use std::fmt::{self, Display, Formatter};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// Reads a JSON text by a type's `FromStr`; the error becomes the fault the operator sees.
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::rehearse;
/// use forebay_sdk::settings::from_text;
///
/// #[derive(Deserialize)]
/// struct Settings {
///     #[serde(deserialize_with = "from_text")]
///     allow: std::net::IpAddr,
/// }
///
/// struct Door { settings: Settings }
///
/// impl Filter for Door {
///     type Settings = Settings;
///     fn new(settings: Settings) -> Self { Self { settings } }
/// }
///
/// let fault = rehearse::<Door>(r#"{ "allow": "10.0.0.256" }"#).err();
/// assert_eq!(fault.as_deref(), Some("settings.allow: invalid IP address syntax"));
/// ```
///
/// # Errors
/// What is not a text, and what the type refuses.
pub fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: Display,
{
    deserializer.deserialize_str(Text(PhantomData))
}

/// Hands the text over as it lies in the settings, without a copy of its own.
struct Text<T>(PhantomData<T>);

impl<T> Visitor<'_> for Text<T>
where
    T: FromStr,
    T::Err: Display,
{
    type Value = T;

    fn expecting(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Reads a table as it is written and makes of it what it must be; the error becomes the fault the operator sees.
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::rehearse;
/// use forebay_sdk::settings::checked;
/// use serde::Deserializer;
///
/// #[derive(Deserialize)]
/// struct Written { low: u32, high: u32 }
///
/// struct Range { low: u32, high: u32 }
///
/// impl TryFrom<Written> for Range {
///     type Error = String;
///     fn try_from(Written { low, high }: Written) -> Result<Self, String> {
///         if low <= high { Ok(Self { low, high }) } else { Err(format!("{low} is above {high}")) }
///     }
/// }
///
/// impl<'de> Deserialize<'de> for Range {
///     fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
///         checked::<D, Written, Self>(deserializer)
///     }
/// }
///
/// struct Ranges;
///
/// impl Filter for Ranges {
///     type Settings = Vec<Range>;
///     fn new(_: Vec<Range>) -> Self { Self }
/// }
///
/// let fault = rehearse::<Ranges>(r#"[{ "low": 1, "high": 2 }, { "low": 2, "high": 1 }]"#).err();
/// assert_eq!(fault.as_deref(), Some("settings[1]: 2 is above 1"));
/// ```
///
/// # Errors
/// What is not a table, what `W` refuses to read, and what `T` refuses to be made of.
pub fn checked<'de, D, W, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    W: Deserialize<'de>,
    T: TryFrom<W>,
    T::Error: Display,
{
    deserializer.deserialize_map(Table(PhantomData))
}

/// Reads a table and nothing else, where `W` alone might also take a text or a list.
struct Table<W, T>(PhantomData<(W, T)>);

impl<'de, W, T> Visitor<'de> for Table<W, T>
where
    W: Deserialize<'de>,
    T: TryFrom<W>,
    T::Error: Display,
{
    type Value = T;

    fn expecting(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        W::deserialize(MapAccessDeserializer::new(map))?.try_into().map_err(A::Error::custom)
    }
}
