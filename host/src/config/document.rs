//! The configuration file as read: its text, its TOML with the position of every key, and the faults found so far.
//!
//! `section` and `field` read from it and report to it. It goes on after a fault, so that one run lists them all. It
//! does not know which keys there are.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::fault::{Fault, Faults, Place};

/// Reads an environment variable; `None` where it is not set.
pub(super) type Environment<'d> = dyn Fn(&str) -> Option<String> + 'd;

/// Whether the files that a configuration names have to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    Needed,
    /// What was made of them before may do.
    MayBeMissing,
}

/// One file while it is checked.
pub(super) struct Document<'d> {
    file: &'d Path,
    /// What relative paths are relative to; absolute.
    folder: PathBuf,
    text: &'d str,
    environment: &'d Environment<'d>,
    files: Files,
    /// Byte offset, key path and message.
    faults: RefCell<Vec<(usize, String, String)>>,
}

impl<'d> Document<'d> {
    pub(super) fn new(file: &'d Path, text: &'d str, environment: &'d Environment<'d>, files: Files) -> Self {
        let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Only an unreadable working directory makes this fail; the relative folder then still names the same place.
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
        Self { file, folder, text, environment, files, faults: RefCell::default() }
    }

    /// The file's tables. What cannot be parsed is reported, every error the parser can recover from.
    pub(super) fn tables(&self) -> Spanned<DeTable<'d>> {
        let (tables, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let offset = error.span().map_or(self.text.len(), |span| span.start);
            self.fault(offset, "", format!("is not TOML: {}", error.message()));
        }
        tables
    }

    pub(super) fn fault(&self, offset: usize, key: impl Into<String>, message: impl Into<String>) {
        self.faults.borrow_mut().push((offset, key.into(), message.into()));
    }

    /// Whether a file that is not there is a fault.
    pub(super) fn needs_files(&self) -> bool {
        self.files == Files::Needed
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name)
    }

    /// `path` seen from the file's folder; absolute.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// All faults in the order of the file; `None` where there are none.
    pub(super) fn faults(&self) -> Option<Faults> {
        let mut faults = self.faults.borrow().clone();
        faults.sort();
        faults.dedup();
        let placed = |(offset, key, message)| Fault { place: self.place(offset), key, message };
        if faults.is_empty() { None } else { Some(Faults::new(faults.into_iter().map(placed).collect())) }
    }

    pub(super) fn place(&self, offset: usize) -> Place {
        let (line, column) = position(self.text, offset);
        Place::Position { file: self.file.to_path_buf(), line, column }
    }
}

/// Line and column of a byte, both from 1, the column in characters. An offset past the end is the end.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let text = "ab\nä = 1\n";
        for (offset, expected) in [(0, (1, 1)), (1, (1, 2)), (2, (1, 3)), (3, (2, 1)), (4, (2, 1)), (5, (2, 2))] {
            assert_eq!(position(text, offset), expected, "offset {offset}");
        }
        assert_eq!(position(text, text.len()), (3, 1));
        assert_eq!(position(text, text.len() + 9), (3, 1), "past the end");
        assert_eq!(position("", 0), (1, 1));
    }
}
