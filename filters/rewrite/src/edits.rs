//! Changes to a header section, as an operator writes them: `remove`, then `set`, then `add`.
//!
//! Names and values are checked while they are read, so that no edit can fail on a request.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;
use std::str::FromStr;

use forebay_sdk::{HeaderName, Headers, settings};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Headers of the connection and of framing: they belong to the proxy, and a wrong one breaks the message.
const OF_THE_CONNECTION: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// What to change.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Edits {
    remove: Vec<Name>,
    set: Table<Value>,
    add: Table<Vec<Value>>,
}

impl Edits {
    /// Makes the changes.
    pub(crate) fn apply(&self, headers: &mut Headers) {
        for Name(name) in &self.remove {
            headers.remove(name.as_str());
        }
        for (Name(name), Value(value)) in &self.set.0 {
            headers.set(name.as_str(), value);
        }
        for (Name(name), values) in &self.add.0 {
            for Value(value) in values {
                headers.add(name.as_str(), value);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.0.is_empty() && self.add.0.is_empty()
    }
}

/// The name of a header that may be changed.
#[derive(Debug)]
struct Name(HeaderName);

/// A header's value: one line (RFC 9110 section 5.5).
#[derive(Debug)]
struct Value(String);

/// A table by header names, in the order it is written.
#[derive(Debug)]
struct Table<T>(Vec<(Name, T)>);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name: HeaderName = text.parse()?;
        if OF_THE_CONNECTION.contains(&name.as_str()) {
            return Err(format!("\"{name}\" belongs to the connection and cannot be changed"));
        }
        Ok(Self(name))
    }
}

impl FromStr for Value {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unfit = |character: char| character.is_control() && character != '\t';
        if text.contains(unfit) || text.trim() != text {
            return Err(format!("{text:?} is no header value: it must be one line without blanks around it"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
    type Value = Table<T>;

    fn expecting(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str("a table of header names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Table(entries))
    }
}
