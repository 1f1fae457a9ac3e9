//! From a [`Json`] tree to the filter's own type.
//!
//! Each kind of value has its own short way, as a filter's module carries the code once per type that it reads.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::fault::Fault;
use super::json::Json;
use super::parse::parse;

/// Reads the settings, where nothing at all counts as an empty table and, for a filter without settings, as `()`.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let tree = tree(text)?;
    T::deserialize(&tree).or_else(|fault| or_nothing(&tree, &fault))
}

fn tree(text: &str) -> Result<Json, String> {
    if text.trim_ascii().is_empty() {
        return Ok(Json::Table(Vec::new()));
    }
    parse(text).map_err(|fault| fault.to_string())
}

fn or_nothing<T: DeserializeOwned>(tree: &Json, fault: &Fault) -> Result<T, String> {
    let nothing = matches!(tree, Json::Table(entries) if entries.is_empty());
    let read = if nothing { T::deserialize(&Json::Null).ok() } else { None };
    read.ok_or_else(|| fault.to_string())
}

impl Json {
    fn unexpected(&self, expected: &dyn Expected) -> Fault {
        Fault::invalid_type(self.found(), expected)
    }

    fn integer<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Self::Unsigned(value) => visitor.visit_u64(*value),
            Self::Signed(value) => visitor.visit_i64(*value),
            _ => Err(self.unexpected(&visitor)),
        }
    }
}

