//! From a path to a checked configuration, or to all that is wrong with it.

use std::path::Path;
use std::{env, fs};

use super::check;
use super::document::{Document, Files, position};
use super::fault::{Fault, Faults, Place};
use super::model::Config;
use super::section::Section;

/// Reads and checks the file at `path`, with the environment of this process. It looks at the files that the
/// configuration names (modules, folders), but opens nothing to write and binds no address.
pub fn load(path: &Path) -> Result<Config, Faults> {
    read(path, Files::Needed)
}

/// The same for a node that runs already: a filter's module that is missing is no fault of the file, because what was loaded
/// of it before runs on.
pub fn load_anew(path: &Path) -> Result<Config, Faults> {
    read(path, Files::MayBeMissing)
}

fn read(path: &Path, files: Files) -> Result<Config, Faults> {
    let unreadable = |message| Faults::from(Fault { place: Place::File(path.into()), key: String::new(), message });
    let bytes = fs::read(path).map_err(|error| unreadable(format!("cannot be read: {error}; name a file with -c")))?;
    let text = str::from_utf8(&bytes).map_err(|error| {
        // What comes before the first bad byte is sound, so it can be counted in lines and characters.
        let (sound, _) = bytes.split_at(error.valid_up_to());
        let (line, column) = position(&String::from_utf8_lossy(sound), sound.len());
        let place = Place::Position { file: path.into(), line, column };
        Fault { place, key: String::new(), message: "is not UTF-8; save the file as UTF-8".to_owned() }
    })?;
    check_text((text, path), &|name| env::var(name).ok(), files)
}

/// Checks `text` as if it stood in `file`: faults name it, and relative paths start at its folder. `environment` is
/// asked for each `${NAME}`.
pub fn parse(text: &str, file: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, Faults> {
    check_text((text, file), environment, Files::Needed)
}

fn check_text(
    (text, file): (&str, &Path),
    environment: &dyn Fn(&str) -> Option<String>,
    files: Files,
) -> Result<Config, Faults> {
    let document = Document::new(file, text, environment, files);
    let tables = document.tables();
    if let Some(faults) = document.faults() {
        // What the parser guessed after an error would only bring faults that are not there.
        return Err(faults);
    }
    let mut config = Section::read_root(&document, &tables, check::config);
    config.file = file.to_owned();
    document.faults().map_or(Ok(config), Err)
}
