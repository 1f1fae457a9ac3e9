//! A real site to serve: the toolchain's documentation, tens of thousands of pages, scripts and fonts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of files.
pub struct Site {
    pub root: PathBuf,
    pub pages: Vec<Page>,
}

/// One file of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub file: PathBuf,
    /// Its path in a URL, percent-encoded.
    pub target: String,
}

impl Site {
    /// The Rust toolchain's own documentation; `None` where it was not installed.
    pub fn documentation() -> Option<Self> {
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
        let sysroot = String::from_utf8(sysroot.stdout).ok()?;
        let root = Path::new(sysroot.trim()).join("share/doc/rust/html");
        root.is_dir().then(|| Self::below(&root))
    }

    /// All files below `root`, sorted by their paths.
    pub fn below(root: &Path) -> Self {
        let mut files = Vec::new();
        collect(root, &mut files);
        files.sort();
        let page = |file: PathBuf| {
            let relative = file.strip_prefix(root).expect("the walk stays below the root");
            let target = format!("/{}", encode(&relative.to_string_lossy()));
            Page { file, target }
        };
        Self { root: root.to_owned(), pages: files.into_iter().map(page).collect() }
    }

    /// About `count` pages spread evenly over the site, always the same ones; every rare kind of file (scripts, fonts,
    /// images) is among them as often as in the site.
    pub fn sample(&self, count: usize) -> Vec<Page> {
        let mut by_kind = self.pages.clone();
        by_kind.sort_by(|a, b| (a.file.extension(), &a.target).cmp(&(b.file.extension(), &b.target)));
        let stride = (by_kind.len() / count.max(1)).max(1);
        by_kind.into_iter().step_by(stride).collect()
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the site can be read") {
        let entry = entry.expect("the site can be listed");
        let kind = entry.file_type().expect("a file has a type");
        // A name that starts with a dot is no page: nginx and the node agree on the rest.
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            collect(&entry.path(), files);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
}

/// Every byte but the unreserved ones and the slash (RFC 3986 section 2.3).
fn encode(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_evenly_and_always_the_same() {
        let page = |n: usize| Page { file: format!("{n:03}.html").into(), target: format!("/{n:03}.html") };
        let site = Site { root: PathBuf::new(), pages: (0..100).map(page).collect() };
        let sample = site.sample(10);
        assert_eq!(sample.len(), 10);
        assert_eq!((sample[1].target.as_str(), &site.sample(10)), ("/010.html", &sample));
        assert_eq!(site.sample(1_000).len(), 100);
    }

    #[test]
    fn targets_are_encoded() {
        assert_eq!(encode("a b/ü!.html"), "a%20b/%C3%BC%21.html");
    }
}
