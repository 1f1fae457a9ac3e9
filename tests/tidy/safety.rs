//! `unsafe` only where the product needs it, and never without its reason.
//!
//! The filter host talks to a sandbox's memory, the disk store to mapped or direct I/O, the SDK to the imports of its
//! host. Everything else is safe Rust.

use crate::finding::Finding;
use crate::source::Source;
use crate::tokens::{Token, matches};

const ALLOWED: [&str; 3] = ["host/src/filter/", "host/src/cache/disk/", "guest-sdk/src/host/"];
/// Where attributes such as `#[unsafe(no_mangle)]` give a guest its exports.
const EXPORTS: &str = "guest-sdk/src/";
const REASON: &str = "// SAFETY:";
/// A public `unsafe fn` may say it to its callers instead.
const CONTRACT: &str = "/// # Safety";
/// Lines between the reason and the word: the start of a long statement.
const STATEMENT_LINES_MAX: usize = 3;

pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    let in_place = ALLOWED.iter().any(|place| source.path.starts_with(place));
    let exports = source.path.starts_with(EXPORTS);
    let mut findings = Vec::new();
    for (at, token) in source.tokens.iter().enumerate().filter(|(_, token)| token.text == "unsafe") {
        let attribute = matches(&source.tokens, at, &["unsafe", "("]);
        if !(in_place || attribute && exports) {
            let message = format!("`unsafe` is for {}", ALLOWED.join(", "));
            findings.push(Finding::new(&source.path, token.line, message));
        }
        if opens_code(&source.tokens, at) && !has_reason(&lines, token.line) {
            let message = format!("`unsafe` without `{REASON}` above it");
            findings.push(Finding::new(&source.path, token.line, message));
        }
    }
    findings
}

/// Not an attribute, and not the type of a function pointer.
fn opens_code(tokens: &[Token], at: usize) -> bool {
    let next = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
    let pointer = |ahead: usize| next(ahead) == "fn" && next(ahead + 1) == "(";
    match next(1) {
        "{" | "impl" | "trait" => true,
        "fn" => !pointer(1),
        "extern" => !pointer(2) && !pointer(3),
        _ => false,
    }
}

/// Looks up from the line (from 1): over the statement's first lines and attributes, into the comment above.
fn has_reason(lines: &[&str], line: usize) -> bool {
    let mut statement_lines = 0;
    for text in lines[..line - 1].iter().rev() {
        let comment = text.starts_with("//");
        if text.starts_with(REASON) || text.starts_with(CONTRACT) {
            return true;
        }
        if !comment && !text.starts_with("#[") {
            statement_lines += 1;
            let ends_another = text.is_empty() || text.ends_with([';', '{', '}']);
            if ends_another || statement_lines > STATEMENT_LINES_MAX {
                return false;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Source::parse(path, text)).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn unsafe_has_its_places() {
        let text = "// SAFETY: the page is mapped.\nunsafe impl Send for Page {}";
        assert_eq!(findings("host/src/filter/page.rs", text), [] as [&str; 0]);
        assert!(findings("host/src/cache/page.rs", text)[0].starts_with("host/src/cache/page.rs:2: `unsafe` is for"));
        let export = "#[unsafe(no_mangle)]\nextern \"C\" fn on_start() {}";
        assert_eq!(findings("guest-sdk/src/filter.rs", export), [] as [&str; 0]);
        assert_eq!(findings("host/src/clock.rs", export).len(), 1);
    }

    #[test]
    fn every_unsafe_says_why() {
        let path = "host/src/filter/page.rs";
        let bare =
            ["fn f() { unsafe { g() } }", "unsafe impl Send for P {}", "unsafe fn g() {}", "unsafe extern \"C\" {}"];
        for text in bare {
            assert!(findings(path, text)[0].contains("without"), "{text}");
        }
        let second = "// SAFETY: one.\nunsafe impl Send for P {}\nunsafe impl Sync for P {}";
        assert_eq!(findings(path, second).len(), 1, "one reason covers one use");
        let long = "fn f() {\n    // SAFETY: in bounds,\n    // as checked above.\n    let slice =\n        unsafe { g() };\n}";
        assert_eq!(findings(path, long), [] as [&str; 0]);
        assert_eq!(findings(path, "/// # Safety\n/// `p` is valid.\n#[inline]\nunsafe fn g() {}"), [] as [&str; 0]);
        assert_eq!(findings(path, "type F = unsafe extern \"C\" fn(u8);"), [] as [&str; 0]);
    }
}
