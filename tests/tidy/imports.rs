//! Which module names which: every `crate::`, `super::` and `self::` path of a file, resolved to where it leads.
//!
//! Found in the tokens, so that paths in macro calls and in the middle of an expression count as much as `use` lines.

use std::collections::BTreeMap;

use crate::source::Source;
use crate::tokens::Token;

/// A module path inside its crate; empty for the crate's root.
pub(crate) type ModulePath = Vec<String>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// What is named, from the crate's root: modules first, then perhaps an item.
    pub(crate) target: ModulePath,
    pub(crate) line: usize,
    pub(crate) test: bool,
}

/// The files of one crate by module path.
pub(crate) struct Crate<'a> {
    pub(crate) modules: BTreeMap<ModulePath, &'a Source>,
}

impl<'a> Crate<'a> {
    /// The crate whose root file is `folder`/`root`. Other roots beside it (a binary's `main.rs`) are left out.
    pub(crate) fn collect(sources: &'a [Source], folder: &str, root: &str) -> Self {
        let prefix = format!("{folder}/");
        let mut modules = BTreeMap::new();
        for source in sources {
            let Some(relative) = source.path.strip_prefix(&prefix) else { continue };
            if let Some(path) = module_path(relative, root) {
                modules.insert(path, source);
            }
        }
        Self { modules }
    }

    /// All that the file of `module` names in its own crate.
    pub(crate) fn imports(&self, module: &ModulePath) -> Vec<Import> {
        let Some(source) = self.modules.get(module) else { return Vec::new() };
        let mut imports = Vec::new();
        for (at, token) in source.tokens.iter().enumerate() {
            if !self.starts_path(module, &source.tokens, at) {
                continue;
            }
            for path in paths_from(&source.tokens, at) {
                let target = self.resolve(module, &path, token.depth);
                let test = token.test || source.is_test();
                imports.extend(target.map(|target| Import { target, line: token.line, test }));
            }
        }
        imports
    }

    /// The deepest module on `path`, and what is named in it.
    pub(crate) fn split<'p>(&self, path: &'p [String]) -> (ModulePath, &'p [String]) {
        let depth = (0..=path.len()).rev().find(|&depth| self.modules.contains_key(&path[..depth])).unwrap_or(0);
        (path[..depth].to_vec(), &path[depth..])
    }

    /// A path as written in the file of `module`, inside `depth` inline modules; `None` where it leaves the crate.
    pub(crate) fn resolve(&self, module: &ModulePath, written: &[String], depth: usize) -> Option<ModulePath> {
        let supers = written.iter().take_while(|segment| *segment == "super").count();
        let (mut target, rest) = match written.first()?.as_str() {
            "crate" => (Vec::new(), &written[1..]),
            "super" => {
                let up = supers.saturating_sub(depth);
                (module.get(..module.len().checked_sub(up)?)?.to_vec(), &written[supers..])
            }
            "self" => (module.clone(), &written[1..]),
            _ => (module.clone(), written),
        };
        target.extend(rest.iter().cloned());
        Some(target)
    }

    fn starts_path(&self, module: &ModulePath, tokens: &[Token], at: usize) -> bool {
        let text = tokens[at].text.as_str();
        let part_of_more = at > 0 && tokens[at - 1].text == "::";
        if part_of_more || tokens.get(at + 1).is_none_or(|next| next.text != "::") {
            return false;
        }
        let child = || self.modules.contains_key(&[module.as_slice(), &[text.to_owned()]].concat());
        matches!(text, "crate" | "super" | "self") || child()
    }
}

/// `cache/flight.rs` is `cache, flight`; `None` for another crate's root.
fn module_path(relative: &str, root: &str) -> Option<ModulePath> {
    if relative == root {
        return Some(Vec::new());
    }
    if matches!(relative, "main.rs" | "lib.rs") || relative.starts_with("bin/") {
        return None;
    }
    let stem = relative.strip_suffix(".rs")?;
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    Some(stem.split('/').map(str::to_owned).collect())
}

/// Every path that the tree starting at `at` spells out: one, or one per name in its braces.
pub(crate) fn paths_from(tokens: &[Token], at: usize) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    spell(tokens, at, &[], &mut found);
    found
}

/// Reads one path from `at` and returns the index behind it.
fn spell(tokens: &[Token], at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    let mut at = at;
    loop {
        let text = tokens.get(at).map_or("", |token| token.text.as_str());
        if text == "{" {
            return spell_braces(tokens, at, &path, found);
        }
        if !text.starts_with(|first: char| first.is_alphabetic() || first == '_') {
            break;
        }
        if text != "self" || path.is_empty() {
            path.push(text.to_owned());
        }
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        at += 1;
    }
    found.push(path);
    at
}

/// Reads `{a, b::c, d as e}` from its opening brace on.
fn spell_braces(tokens: &[Token], open: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut at = open + 1;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "}" => return at + 1,
            "," | "*" => at += 1,
            "as" => at += 2,
            _ => at = spell(tokens, at, prefix, found).max(at + 1),
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The targets that `text` at `host/src/cache/key.rs` names.
    fn targets(text: &str) -> Vec<String> {
        let key = Source::parse("host/src/cache/key.rs", text);
        let part = Source::parse("host/src/cache/key/part.rs", "");
        let sources = [key, part];
        let krate = Crate::collect(&sources, "host/src", "lib.rs");
        let imports = krate.imports(&vec!["cache".to_owned(), "key".to_owned()]);
        imports.into_iter().map(|import| import.target.join("::")).collect()
    }

    #[test]
    fn use_trees_are_spelled_out() {
        let found = targets("use crate::{body::Body, clock::{self, Clock as Time}, config::*};");
        assert_eq!(found, ["body::Body", "clock", "clock::Clock", "config"]);
    }

    #[test]
    fn supers_climb_from_the_file_and_out_of_inline_modules() {
        assert_eq!(targets("use super::entry::Entry;"), ["cache::entry::Entry"]);
        assert_eq!(targets("fn f() { super::super::origin::fetch() }"), ["origin::fetch"]);
        assert_eq!(
            targets("mod tests { use super::Key; use super::super::entry; }"),
            ["cache::key::Key", "cache::entry"]
        );
    }

    #[test]
    fn paths_in_macros_expressions_and_children_count() {
        assert_eq!(targets("fn f() { trace!(at = crate::clock::now()); }"), ["clock::now"]);
        assert_eq!(targets("fn f() { part::split() }"), ["cache::key::part::split"]);
        assert_eq!(targets("macro_rules! m { () => { $crate::clock::Clock } }"), ["clock::Clock"]);
        assert_eq!(targets("pub(crate) fn f(x: std::clock::Y) {}"), [] as [&str; 0]);
    }
}
