//! Typed settings: from the operator's configuration to the filter's own type, with faults that name their key.
//!
//! Make wrong settings impossible to hold: give a value that needs a check a type of its own, and read that with
//! [`from_text`], or read a table whose keys must fit together with [`checked`]. A fault then says where it is:
//! `settings.networks[1]: "10.0.0.0/40" ...`.

use std::fmt::{self, Display, Formatter};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, Visitor};

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
/// assert_eq!(fault.as_deref(), Some("settings.allow: invalid IP address syntax (line 1 column 23)"));
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

/// Checks the text inside the visitor: there the reader still knows its place, which `try_from` would lose.
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
/// assert_eq!(fault.as_deref(), Some("settings[1]: 2 is above 1 (line 1 column 49)"));
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

/// Checks the table inside the visitor, for the same reason.
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

/// Whether a text is a token, as the names of headers and cookies are (RFC 9110 section 5.6.2).
///
/// ```
/// use forebay_sdk::settings::is_token;
///
/// assert!(is_token("x-served-by"));
/// assert!(!is_token("x served by") && !is_token(""));
/// ```
pub fn is_token(text: &str) -> bool {
    let of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(of_token)
}

/// Reads the settings, where nothing at all counts as an empty table and, for a filter without settings, as `()`.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let text = text.trim();
    if text.is_empty() || text == "{}" {
        let empty = serde_json::from_str("{}");
        return empty.or_else(|fault| serde_json::from_str("null").map_err(|_| explain("{}", &fault)));
    }
    serde_json::from_str(text).map_err(|fault| explain(text, &fault))
}

fn explain(text: &str, fault: &serde_json::Error) -> String {
    let (line, column) = (fault.line(), fault.column());
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let read = text.as_bytes().get(..before + column).unwrap_or(text.as_bytes());
    let place = format!(" at line {line} column {column}");
    let message = fault.to_string().replace(&place, "");
    format!("settings{}: {message} (line {line} column {column})", key_path(read))
}

/// The path of the value that JSON text breaks off in or after, as `.rules[1].path`; empty for the whole.
fn key_path(read: &[u8]) -> String {
    let mut open: Vec<Step> = Vec::new();
    let mut rest = read.strip_suffix(b",").unwrap_or(read).iter();
    let mut key = true;
    while let Some(byte) = rest.next() {
        match (byte, open.last_mut()) {
            (b'{', _) => (open.push(Step::Key(Vec::new())), key = true).1,
            (b'[', _) => (open.push(Step::Index(0)), key = false).1,
            (b'}' | b']', _) => drop(open.pop()),
            (b':', _) => key = false,
            (b',', Some(Step::Index(index))) => *index += 1,
            (b',', Some(Step::Key(name))) => (name.clear(), key = true).1,
            (b'"', step) => {
                let text = string(&mut rest);
                if let (Some(Step::Key(name)), true) = (step, key) {
                    *name = text;
                }
            }
            _ => {}
        }
    }
    open.iter().map(Step::to_string).collect()
}

/// Takes the rest of a JSON string off, escapes as they are.
fn string<'b>(rest: &mut impl Iterator<Item = &'b u8>) -> Vec<u8> {
    let mut text = Vec::new();
    while let Some(byte) = rest.next().filter(|byte| **byte != b'"') {
        text.push(*byte);
        if *byte == b'\\' {
            text.extend(rest.next());
        }
    }
    text
}

/// One step of a key path.
enum Step {
    /// Empty before its first key.
    Key(Vec<u8>),
    Index(usize),
}

impl Display for Step {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        match self {
            Self::Key(name) if name.is_empty() => Ok(()),
            Self::Key(name) => write!(formatter, ".{}", String::from_utf8_lossy(name)),
            Self::Index(index) => write!(formatter, "[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use serde::Deserialize;

    use super::{from_text, is_token, read};

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

    #[test]
    fn faults_name_their_key() {
        for (text, expected) in [
            (r#"{"status":"x"}"#, r#"settings.status: invalid type: string "x", expected u16"#),
            (r#"{"status":70000}"#, "settings.status: invalid value: integer `70000`, expected u16"),
            (r#"{"stat\"us":1}"#, r#"settings.stat\"us: unknown field `stat"us`, expected `rules` or `status`"#),
            (r#"{"rules":[{"name":"a"}]}"#, "settings.rules[0]: missing field `from`"),
            (r#"{"rules":[],"status":{}}"#, "settings.status: invalid type: map, expected u16"),
            (
                r#"{"rules":[{"name":"a","from":"::1"},{"from":"x"}]}"#,
                "settings.rules[1].from: invalid IP address syntax",
            ),
            (r#"{"rules":[{"from":"x","name":"a"}]}"#, "settings.rules[0].from: invalid IP address syntax"),
            ("{\n \"status\":\n  true}", "settings.status: invalid type: boolean `true`, expected u16"),
            (r#"{"rules":[1]}"#, "settings.rules[0]: invalid type: integer `1`, expected struct Rule"),
            ("nonsense", "settings: expected ident"),
        ] {
            let fault = read::<Door>(text).expect_err(text);
            assert!(fault.starts_with(expected), "{text}: {fault}");
        }
    }

    #[test]
    fn tokens_have_neither_blanks_nor_delimiters() {
        let of_token = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte);
        for byte in 0..=0x7f_u8 {
            assert_eq!(is_token(&char::from(byte).to_string()), of_token(&byte), "byte {byte:#04x}");
        }
        assert!(!is_token("") && !is_token("a b") && !is_token("\u{e9}"));
    }

    #[test]
    fn the_line_and_column_follow() {
        let fault = read::<Door>("{\n \"status\":\n  true}").expect_err("a boolean is no status");
        assert!(fault.ends_with("(line 3 column 6)"), "{fault}");
    }

    #[test]
    fn nothing_written_reads_as_empty() {
        for text in ["", " \n", "{}"] {
            assert_eq!(read::<Door>(text), Ok(Door { rules: Vec::new(), status: None }), "{text:?}");
            assert_eq!(read::<()>(text), Ok(()), "{text:?}");
            assert_eq!(read::<Option<u8>>(text), Ok(None), "{text:?}");
        }
        assert!(read::<Rule>("").expect_err("a rule has no defaults").starts_with("settings: missing field `from`"));
    }
}
