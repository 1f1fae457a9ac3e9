//! `forebay filter new`: a crate that builds and tests at once.
//!
//! What it is made of lies as text in `skeleton/`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::arguments::New;

/// Path in the crate, and text with `{{name}}`, `{{file}}`, `{{type}}` and `{{sdk}}` in it.
const FILES: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("skeleton/manifest.txt")),
    ("README.md", include_str!("skeleton/readme.txt")),
    ("cases.toml", include_str!("skeleton/cases.txt")),
    ("src/lib.rs", include_str!("skeleton/lib.txt")),
    ("src/tests.rs", include_str!("skeleton/tests.txt")),
    ("edge.toml", include_str!("skeleton/node.txt")),
    ("site/index.html", include_str!("skeleton/page.txt")),
    (".cargo/config.toml", include_str!("skeleton/cargo.txt")),
    (".gitignore", include_str!("skeleton/ignore.txt")),
];

/// As long as the name of a filter in a configuration.
const NAME_LENGTH_MAX: usize = 64;

/// What cargo, or the compiler, does not take as the name of a library.
const RESERVED: [&str; 47] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "forebay-sdk",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "match",
    "mod",
    "move",
    "mut",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
];

/// Makes the crate and says how to go on.
pub(super) fn new(options: &New) -> anyhow::Result<ExitCode> {
    let name = options.name.as_str();
    if let Some(fault) = fault_of(name) {
        bail!("{name:?} {fault}");
    }
    let parent = options.path.clone().unwrap_or_else(|| PathBuf::from("."));
    let folder = parent.join(name);
    if folder.exists() {
        bail!("{} is there already; name another, or remove it", folder.display());
    }
    let sdk = sdk(&parent, options.sdk.as_deref())?;
    for (path, text) in FILES {
        let file = folder.join(path);
        let written = write(&file, &filled(text, name, &sdk));
        written.with_context(|| format!("{} cannot be written", file.display()))?;
    }
    writeln!(std::io::stdout(), "{} is a filter; cd there, cargo test, and read its README.md", folder.display())?;
    Ok(ExitCode::SUCCESS)
}

/// What is wrong with a name, after the name itself.
fn fault_of(name: &str) -> Option<&'static str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if !name.bytes().all(plain) || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Some("is not a name; write small letters, digits, '-' and '_', a letter first");
    }
    if name.len() > NAME_LENGTH_MAX {
        return Some("is too long; write 64 letters at most");
    }
    if RESERVED.contains(&name) || RESERVED.contains(&name.replace('_', "-").as_str()) {
        return Some("is a word that Rust keeps for itself; write another");
    }
    None
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text)
}

fn filled(text: &str, name: &str, sdk: &str) -> String {
    text.replace("{{name}}", name)
        .replace("{{file}}", &name.replace('-', "_"))
        .replace("{{type}}", &type_name(name))
        .replace("{{sdk}}", sdk)
}

/// `geo-headers` is `GeoHeaders`. One that the filter's own file uses gets `Filter` behind it.
fn type_name(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    };
    let joined: String = name.split(['-', '_']).map(word).collect();
    let taken = ["Deserialize", "Err", "Filter", "Flow", "None", "Ok", "Option", "Request", "Response", "Result"];
    let taken = taken.contains(&joined.as_str()) || ["Self", "Settings", "Some", "String"].contains(&joined.as_str());
    if taken { format!("{joined}Filter") } else { joined }
}

/// Where the SDK is, as the manifest writes it: the folder named, else the one of the checkout that the crate will lie in,
/// else the published one of this version.
fn sdk(parent: &Path, named: Option<&Path>) -> anyhow::Result<String> {
    let is_sdk = |folder: &Path| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("name = \"forebay-sdk\""))
    };
    if let Some(named) = named {
        let folder = named.canonicalize().with_context(|| format!("{} cannot be used", named.display()))?;
        if !is_sdk(&folder) {
            bail!("{} is not the SDK; name the folder guest-sdk of Forebay's repository", named.display());
        }
        return Ok(format!("{{ path = {:?} }}", folder.display().to_string()));
    }
    let parent = std::path::absolute(parent)?;
    for (up, ancestor) in parent.ancestors().enumerate() {
        if is_sdk(&ancestor.join("guest-sdk")) {
            return Ok(format!("{{ path = \"{}guest-sdk\" }}", "../".repeat(up + 1)));
        }
    }
    Ok(format!("{:?}", env!("CARGO_PKG_VERSION")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_cargo_and_a_configuration_take() {
        for good in ["a", "geo-headers", "html_rewrite", "v2", &"a".repeat(64)] {
            assert_eq!(fault_of(good), None, "{good}");
        }
        for bad in ["", "-a", "2a", "Geo", "a.b", "a b", "../a", "ä", "fn", "test", "forebay_sdk", &"a".repeat(65)] {
            assert!(fault_of(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn types_are_named_after_the_filter_and_clash_with_nothing() {
        for (name, expected) in
            [("tag", "Tag"), ("geo-headers", "GeoHeaders"), ("a__b-", "AB"), ("request", "RequestFilter")]
        {
            assert_eq!(type_name(name), expected);
        }
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for (path, text) in FILES {
            assert!(!filled(text, "geo-headers", "\"1\"").contains("{{"), "{path}");
        }
    }

    #[test]
    fn the_first_filter_has_fifteen_lines() {
        let text = include_str!("skeleton/lib.txt");
        let own = text.split_once("mod tests;\n").map_or(text, |(_, own)| own);
        let lines = own.lines().filter(|line| !line.is_empty() && !line.starts_with("use ")).count();
        assert!(lines <= 15, "{lines}");
    }

    #[test]
    fn the_sdk_is_the_one_at_hand() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(sdk(folder.path(), None).unwrap(), format!("{:?}", env!("CARGO_PKG_VERSION")));
        assert!(sdk(folder.path(), Some(folder.path())).is_err());
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        assert_eq!(sdk(&checkout.join("filters"), None).unwrap(), "{ path = \"../../guest-sdk\" }");
        assert!(sdk(folder.path(), Some(&checkout.join("guest-sdk"))).unwrap().starts_with("{ path = \"/"));
    }
}
