//! The geo-headers filter: tells the origin where a client is, by a table of networks.
//!
//! | key | default | what it does |
//! |---|---|---|
//! | `networks` | required | a table for each network, of the headers its clients get; the narrowest network decides |
//! | `otherwise` | none | the headers of clients that are in no network |
//! | `key_headers` | none | headers by which responses are stored apart |
//!
//! What a client itself sends in any header of the table is removed, also with `_` for `-`.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use forebay_sdk::{Filter, Flow, HeaderName, Network, Request, export, settings};
use serde::{Deserialize, Deserializer};

/// Headers with their values.
type Place = BTreeMap<HeaderName, Value>;

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    networks: Vec<Located>,
    #[serde(default)]
    otherwise: Place,
    #[serde(default)]
    key_headers: Vec<KeyHeader>,
}

/// A value that the proxy does not refuse, as then what the client sent would stand.
#[derive(Debug)]
struct Value(String);

impl FromStr for Value {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = !text.contains(|character: char| character.is_control());
        if plain { Ok(Self(text.to_owned())) } else { Err(format!("{text:?} cannot stand in a header")) }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

/// A header whose name can also be that of a part of the cache key.
#[derive(Debug)]
struct KeyHeader(HeaderName);

impl FromStr for KeyHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name: HeaderName = text.parse()?;
        let word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if word && text.len() <= NAME_BYTES_MAX {
            return Ok(Self(name));
        }
        Err(format!(
            "\"{text}\" is no name for the cache key: {NAME_BYTES_MAX} letters, digits, \"-\", \"_\" and \".\""
        ))
    }
}

impl<'de> Deserialize<'de> for KeyHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

/// A part's name has 64 bytes, with `geo.` before it.
const NAME_BYTES_MAX: usize = 60;

/// A network and what is known of its clients.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Located {
    network: Network,
    headers: Place,
}

/// The filter.
#[derive(Debug)]
pub struct GeoHeaders {
    /// The narrowest first, so that the first that holds a client decides.
    networks: Vec<Located>,
    otherwise: Place,
    key_headers: Vec<KeyHeader>,
    /// Every header that the table has.
    known: BTreeSet<HeaderName>,
}

impl Filter for GeoHeaders {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        let Settings { mut networks, otherwise, key_headers } = settings;
        networks.sort_by_key(|located| std::cmp::Reverse(located.network.prefix_bits()));
        let places = networks.iter().map(|located| &located.headers).chain([&otherwise]);
        let known = places.flat_map(BTreeMap::keys).cloned().collect();
        Self { networks, otherwise, key_headers, known }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        let client = request.client();
        let holds = |located: &&Located| client.is_some_and(|client| located.network.contains(client));
        let place = self.networks.iter().find(holds).map_or(&self.otherwise, |located| &located.headers);
        for name in &self.known {
            let headers = request.headers_mut().remove_alike(name.as_str());
            if let Some(Value(value)) = place.get(name) {
                headers.set(name.as_str(), value);
            }
        }
        for KeyHeader(name) in &self.key_headers {
            if let Some(Value(value)) = place.get(name) {
                request.cache().key_part(&format!("geo.{name}"), value);
            }
        }
        Flow::Continue
    }
}

export!(GeoHeaders);

#[cfg(test)]
mod tests;
