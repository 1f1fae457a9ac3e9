//! Code that fails late, hides what it names, or is not finished: `unwrap`, leftover macros, glob imports.

use crate::finding::Finding;
use crate::source::Source;
use crate::tokens::{Token, matches};

const PANICKING: [&str; 2] = ["unwrap", "unwrap_err"];
const LEFTOVERS: [&str; 3] = ["todo", "unimplemented", "dbg"];
/// Preludes that exist to be imported whole: the product's own, and the one whose macros need it, in tests.
const PRELUDE: &str = "forebay_sdk";
const TEST_PRELUDE: &str = "proptest";

pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let tokens = &source.tokens;
    let fault = |at: usize| {
        let test = source.is_test() || tokens[at].test;
        unwrap(tokens, at, test).or_else(|| leftover(tokens, at)).or_else(|| glob(tokens, at, test))
    };
    let places = (0..tokens.len()).filter_map(|at| fault(at).map(|message| (tokens[at].line, message)));
    places.map(|(line, message)| Finding::new(&source.path, line, message)).collect()
}

fn unwrap(tokens: &[Token], at: usize, test: bool) -> Option<String> {
    let panicking = PANICKING.iter().find(|name| matches(tokens, at, &[".", name, "("]))?;
    (!test).then(|| format!("`{panicking}` outside tests: return the error, or `expect` with why it holds"))
}

fn leftover(tokens: &[Token], at: usize) -> Option<String> {
    let name = LEFTOVERS.iter().find(|name| matches(tokens, at, &[name, "!"]))?;
    Some(format!("`{name}!` is for unfinished work"))
}

/// `::` before `*` is a glob import and nothing else.
fn glob(tokens: &[Token], at: usize, test: bool) -> Option<String> {
    if !matches(tokens, at, &["::", "*"]) {
        return None;
    }
    let before = |back: usize| at.checked_sub(back).map_or("", |at| tokens[at].text.as_str());
    let own_module = test && before(1) == "super" && before(2) == "use";
    let prelude = before(1) == "prelude" && (before(3) == PRELUDE || test && before(3) == TEST_PRELUDE);
    (!own_module && !prelude).then(|| "a glob import hides where names come from: list them".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Source::parse(path, text)).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn unwrap_is_for_tests() {
        assert_eq!(findings("host/src/a.rs", "fn f() {\n    x().unwrap();\n}").len(), 1);
        assert!(
            findings("host/src/a.rs", "fn f() {\n    say!(x.unwrap());\n}")[0].starts_with("host/src/a.rs:2: `unwrap`")
        );
        assert_eq!(findings("host/src/a.rs", "#[cfg(test)] mod tests { fn f() { x.unwrap() } }"), [] as [&str; 0]);
        assert_eq!(findings("host/src/a/tests.rs", "fn f() { x.unwrap() }"), [] as [&str; 0]);
        assert_eq!(findings("tests/support/a.rs", "fn f() { x.unwrap() }"), [] as [&str; 0]);
        assert_eq!(findings("host/src/a.rs", "fn f() { x.unwrap_or(1).unwrap_or_default() }"), [] as [&str; 0]);
    }

    #[test]
    fn leftover_macros_are_found_even_in_tests() {
        for name in LEFTOVERS {
            let found = findings("tests/support/a.rs", &format!("#[test] fn f() {{ {name}!() }}"));
            assert!(found[0].contains(name), "{found:?}");
        }
    }

    #[test]
    fn globs_are_for_tests_and_the_prelude() {
        assert_eq!(findings("host/src/a.rs", "use crate::b::*;").len(), 1);
        assert_eq!(findings("host/src/a.rs", "use super::*;").len(), 1);
        assert_eq!(findings("host/src/a.rs", "pub use model::{a::*, b};").len(), 1);
        assert_eq!(findings("host/src/a.rs", "#[cfg(test)] mod tests { use super::*; }"), [] as [&str; 0]);
        assert_eq!(findings("host/src/a.rs", "#[cfg(test)] mod tests { use super::b::*; }").len(), 1);
        assert_eq!(findings("filters/a/src/lib.rs", "use forebay_sdk::prelude::*;"), [] as [&str; 0]);
        assert_eq!(findings("host/src/a.rs", "use proptest::prelude::*;").len(), 1);
        assert_eq!(findings("host/src/a.rs", "fn f() -> u8 { A::B * 2 }"), [] as [&str; 0]);
    }
}
