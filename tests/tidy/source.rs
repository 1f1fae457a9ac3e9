//! The repository as the rules see it: every file, and the Rust ones parsed.
//!
//! Read from the working tree once per test. Build output, the cache folder and hidden folders are not part of it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tokens::{self, Token};

/// Folders that hold no source: build output, run-time state, version control.
const SKIPPED: [&str; 4] = ["target", "var", "node_modules", ".git"];

/// Any file, read leniently, so that a path inside a binary is seen as well.
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// One Rust file.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
    pub(crate) tokens: Vec<Token>,
}

pub(crate) struct Tree {
    pub(crate) texts: Vec<TextFile>,
    pub(crate) sources: Vec<Source>,
}

impl Source {
    /// Fails the test where `text` is not Rust.
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let syntax = syn::parse_file(text).unwrap_or_else(|fault| panic!("{path} is not Rust: {fault}"));
        let tokens = tokens::of(text);
        Self { path: path.to_owned(), text: text.to_owned(), syntax, tokens }
    }

    /// Whether the whole file is test or bench code.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.starts_with("benches/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
    }

    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

impl Tree {
    pub(crate) fn read() -> Self {
        let root = root();
        let mut texts = Vec::new();
        read_folder(&root, &root, &mut texts);
        texts.sort_by(|a, b| a.path.cmp(&b.path));
        let rust = texts.iter().filter(|file| file.path.ends_with(".rs"));
        let sources = rust.map(|file| Source::parse(&file.path, &file.text)).collect();
        Self { texts, sources }
    }

    pub(crate) fn text(&self, path: &str) -> &str {
        let file = self.texts.iter().find(|file| file.path == path);
        &file.unwrap_or_else(|| panic!("{path} is missing")).text
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the package lies in the repository")
}

fn read_folder(root: &Path, folder: &Path, into: &mut Vec<TextFile>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository is readable") {
        let entry = entry.expect("a folder of the repository can be listed");
        let path = entry.path();
        let kind = entry.file_type().expect("a file of the repository has a type");
        if kind.is_dir() && !SKIPPED.contains(&entry.file_name().to_string_lossy().as_ref()) {
            read_folder(root, &path, into);
        } else if kind.is_file() && entry.file_name() != ".git" {
            let bytes = fs::read(&path).expect("a file of the repository is readable");
            let relative = path.strip_prefix(root).expect("the walk stays below the root");
            let path = relative.to_string_lossy().replace('\\', "/");
            into.push(TextFile { path, text: String::from_utf8_lossy(&bytes).into_owned() });
        }
    }
}