/// Several of the trait's functions that are one.
macro_rules! read_as {
    ($way:ident: $($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.$way(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for &'de Json {
    type Error = Fault;

    read_as!(integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64);
    read_as!(integer: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    read_as!(deserialize_f64: deserialize_f32);
    read_as!(deserialize_str: deserialize_string deserialize_char deserialize_identifier);
    forward_to_deserialize_any! { bytes byte_buf }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Json::Null => visitor.visit_unit(),
            Json::Bool(value) => visitor.visit_bool(*value),
            Json::Unsigned(value) => visitor.visit_u64(*value),
            Json::Signed(value) => visitor.visit_i64(*value),
            Json::Decimal(value) => visitor.visit_f64(*value),
            Json::Text(text) => visitor.visit_borrowed_str(text),
            Json::List(_) => self.deserialize_seq(visitor),
            Json::Table(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Json::Bool(value) => visitor.visit_bool(*value),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Json::Decimal(value) => visitor.visit_f64(*value),
            _ => self.integer(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Json::Text(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Json::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Json::Null => visitor.visit_unit(),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Json::List(items) = self else { return Err(self.unexpected(&visitor)) };
        let mut list = List { items, read: 0 };
        let value = visitor.visit_seq(&mut list)?;
        if list.read < items.len() {
            return Err(Fault::invalid_length(items.len(), &"fewer items"));
        }
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Json::Table(entries) = self else { return Err(self.unexpected(&visitor)) };
        visitor.visit_map(Table { entries, key: "", value: &Json::Null })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    /// A variant is its name, or a table of its name and what it holds.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self {
            Json::Text(name) => visitor.visit_enum(Variant { name, value: &Json::Null }),
            Json::Table(entries) => match &entries[..] {
                [(name, value)] => visitor.visit_enum(Variant { name, value }),
                _ => Err(Fault::invalid_length(entries.len(), &"a table with one key")),
            },
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

struct List<'de> {
    items: &'de [Json],
    read: usize,
}

impl<'de> SeqAccess<'de> for &mut List<'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let index = self.read;
        let Some(item) = self.items.get(index) else { return Ok(None) };
        self.read += 1;
        seed.deserialize(item).map(Some).map_err(|fault| fault.at(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.read)
    }
}

struct Table<'de> {
    entries: &'de [(String, Json)],
    key: &'de str,
    value: &'de Json,
}

impl<'de> MapAccess<'de> for Table<'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some(((key, value), rest)) = self.entries.split_first() else { return Ok(None) };
        (self.entries, self.key, self.value) = (rest, key, value);
        let read: StrDeserializer<'de, Fault> = key.as_str().into_deserializer();
        seed.deserialize(read).map(Some).map_err(|fault| fault.under(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self.value).map_err(|fault| fault.under(self.key))
    }
}

struct Variant<'de> {
    name: &'de str,
    value: &'de Json,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let name: StrDeserializer<'de, Fault> = self.name.into_deserializer();
        seed.deserialize(name).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.value {
            Json::Null => Ok(()),
            _ => Err(self.value.unexpected(&"nothing").under(self.name)),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self.value).map_err(|fault| fault.under(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.value.deserialize_seq(visitor).map_err(|fault| fault.under(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.value.deserialize_map(visitor).map_err(|fault| fault.under(self.name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use serde::Deserialize;

    use super::read;
    use crate::settings::from_text;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Door {
        #[serde(default)]
        rules: Vec<Rule>,
        status: Option<u16>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Rule {
        #[serde(deserialize_with = "from_text")]
        from: IpAddr,
        name: String,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Act {
        Allow,
        Block(u16),
        Between(u8, u8),
        Send { to: String },
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(untagged)]
    enum Header {
        Off(bool),
        Value(String),
        Many(Vec<f64>),
    }

    #[test]
    fn faults_name_their_key() {
        for (text, expected) in [
            (r#"{"status":"x"}"#, r#"settings.status: invalid type: string "x", expected u16"#),
            (r#"{"status":1.5}"#, "settings.status: invalid type: a number with a point, expected u16"),
            (r#"{"status":70000}"#, "settings.status: invalid value: integer `70000`, expected u16"),
            (r#"{"stat\"us":1}"#, r#"settings.stat"us: unknown field `stat"us`, expected `rules` or `status`"#),
            (r#"{"rules":[{"name":"a"}]}"#, "settings.rules[0]: missing field `from`"),
            (r#"{"rules":[],"rules":[]}"#, "settings: duplicate field `rules`"),
            (r#"{"rules":[],"status":{}}"#, "settings.status: invalid type: map, expected u16"),
            (
                r#"{"rules":[{"name":"a","from":"::1"},{"from":"x"}]}"#,
                "settings.rules[1].from: invalid IP address syntax",
            ),
            ("{\n \"status\":\n  true}", "settings.status: invalid type: boolean `true`, expected u16"),
            (r#"{"rules":[1]}"#, "settings.rules[0]: invalid type: integer `1`, expected struct Rule"),
            (r#"{"rules":null}"#, "settings.rules: invalid type: null, expected a sequence"),
            ("nonsense", "settings: expected a value (line 1 column 1)"),
        ] {
            assert_eq!(read::<Door>(text).expect_err(text), expected, "{text}");
        }
    }

    #[test]
    fn every_shape_of_enum_is_read() {
        for (text, expected) in [
            (r#""allow""#, Act::Allow),
            (r#"{"block":403}"#, Act::Block(403)),
            (r#"{"between":[1,2]}"#, Act::Between(1, 2)),
            (r#"{"send":{"to":"b"}}"#, Act::Send { to: "b".into() }),
        ] {
            assert_eq!(read::<Act>(text), Ok(expected), "{text}");
        }
        for (text, expected) in [
            (r#""deny""#, "settings: unknown variant `deny`, expected one of `allow`, `block`, `between`, `send`"),
            (r#"{"block":"x"}"#, r#"settings.block: invalid type: string "x", expected u16"#),
            (r#"{"between":[1,2,3]}"#, "settings.between: invalid length 3, expected fewer items"),
            (r#"{"allow":1}"#, "settings.allow: invalid type: integer `1`, expected nothing"),
            (r#"{"send":{}}"#, "settings.send: missing field `to`"),
            ("{}", "settings: invalid length 0, expected a table with one key"),
            ("[]", "settings: invalid type: sequence, expected enum Act"),
        ] {
            assert_eq!(read::<Act>(text).expect_err(text), expected, "{text}");
        }
    }

    #[test]
    fn what_describes_itself_is_read() {
        let headers = r#"{"a":false,"b":"c","d":[1,-2,0.5]}"#;
        let read = read::<BTreeMap<String, Header>>(headers).expect("headers");
        let values: Vec<Header> = read.into_values().collect();
        assert_eq!(values, [Header::Off(false), Header::Value("c".into()), Header::Many(vec![1.0, -2.0, 0.5])]);
    }

    #[test]
    fn nothing_written_reads_as_empty() {
        for text in ["", " \n", "{}", " { } "] {
            assert_eq!(read::<Door>(text), Ok(Door { rules: Vec::new(), status: None }), "{text:?}");
            assert_eq!(read::<()>(text), Ok(()), "{text:?}");
            assert_eq!(read::<Option<u8>>(text), Ok(None), "{text:?}");
        }
        assert_eq!(read::<Rule>(""), Err("settings: missing field `from`".into()));
    }
}
