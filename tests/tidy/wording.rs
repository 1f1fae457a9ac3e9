//! What is written beside the code: file headers, file names, notes for later, paths of somebody's machine.

use crate::finding::Finding;
use crate::source::{Source, TextFile};

/// Names that say nothing about what a file holds.
const VAGUE_NAMES: [&str; 9] = ["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "impl"];
/// Spelled in two parts, so that this file does not find itself.
const NOTES: [(&str, &str); 3] = [("TO", "DO"), ("FIX", "ME"), ("XX", "X")];
const MACHINE_PATHS: [(&str, &str); 3] = [("/wo", "rk/"), ("/ro", "ot/"), ("/tmp", "/wt")];
const HOMES: (&str, &str) = ("/ho", "me/");

/// Rules of one Rust file.
pub(crate) fn check_source(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !source.text.starts_with("//!") {
        findings.push(Finding::new(&source.path, 1, "opens without a `//!` header"));
    }
    let vague = source.path.trim_end_matches(".rs").split('/').find(|part| is_vague(part));
    findings.extend(vague.map(|part| Finding::new(&source.path, 1, format!("`{part}` names nothing: find the noun"))));
    findings
}

/// Rules of any file.
pub(crate) fn check_text(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for note in NOTES.map(joined) {
            if is_word(line, &note) {
                findings.push(Finding::new(&file.path, number + 1, format!("`{note}`: do it, or open an issue")));
            }
        }
        let path = MACHINE_PATHS.map(joined).into_iter().find(|path| names_path(line, path));
        let home = names_home(line).then(|| joined(HOMES));
        let path = path.or(home);
        findings.extend(
            path.map(|path| Finding::new(&file.path, number + 1, format!("`{path}` is a path of one machine"))),
        );
    }
    findings
}

fn joined((first, second): (&str, &str)) -> String {
    format!("{first}{second}")
}

fn is_vague(part: &str) -> bool {
    VAGUE_NAMES.iter().any(|name| part == *name || part.ends_with(&format!("_{name}")))
}

fn is_word(line: &str, word: &str) -> bool {
    let letter = |side: Option<char>| side.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    line.match_indices(word)
        .any(|(at, _)| !letter(line[..at].chars().next_back()) && !letter(line[at + word.len()..].chars().next()))
}

/// `path` at the start of a path: not the middle of a longer one.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| starts_path(line, at))
}

fn names_home(line: &str) -> bool {
    let home = joined(HOMES);
    let user = |at: usize| line[at + home.len()..].starts_with(|c: char| c.is_ascii_lowercase());
    line.match_indices(&home).any(|(at, _)| starts_path(line, at) && user(at))
}

fn starts_path(line: &str, at: usize) -> bool {
    !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_text(text: &str) -> Vec<String> {
        let file = TextFile { path: "a.md".to_owned(), text: text.to_owned() };
        check_text(&file).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn headers_are_asked_for() {
        assert_eq!(check_source(&Source::parse("a.rs", "//! What it is.\n")), []);
        assert_eq!(check_source(&Source::parse("a.rs", "fn f() {}"))[0].message, "opens without a `//!` header");
    }

    #[test]
    fn vague_names_are_found_as_files_and_folders() {
        for path in ["a/utils.rs", "common/a.rs", "a/cache_manager.rs", "a/store_impl.rs"] {
            assert!(check_source(&Source::parse(path, "//! x"))[0].message.contains("names nothing"), "{path}");
        }
        assert_eq!(check_source(&Source::parse("a/commons.rs", "//! x")), []);
    }

    #[test]
    fn notes_are_found_as_whole_words() {
        for note in NOTES.map(joined) {
            assert_eq!(in_text(&format!("a\n// {note}: later")).len(), 1);
            assert_eq!(in_text(&format!("MA{note} {note}S {}", note.to_lowercase())), [] as [&str; 0]);
        }
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for path in MACHINE_PATHS.map(joined) {
            assert_eq!(in_text(&format!("see {path}x")).len(), 1);
            assert_eq!(in_text(&format!("see docs{path}x")), [] as [&str; 0]);
        }
        let home = joined(HOMES);
        assert_eq!(in_text(&format!("root = \"{home}ann/site\"")).len(), 1);
        assert_eq!(in_text(&format!("GET {home} HTTP/1.1")), [] as [&str; 0]);
    }
}
