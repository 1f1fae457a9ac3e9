//! Whole files through both stages: every kind of fault with its exact line, every default, and the files we ship.

mod chains;
mod faults;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Config, Faults, parse};

const ORIGIN: &str = "[origins.docs]\nservers = [\"http://127.0.0.1:7011\"]\n";
const ROUTE: &str = "[[route]]\norigin = \"docs\"\n";

fn environment(name: &str) -> Option<String> {
    match name {
        "PORT" => Some("7011".to_owned()),
        "WORKERS" => Some("3".to_owned()),
        "TOKEN" => Some("s3cret".to_owned()),
        _ => None,
    }
}

fn check(text: &str) -> Result<Config, Faults> {
    parse(text, Path::new("edge.toml"), &environment)
}

/// The model of a file made of `text` and what makes it complete.
fn checked(text: &str) -> Config {
    check(&format!("{text}\n{ORIGIN}{ROUTE}")).unwrap_or_else(|faults| panic!("{faults}"))
}

/// A folder with a module, and a file in it that names the module by a relative path.
fn folder_with(filter: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.wasm"), b"\0asm").unwrap();
    let file = folder.path().join("edge.toml");
    fs::write(&file, format!("[filters.a]\nmodule = \"a.wasm\"\n{filter}\n{ORIGIN}{ROUTE}filters = [\"a\"]")).unwrap();
    (folder, file)
}
