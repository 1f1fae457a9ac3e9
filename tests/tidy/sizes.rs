//! What fits on a screen and in a head: lengths of files and functions, numbers of parameters.
//!
//! Test code is held to the same sizes: it is read as often.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, FnArg, Signature, Type};

use crate::finding::Finding;
use crate::source::Source;

const FILE_LINES_MAX: usize = 400;
const COVER_PAGE_LINES_MAX: usize = 60;
const FUNCTION_LINES_MAX: usize = 70;
/// Without `self`.
const PARAMETERS_MAX: usize = 5;
/// Two of them at a call read `f(true, false)`: nobody knows which is which.
const BOOL_PARAMETERS_MAX: usize = 1;

pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut functions = Functions { path: &source.path, findings: file(source) };
    functions.visit_file(&source.syntax);
    functions.findings
}

fn file(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    let cover_page = source.file_name() == "mod.rs";
    let (max, way_out) = if cover_page {
        (COVER_PAGE_LINES_MAX, "move the logic to a file of its own")
    } else {
        (FILE_LINES_MAX, "it holds two nouns, or its tests want a `tests.rs`")
    };
    let too_long = lines > max;
    too_long
        .then(|| Finding::new(&source.path, lines, format!("{lines} lines, {max} at most: {way_out}")))
        .into_iter()
        .collect()
}

struct Functions<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Functions<'_> {
    fn function(&mut self, signature: &Signature, block: Option<&Block>) {
        let start = signature.fn_token.span().start().line;
        let name = &signature.ident;
        if let Some(block) = block {
            let lines = block.brace_token.span.close().end().line + 1 - start;
            self.limit(start, lines, FUNCTION_LINES_MAX, &format!("`{name}` has {lines} lines"));
        }
        // A guest's exports and imports have the shape the ABI gives them.
        if signature.abi.is_none() {
            let parameters = signature.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_))).count();
            self.limit(start, parameters, PARAMETERS_MAX, &format!("`{name}` takes {parameters} parameters"));
        }
        let bools = signature.inputs.iter().filter(|input| is_bool(input)).count();
        self.limit(start, bools, BOOL_PARAMETERS_MAX, &format!("`{name}` takes {bools} bools: name them by an enum"));
    }

    fn limit(&mut self, line: usize, found: usize, max: usize, what: &str) {
        if found > max {
            self.findings.push(Finding::new(self.path, line, format!("{what}, {max} at most")));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, Some(&item.block));
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, Some(&item.block));
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig, item.default.as_ref());
        visit::visit_trait_item_fn(self, item);
    }
}

fn is_bool(input: &FnArg) -> bool {
    let FnArg::Typed(typed) = input else { return false };
    matches!(typed.ty.as_ref(), Type::Path(path) if path.path.is_ident("bool"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Source::parse(path, text)).iter().map(Finding::to_string).collect()
    }

    fn lines(count: usize) -> String {
        "//! x\n".repeat(count)
    }

    fn function(lines: usize) -> String {
        format!("\nimpl A {{\nfn long() {{\n{}}}\n}}", "f();\n".repeat(lines - 2))
    }

    #[test]
    fn files_and_cover_pages_have_their_limits() {
        assert_eq!(findings("a/b.rs", &lines(400)), [] as [&str; 0]);
        assert!(findings("a/b.rs", &lines(401))[0].starts_with("a/b.rs:401: 401 lines, 400 at most"));
        assert!(findings("a/tests.rs", &lines(401))[0].contains("400 at most"));
        assert_eq!(findings("a/mod.rs", &lines(60)), [] as [&str; 0]);
        assert!(findings("a/mod.rs", &lines(61))[0].contains("60 at most"));
    }

    #[test]
    fn functions_have_their_limit_wherever_they_stand() {
        assert_eq!(findings("a.rs", &function(70)), [] as [&str; 0]);
        assert_eq!(findings("a.rs", &function(71)), ["a.rs:3: `long` has 71 lines, 70 at most"]);
        let nested = format!("trait T {{ fn t() {{ {} }} }}", function(71));
        assert_eq!(findings("a.rs", &nested).len(), 2, "the inner function and the one around it");
        assert!(findings("a.rs", &format!("mod tests {{ {} }}", function(71)))[0].contains("71 lines"));
    }

    #[test]
    fn parameters_are_counted_without_self() {
        assert_eq!(findings("a.rs", "fn f(a: u8, b: u8, c: u8, d: u8, e: u8) {}"), [] as [&str; 0]);
        assert_eq!(findings("a.rs", "impl A { fn f(&self, a: u8, b: u8, c: u8, d: u8, e: u8) {} }"), [] as [&str; 0]);
        let six = findings("a.rs", "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, g: u8) {}");
        assert_eq!(six, ["a.rs:1: `f` takes 6 parameters, 5 at most"]);
        assert_eq!(findings("a.rs", "extern \"C\" fn f(a: u8, b: u8, c: u8, d: u8, e: u8, g: u8) {}"), [] as [&str; 0]);
    }

    #[test]
    fn one_bool_passes_and_two_do_not() {
        assert_eq!(findings("a.rs", "fn f(end: bool, n: usize) {}"), [] as [&str; 0]);
        assert!(findings("a.rs", "fn f(end: bool, n: usize, last: bool) {}")[0].contains("2 bools"));
    }
}
