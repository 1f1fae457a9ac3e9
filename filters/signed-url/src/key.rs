//! The secrets, and how a signature is written.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use forebay_sdk::settings;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;

/// Half of what the hash gives (RFC 2104 section 3 advises all of it): shorter ones are words that can be guessed.
const SECRET_BYTES_MIN: usize = 16;

/// `keys` of the settings: at least one.
#[derive(Debug)]
pub(crate) struct Keys(BTreeMap<String, Key>);

/// One secret, ready to sign.
pub(crate) struct Key(Hmac<Sha256>);

/// `encoding` of the settings.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    #[default]
    Base64url,
    Hex,
}

impl Keys {
    /// The key of this id; without an id, the only one.
    pub(crate) fn named(&self, id: Option<&str>) -> Option<&Key> {
        match id {
            Some(id) => self.0.get(id),
            None => self.0.values().next().filter(|_| self.0.len() == 1),
        }
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::checked::<D, BTreeMap<String, Key>, Self>(deserializer)
    }
}

impl TryFrom<BTreeMap<String, Key>> for Keys {
    type Error = &'static str;

    fn try_from(keys: BTreeMap<String, Key>) -> Result<Self, &'static str> {
        if keys.is_empty() { Err("there must be a key") } else { Ok(Self(keys)) }
    }
}

impl Key {
    /// Whether this is the signature of the text by this key; takes the same time for every wrong one.
    pub(crate) fn signed(&self, text: &str, signature: &[u8]) -> bool {
        self.0.clone().chain_update(text).verify_slice(signature).is_ok()
    }
}

/// The secret itself is not shown.
impl Debug for Key {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str("Key")
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(secret: &str) -> Result<Self, String> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(format!("a secret has {SECRET_BYTES_MIN} bytes or more"));
        }
        Ok(Self(Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length")))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

impl Encoding {
    /// The bytes of a signature; `None` where it is written another way.
    pub(crate) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Base64url => Base64UrlUnpadded::decode_vec(text).ok(),
            Self::Hex => {
                let digits: Option<Vec<u8>> =
                    text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
                let pairs = digits.filter(|digits| digits.len().is_multiple_of(2))?;
                Some(pairs.chunks_exact(2).map(|pair| pair[0] * 16 + pair[1]).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Encoding;

    #[test]
    fn signatures_are_read_strictly() {
        for (encoding, text, expected) in [
            (Encoding::Hex, "00fF", Some(vec![0x00, 0xff])),
            (Encoding::Hex, "", Some(vec![])),
            (Encoding::Hex, "0", None),
            (Encoding::Hex, "0x", None),
            (Encoding::Hex, "+1", None),
            (Encoding::Hex, "\u{e9}1", None),
            (Encoding::Base64url, "_-8", Some(vec![0xff, 0xef])),
            (Encoding::Base64url, "_-8=", None),
            (Encoding::Base64url, "/+8", None),
            (Encoding::Base64url, "_-9", None),
        ] {
            assert_eq!(encoding.decode(text), expected, "{text}");
        }
    }
}
