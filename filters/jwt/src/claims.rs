//! What a token claims, and what is asked of it (RFC 7519 section 4.1).

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};
use std::time::{Duration, SystemTime};

use forebay_sdk::Span;
use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// The claims of a token whose signature holds.
#[derive(Debug)]
pub(crate) struct Claims(Map<String, Value>);

/// Half of what the cache takes from all filters of an exchange together.
const KEY_BYTES_MAX: usize = 8 * 1024;

/// Whether something must be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Presence {
    #[default]
    Required,
    Optional,
}

/// The values of a claim in `require`: in settings a list, one value, or `true`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    Any,
    OneOf(Vec<String>),
}

impl Claims {
    pub(crate) fn parse(payload: Vec<u8>) -> Option<Self> {
        serde_json::from_slice(&payload).ok().map(Self)
    }

    pub(crate) fn check_times(&self, now: SystemTime, leeway: Option<Span>, expiry: Presence) -> Result<(), Refusal> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64();
        let leeway = leeway.map_or(0.0, |leeway| leeway.as_secs() as f64);
        match self.date("exp")? {
            Some(expires) if now >= expires + leeway => return Err(Refusal::Expired),
            None if expiry == Presence::Required => return Err(Refusal::Expired),
            _ => {}
        }
        match self.date("nbf")? {
            Some(begins) if now < begins - leeway => Err(Refusal::Early),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_parties(&self, issuers: &[String], audiences: &[String]) -> Result<(), Refusal> {
        if !issuers.is_empty() && !self.names("iss", issuers) {
            return Err(Refusal::Issuer);
        }
        if !audiences.is_empty() && !self.names("aud", audiences) {
            return Err(Refusal::Audience);
        }
        Ok(())
    }

    pub(crate) fn check_required(&self, required: &BTreeMap<String, Accepted>) -> Result<(), Refusal> {
        let fits = |(claim, accepted): (&String, &Accepted)| match accepted {
            Accepted::Any => self.0.get(claim).is_some_and(|value| !value.is_null()),
            Accepted::OneOf(values) => self.names(claim, values),
        };
        if required.iter().all(fits) { Ok(()) } else { Err(Refusal::Insufficient) }
    }

    /// Whether what origin and cache are told of can be said: no header has a control character, and a part that the
    /// cache has no room for would be left out, so that its response were everybody's.
    pub(crate) fn check_texts<'s>(
        &self,
        headers: impl Iterator<Item = &'s String>,
        key_claims: &[String],
    ) -> Result<(), Refusal> {
        let plain = |text: String| !text.contains(|character: char| character.is_control());
        let said = headers.filter_map(|claim| self.text(claim)).all(plain);
        let key_bytes: usize = key_claims.iter().filter_map(|claim| self.text(claim)).map(|text| text.len()).sum();
        if said && key_bytes <= KEY_BYTES_MAX { Ok(()) } else { Err(Refusal::Malformed) }
    }

    /// A claim as one text: a list of plain texts with commas between them, what has more structure as JSON.
    pub(crate) fn text(&self, claim: &str) -> Option<String> {
        match self.0.get(claim)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Array(items) => {
                let plain: Option<Vec<&str>> =
                    items.iter().map(|item| item.as_str().filter(|text| !text.contains(','))).collect();
                Some(plain.map_or_else(|| Value::Array(items.clone()).to_string(), |texts| texts.join(",")))
            }
            other => Some(other.to_string()),
        }
    }

    /// A NumericDate, which may have a fraction.
    fn date(&self, claim: &str) -> Result<Option<f64>, Refusal> {
        match self.0.get(claim) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or(Refusal::Malformed),
        }
    }

    /// Whether a claim is one of these values or a list with one of them. A `scope` lists its values with blanks
    /// between (RFC 8693 section 4.2).
    fn names(&self, claim: &str, values: &[String]) -> bool {
        let one_of = |text: &str| values.iter().any(|value| value == text);
        match self.0.get(claim) {
            Some(Value::String(text)) if claim == "scope" => text.split(' ').any(one_of),
            Some(Value::String(text)) => one_of(text),
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).any(one_of),
            Some(other @ (Value::Bool(_) | Value::Number(_))) => one_of(&other.to_string()),
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Accepted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Accepted;

    fn expecting(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str("a list of texts, a text, or true")
    }

    fn visit_bool<E: Error>(self, any: bool) -> Result<Accepted, E> {
        if any { Ok(Accepted::Any) } else { Err(E::invalid_value(Unexpected::Bool(any), &self)) }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Accepted, E> {
        Ok(Accepted::OneOf(vec![value.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Accepted, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Accepted::OneOf(values))
    }
}
