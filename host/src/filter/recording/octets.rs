//! Bytes as a trace writes them: text where they are text, so that people can read it, and base64 where they are not.

use std::fmt;

use base64ct::{Base64, Encoding};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The one key of the object that stands for bytes which are no text.
const BASE64: &str = "base64";

/// Any bytes. Displays as a quoted text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::filter) struct Octets(pub(in crate::filter) Vec<u8>);

impl From<&[u8]> for Octets {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for Octets {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = str::from_utf8(&self.0) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(BASE64, &Base64::encode_string(&self.0))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OctetsVisitor)
    }
}

struct OctetsVisitor;

impl<'de> Visitor<'de> for OctetsVisitor {
    type Value = Octets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or an object with \"base64\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Octets, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Octets, E> {
        Ok(Octets(text.into_bytes()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Octets, A::Error> {
        let Some((key, value)) = map.next_entry::<String, String>()? else {
            return Err(A::Error::missing_field(BASE64));
        };
        if key != BASE64 {
            return Err(A::Error::unknown_field(&key, &[BASE64]));
        }
        Base64::decode_vec(&value).map(Octets).map_err(|_| A::Error::custom("not base64"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stays_readable_and_other_bytes_survive() {
        for (bytes, written) in [(&b"a\n\"b"[..], r#""a\n\"b""#), (b"", r#""""#), (b"\xff\x00", r#"{"base64":"/wA="}"#)]
        {
            assert_eq!(serde_json::to_string(&Octets::from(bytes)).unwrap(), written);
        }
    }

    #[test]
    fn what_is_no_bytes_is_refused() {
        for written in ["1", "null", "{}", r#"{"base63":""}"#, r#"{"base64":"*"}"#, r#"{"base64":1}"#] {
            assert!(serde_json::from_str::<Octets>(written).is_err(), "{written}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes: Vec<u8>) {
            let octets = Octets(bytes);
            let written = serde_json::to_string(&octets).unwrap();
            prop_assert_eq!(serde_json::from_str::<Octets>(&written).unwrap(), octets);
        }
    }
}
