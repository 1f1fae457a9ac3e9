//! One value of the file, with its key path and position, read as the type a key asks for.
//!
//! Every reader answers `None` after it has reported what is wrong, so a check fills in a default and goes on to the
//! next key. A string has its `${NAME}` replaced before anybody sees it. Numbers may come as strings, for that reason
//! alone.

use std::fmt::Display;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeString, DeValue};

use super::bound::Bound;
use super::document::Document;
use super::fault::Place;
use super::size::ByteSize;
use super::spelling;
use super::timespan::TimeSpan;
use super::variable;

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct Field<'d> {
    document: &'d Document<'d>,
    path: String,
    span: Range<usize>,
    value: &'d DeValue<'d>,
}

impl<'d> Field<'d> {
    pub(super) fn new(document: &'d Document<'d>, path: String, value: &'d Spanned<DeValue<'d>>) -> Self {
        Self { document, path, span: value.span(), value: value.get_ref() }
    }

    pub(super) fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// The key path from the top of the file: `route[0].cache.default_ttl`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn offset(&self) -> usize {
        self.span.start
    }

    pub(super) fn place(&self) -> Place {
        self.document.place(self.span.start)
    }

    pub(super) fn value(&self) -> &'d DeValue<'d> {
        self.value
    }

    pub(super) fn fault(&self, message: impl Into<String>) {
        self.document.fault(self.span.start, self.path.clone(), message);
    }

    /// A string, with the environment filled in.
    pub(super) fn text(&self) -> Option<String> {
        match self.value {
            DeValue::String(text) => variable::expand(text, |name| self.document.variable(name))
                .map_err(|error| self.fault(error.to_string()))
                .ok(),
            _ => self.mistyped("a string"),
        }
    }

    /// A string that `T` understands; its error says what is wrong with it, after the string itself.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self) -> Option<T> {
        let text = self.text()?;
        text.parse().map_err(|error| self.fault(format!("{text:?} {error}"))).ok()
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let chosen = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if chosen.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.fault(format!("{text:?} is not one of the choices; write {}", words.join(" or ")));
        }
        chosen
    }

    /// The name of something defined elsewhere in the file; `kind` is that something, with its article.
    pub(super) fn reference(&self, kind: &str, known: &[String]) -> Option<String> {
        let name = self.text()?;
        if known.contains(&name) {
            return Some(name);
        }
        let mend = match spelling::nearest(&name, known) {
            Some(near) => format!("did you mean {near:?}?"),
            None if known.is_empty() => "none is defined".to_owned(),
            None => format!("there are {}", known.join(", ")),
        };
        self.fault(format!("{name:?} is not {kind}; {mend}"));
        None
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            DeValue::String(_) => self.choice(&[("true", true), ("false", false)]),
            _ => self.mistyped("true or false"),
        }
    }

    pub(super) fn count(&self, bound: &Bound<usize>) -> Option<usize> {
        let value = match self.value {
            DeValue::Integer(integer) => match i128::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(value) => value,
                Err(_) => return self.unusable(integer.as_str(), "a number this large has no use"),
            },
            DeValue::String(_) => {
                let text = self.text()?;
                match text.parse::<i128>() {
                    Ok(value) => value,
                    Err(_) => return self.unusable(&text, "is not a whole number; write one, as in 100"),
                }
            }
            _ => return self.mistyped("a whole number"),
        };
        if value < 0 {
            self.fault(format!("{value} is too small; write {} or more", bound.least));
            return None;
        }
        self.within(usize::try_from(value).unwrap_or(usize::MAX), bound, |limit| limit.to_string(), value)
    }

    /// Bytes: a whole number, or a string with a unit.
    pub(super) fn size(&self, bound: &Bound<u64>) -> Option<u64> {
        let bytes = match self.value {
            DeValue::Integer(integer) => u64::from_str_radix(integer.as_str(), integer.radix())
                .map_err(|_| self.fault(format!("{} is not a size; write bytes, or \"512MiB\"", integer.as_str())))
                .ok()?,
            DeValue::String(_) => self.parse::<ByteSize>()?.0,
            _ => return self.mistyped("a size, as in \"512MiB\""),
        };
        self.within(bytes, bound, |limit| format!("{:?}", ByteSize(limit).to_string()), ByteSize(bytes))
    }

    /// A string with units; a bare number is refused, because nobody can see whether it is seconds or milliseconds.
    pub(super) fn duration(&self, bound: &Bound<Duration>) -> Option<Duration> {
        match self.value {
            DeValue::String(_) => {
                let span = self.parse::<TimeSpan>()?;
                self.within(span.0, bound, |limit| format!("{:?}", TimeSpan(limit).to_string()), span)
            }
            DeValue::Integer(integer) => {
                let number = integer.as_str();
                self.unusable(number, &format!("has no unit; write \"{number}s\" or \"{number}ms\""))
            }
            _ => self.mistyped("a duration, as in \"30s\""),
        }
    }

    /// A path, made absolute from the file's folder.
    pub(super) fn file_path(&self) -> Option<PathBuf> {
        let text = self.text()?;
        if text.is_empty() {
            return self.unusable(&text, "is empty; write a path");
        }
        Some(self.document.resolve(&text))
    }

    /// The elements of an array, each with its own path.
    pub(super) fn elements(&self) -> Option<Vec<Self>> {
        let DeValue::Array(array) = self.value else {
            return self.mistyped("a list, as in [\"...\"]");
        };
        let element = |(index, value)| Self::new(self.document, format!("{}[{index}]", self.path), value);
        Some(array.iter().enumerate().map(element).collect())
    }

    /// The members of a table by key, in the order of the file.
    pub(super) fn members(&self) -> Option<Vec<(String, Self)>> {
        let DeValue::Table(table) = self.value else {
            return self.mistyped("a table");
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let member = |(key, value): (&Spanned<DeString<'d>>, &'d Spanned<DeValue<'d>>)| {
            let key = key.get_ref().as_ref();
            (key.to_owned(), Self::new(self.document, join(&self.path, key), value))
        };
        Some(entries.into_iter().map(member).collect())
    }

    /// Reports the type that is there beside the one that should be.
    pub(super) fn mistyped<T>(&self, expected: &str) -> Option<T> {
        let found = match self.value.type_str() {
            vowel @ ("integer" | "array") => format!("an {vowel}"),
            other => format!("a {other}"),
        };
        self.fault(format!("is {found}; write {expected}"));
        None
    }

    fn unusable<T>(&self, text: &str, why: &str) -> Option<T> {
        self.fault(format!("{text:?} {why}"));
        None
    }

    fn within<T>(&self, value: T, bound: &Bound<T>, show: impl Fn(T) -> String, written: impl Display) -> Option<T>
    where
        T: Copy + PartialOrd,
    {
        if value < bound.least {
            self.fault(format!("{written} is too small; write {} or more", show(bound.least)));
        } else if value > bound.most {
            self.fault(format!("{written} is too large; write {} or less", show(bound.most)));
        } else {
            return Some(value);
        }
        None
    }
}

/// A key path one step longer; a key that TOML would quote is quoted.
pub(super) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}
