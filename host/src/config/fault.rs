//! What is wrong with a configuration, and where.
//!
//! A `Fault` is one mistake with its place, its key and a way to mend it; `Faults` is all of them in the order of the
//! file, printed one per line. Made by `document` and `load`; shown by the command line as they are.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

/// One mistake. Displays as `file:line:col: key.path: what is wrong; how to mend it`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub place: Place,
    /// The key path, as in `origins.docs.servers[0]`; empty where the fault is not about a key.
    pub key: String,
    pub message: String,
}

/// Where a mistake is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Line and column count from 1, the column in characters.
    Position { file: PathBuf, line: usize, column: usize },
    /// The file as a whole: it cannot be read.
    File(PathBuf),
    /// A command line option, as written: `--origin`.
    Option(&'static str),
}

/// Every mistake of a configuration, at least one, sorted by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self(faults)
    }

    /// The same mistakes at the places that their keys stand for, where they were not written in a file.
    pub(super) fn moved(self, place_of: impl Fn(&str) -> Place) -> Self {
        let moved = |fault: Fault| Fault { place: place_of(&fault.key), key: String::new(), ..fault };
        Self(self.0.into_iter().map(moved).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// How many there are; never zero.
    #[expect(clippy::len_without_is_empty, reason = "there is no empty list of faults")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Option(option) => f.write_str(option),
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

impl Display for Faults {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
