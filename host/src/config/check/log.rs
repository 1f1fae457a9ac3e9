//! `[log]`: how much is logged, in which form, and where the access log goes.

use tracing_subscriber::EnvFilter;

use crate::config::field::Field;
use crate::config::model::{AccessLog, Log, LogFormat};
use crate::config::section::Section;
use crate::config::spelling;

const LEVEL: &str = "info";
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
const FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];

pub(super) fn check(section: &mut Section<'_>) -> Log {
    Log {
        level: section.field("level").and_then(|field| level(&field)).unwrap_or_else(|| LEVEL.to_owned()),
        format: section.choice("format", &FORMATS),
        access: section.field("access").and_then(|field| access(&field)).unwrap_or(AccessLog::Off),
        access_format: section.choice("access_format", &FORMATS),
    }
}

/// `tracing` takes any bare word for the name of a module and would log nothing for a misspelt level.
fn level(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let bare = text.split(',').map(str::trim).find(|part| !part.contains(['=', '[', ']', '{', '}']) && !is_level(part));
    if let Some(word) = bare {
        let mend = match spelling::nearest(word, &LEVELS) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("write one of {}, or PART=LEVEL for one part", LEVELS.join(", ")),
        };
        field.fault(format!("{word:?} is not a level; {mend}"));
        return None;
    }
    match EnvFilter::try_new(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            field.fault(format!("{text:?} is not a log filter: {error}; write it as in \"info,forebay::cache=debug\""));
            None
        }
    }
}

fn access(field: &Field<'_>) -> Option<AccessLog> {
    let text = field.text()?;
    match text.as_str() {
        "off" => return Some(AccessLog::Off),
        "stderr" => return Some(AccessLog::Stderr),
        "stdout" => return Some(AccessLog::Stdout),
        // A bare word is rather one of the three misspelt than a file.
        word if !word.contains(['/', '.']) => {
            field.fault(format!("{text:?} is not one of the choices; write \"off\", \"stderr\", \"stdout\" or a path"));
            return None;
        }
        _ => {}
    }
    let path = field.file_path()?;
    if path.is_dir() {
        field.fault(format!("{} is a folder; write the path of a file", path.display()));
    } else if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
        field.fault(format!("there is no folder {}; make it, or correct the path", folder.display()));
    }
    Some(AccessLog::File(path))
}
