//! Security headers: what browsers need to be told before they are careful.

use std::fmt::{self, Formatter};

use forebay_sdk::Headers;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// `headers` of the settings. Where the origin sends a header of its own, that one stays.
///
/// | key | default |
/// |---|---|
/// | `x-content-type-options` | `"nosniff"` |
/// | `x-frame-options` | `"SAMEORIGIN"` |
/// | `referrer-policy` | `"strict-origin-when-cross-origin"` |
/// | `content-security-policy` | `false`: it depends on the site |
/// | `permissions-policy` | `false` |
/// | `strict-transport-security` | `false`: for sites that are reached over https only |
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Hardening {
    x_content_type_options: Value,
    x_frame_options: Value,
    referrer_policy: Value,
    content_security_policy: Value,
    permissions_policy: Value,
    strict_transport_security: Value,
}

impl Hardening {
    /// Adds each header that is switched on and missing.
    pub(crate) fn apply(&self, headers: &mut Headers) {
        for (name, Value(value)) in [
            ("x-content-type-options", &self.x_content_type_options),
            ("x-frame-options", &self.x_frame_options),
            ("referrer-policy", &self.referrer_policy),
            ("content-security-policy", &self.content_security_policy),
            ("permissions-policy", &self.permissions_policy),
            ("strict-transport-security", &self.strict_transport_security),
        ] {
            if let Some(value) = value
                && headers.bytes(name).is_none()
            {
                headers.set(name, value);
            }
        }
    }
}

impl Default for Hardening {
    fn default() -> Self {
        let on = |value: &str| Value(Some(value.to_owned()));
        let off = || Value(None);
        Self {
            x_content_type_options: on("nosniff"),
            x_frame_options: on("SAMEORIGIN"),
            referrer_policy: on("strict-origin-when-cross-origin"),
            content_security_policy: off(),
            permissions_policy: off(),
            strict_transport_security: off(),
        }
    }
}

/// A header's value, or `None` where it is switched off.
#[derive(Debug)]
struct Value(Option<String>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrFalse)
    }
}

struct TextOrFalse;

impl Visitor<'_> for TextOrFalse {
    type Value = Value;

    fn expecting(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str("the header's value on one line, or false")
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<Value, E> {
        if on { Err(E::invalid_value(Unexpected::Bool(on), &self)) } else { Ok(Value(None)) }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        if value.is_empty() || value.trim() != value || value.contains(|character: char| character.is_control()) {
            return Err(E::invalid_value(Unexpected::Str(value), &self));
        }
        Ok(Value(Some(value.to_owned())))
    }
}
