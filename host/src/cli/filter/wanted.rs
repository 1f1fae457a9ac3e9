//! What a case wants of one value: a text, several of them, that it is there, or that it is not.
//!
//! Written as `"a"`, `["a", "b"]`, `true` or `false`. Header fields have several values when they are repeated, properties
//! when they are lists.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// These, in this order, and no others.
    Texts(Vec<String>),
    /// Whatever it says.
    There,
    Absent,
}

impl Wanted {
    pub(super) fn fits(&self, found: &[String]) -> bool {
        match self {
            Self::Texts(texts) => texts == found,
            Self::There => !found.is_empty(),
            Self::Absent => found.is_empty(),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Texts(texts) => f.write_str(&shown(texts)),
            Self::There => f.write_str("any"),
            Self::Absent => f.write_str("none"),
        }
    }
}

/// Values as a difference shows them.
pub(super) fn shown(values: &[String]) -> String {
    match values {
        [] => "none".to_owned(),
        values => values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(", "),
    }
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WantedVisitor)
    }
}

struct WantedVisitor;

impl<'de> Visitor<'de> for WantedVisitor {
    type Value = Wanted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a list of strings, true (any value) or false (none)")
    }

    fn visit_bool<E: Error>(self, there: bool) -> Result<Wanted, E> {
        Ok(if there { Wanted::There } else { Wanted::Absent })
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Wanted, E> {
        Ok(Wanted::Texts(vec![number.to_string()]))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Wanted, E> {
        Ok(Wanted::Texts(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Wanted, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            texts.push(text);
        }
        Ok(Wanted::Texts(texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        wanted: Wanted,
    }

    #[test]
    fn each_way_to_write_it_fits_what_it_says_and_nothing_else() {
        for (written, fitting, unfitting) in [
            (r#""a""#, &["a"][..], [&[][..], &["b"][..], &["a", "a"][..]]),
            (r#"["a", "b"]"#, &["a", "b"][..], [&[][..], &["b", "a"][..], &["a"][..]]),
            ("[]", &[][..], [&["a"][..], &[""][..], &["a", "b"][..]]),
            ("false", &[][..], [&["a"][..], &[""][..], &["a", "b"][..]]),
            ("7", &["7"][..], [&[][..], &["07"][..], &["7", "7"][..]]),
        ] {
            let file: File = toml::from_str(&format!("wanted = {written}")).unwrap();
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            assert!(file.wanted.fits(&owned(fitting)), "{written}");
            for found in unfitting {
                assert!(!file.wanted.fits(&owned(found)), "{written} {found:?}");
            }
        }
        assert!(Wanted::There.fits(&[String::new()]) && !Wanted::There.fits(&[]));
        assert!(toml::from_str::<File>("wanted = 1.5").is_err());
    }
}
