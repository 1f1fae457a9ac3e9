//! One table of the file, read key by key.
//!
//! A check asks for the keys it knows and gets a value for each, a default where the key is absent or faulty. When the
//! check is over, every key it did not ask for is reported as unknown, so a key cannot be forgotten in a second list.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::bound::Bound;
use super::document::Document;
use super::field::{Field, join};
use super::spelling;

/// A name ends up in metric labels and log lines, where a long one costs on every line.
const NAME_LENGTH_MAX: usize = 64;

/// How to mend a name.
pub(super) const NAME_RULE: &str = "write up to 64 letters, digits, '_', '-' and '.'";

/// A table while it is read; an absent one reads as empty.
pub(super) struct Section<'d> {
    document: &'d Document<'d>,
    path: String,
    offset: usize,
    table: Option<&'d DeTable<'d>>,
    known: Vec<&'static str>,
}

impl<'d> Section<'d> {
    /// Reads the whole file with `check`.
    pub(super) fn read_root<T>(
        document: &'d Document<'d>,
        tables: &'d Spanned<DeTable<'d>>,
        check: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let root = Self { document, path: String::new(), offset: 0, table: Some(tables.get_ref()), known: Vec::new() };
        root.read(check)
    }

    pub(super) fn field(&mut self, key: &'static str) -> Option<Field<'d>> {
        self.known.push(key);
        let value = self.table?.get(key)?;
        Some(Field::new(self.document, join(&self.path, key), value))
    }

    /// A field that has no default; `mend` is what to write.
    pub(super) fn required(&mut self, key: &'static str, mend: &str) -> Option<Field<'d>> {
        let field = self.field(key);
        if field.is_none() {
            self.missing(key, mend);
        }
        field
    }

    pub(super) fn missing(&self, key: &str, mend: &str) {
        self.document.fault(self.offset, self.path_of(key), format!("is missing; write {mend}"));
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// A fault about the table as a whole.
    pub(super) fn fault_here(&self, message: impl Into<String>) {
        self.document.fault(self.offset, self.path.clone(), message);
    }

    /// A fault about `key`, at the table where it stands for its default.
    pub(super) fn fault(&self, key: &str, message: impl Into<String>) {
        let value = self.table.and_then(|table| table.get(key));
        self.document.fault(value.map_or(self.offset, |value| value.span().start), self.path_of(key), message);
    }

    pub(super) fn duration(&mut self, key: &'static str, bound: &Bound<Duration>) -> Duration {
        self.field(key).and_then(|field| field.duration(bound)).unwrap_or(bound.default)
    }

    pub(super) fn size(&mut self, key: &'static str, bound: &Bound<u64>) -> u64 {
        self.field(key).and_then(|field| field.size(bound)).unwrap_or(bound.default)
    }

    /// A size that is held in memory, so that `usize` counts it.
    pub(super) fn bytes(&mut self, key: &'static str, bound: &Bound<u64>) -> usize {
        usize::try_from(self.size(key, bound)).unwrap_or(usize::MAX)
    }

    pub(super) fn count(&mut self, key: &'static str, bound: &Bound<usize>) -> usize {
        self.field(key).and_then(|field| field.count(bound)).unwrap_or(bound.default)
    }

    /// One of a few words; the first is the default.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> T {
        self.field(key).and_then(|field| field.choice(choices)).unwrap_or(choices[0].1)
    }

    /// `[key]`; read as empty where it is absent.
    pub(super) fn section<T>(&mut self, key: &'static str, check: impl FnOnce(&mut Self) -> T) -> T {
        let field = self.field(key);
        match field.and_then(|field| Self::of(&field, &format!("[{}]", field.path()))) {
            Some(section) => section.read(check),
            None => self.absent(key, check),
        }
    }

    /// `[key]`; `None` where it is absent.
    pub(super) fn optional<T>(&mut self, key: &'static str, check: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let field = self.field(key)?;
        Some(Self::of(&field, &format!("[{}]", field.path()))?.read(check))
    }

    /// `[[key]]`, in the order of the file.
    pub(super) fn sections<T>(&mut self, key: &'static str, mut check: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let Some(field) = self.field(key) else { return Vec::new() };
        let header = format!("[[{}]]", field.path());
        if !field.value().is_array() {
            return field.mistyped(&format!("{header}, one for each")).unwrap_or_default();
        }
        let elements = field.elements().unwrap_or_default();
        elements.iter().filter_map(|element| Some(Self::of(element, &header)?.read(&mut check))).collect()
    }

    /// A table that stands as a value; `expected` is what to write where it is none.
    pub(super) fn inline<T>(field: &Field<'d>, expected: &str, check: impl FnOnce(&mut Self) -> T) -> Option<T> {
        Some(Self::of(field, expected)?.read(check))
    }

    /// `[key.NAME]`, in the order of the file; `check` gets each name.
    pub(super) fn named<T>(&mut self, key: &'static str, mut check: impl FnMut(&str, &mut Self) -> T) -> Vec<T> {
        let Some(field) = self.field(key) else { return Vec::new() };
        if !field.value().is_table() {
            return field.mistyped(&format!("[{}.NAME]", field.path())).unwrap_or_default();
        }
        let read = |(name, member): &(String, Field<'d>)| {
            if !is_name(name) {
                member.fault(format!("{name:?} is not a name; {NAME_RULE}"));
            }
            Some(Self::of(member, &format!("[{}]", member.path()))?.read(|section| check(name, section)))
        };
        field.members().unwrap_or_default().iter().filter_map(read).collect()
    }

    /// A table that is not there, for what has defaults all through.
    pub(super) fn absent<T>(&self, key: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        Self { table: None, path: join(&self.path, key), known: Vec::new(), ..*self }.read(check)
    }

    fn of(field: &Field<'d>, header: &str) -> Option<Self> {
        let DeValue::Table(table) = field.value() else {
            return field.mistyped(header);
        };
        Some(Self {
            document: field.document(),
            path: field.path().to_owned(),
            offset: field.offset(),
            table: Some(table),
            known: Vec::new(),
        })
    }

    fn read<T>(mut self, check: impl FnOnce(&mut Self) -> T) -> T {
        let value = check(&mut self);
        self.refuse_unknown();
        value
    }

    fn refuse_unknown(&self) {
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            let name: &str = key.as_ref();
            if self.known.contains(&name) {
                continue;
            }
            let mend = match spelling::nearest(name, &self.known) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("the keys here are {}", self.known.join(", ")),
            };
            self.document.fault(key.span().start, join(&self.path, name), format!("is not a key; {mend}"));
        }
    }
}

/// Whether `name` can name an origin, a filter, a listener or a route.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(plain)
}
