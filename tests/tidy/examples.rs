//! Every public item of the SDK shows its use: its doc comment holds an example that `cargo test --doc` runs.
//!
//! Public is what is plain `pub`, as `unreachable_pub` has the compiler hold that such an item can be reached. What
//! belongs to a trait needs no example of its own where one of the trait or of its other items implements it. Modules,
//! re-exports, fields, variants and implementations of traits need none, nor does what is `#[doc(hidden)]`.

use syn::{Attribute, Expr, Ident, ImplItem, Item, Lit, Meta, TraitItem, Visibility};

use crate::finding::Finding;
use crate::source::Source;

const SDK: &str = "guest-sdk/src/";
const ROOT: &str = "guest-sdk/src/lib.rs";
/// What may stand behind the opening of an example that runs. `ignore` and `no_run` do not, `text` is no example.
const RUNNING: [&str; 3] = ["", "rust", "should_panic"];

pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let root = sources.iter().find(|source| source.path == ROOT);
    let hidden = root.map(|root| hidden_modules(&root.syntax.items)).unwrap_or_default();
    let is_shown = |source: &&Source| {
        let module = source.path.strip_prefix(SDK).and_then(|path| path.split(['/', '.']).next());
        module.is_some_and(|module| !hidden.iter().any(|hidden| hidden == module))
    };
    sources.iter().filter(is_shown).flat_map(|source| in_items(&source.path, &source.syntax.items)).collect()
}

fn hidden_modules(items: &[Item]) -> Vec<String> {
    let modules = items.iter().filter_map(|item| match item {
        Item::Mod(module) if is_hidden(&module.attrs) => Some(module.ident.to_string()),
        _ => None,
    });
    modules.collect()
}

fn in_items(path: &str, items: &[Item]) -> Vec<Finding> {
    items.iter().flat_map(|item| in_item(path, item)).collect()
}

fn in_item(path: &str, item: &Item) -> Vec<Finding> {
    let one = |vis: &Visibility, attrs: &[Attribute], name: &Ident| {
        let missing = is_public(vis) && !is_hidden(attrs) && examples(attrs).is_empty();
        missing.then(|| finding(path, name)).into_iter().collect()
    };
    match item {
        Item::Const(item) => one(&item.vis, &item.attrs, &item.ident),
        Item::Enum(item) => one(&item.vis, &item.attrs, &item.ident),
        Item::Fn(item) => one(&item.vis, &item.attrs, &item.sig.ident),
        Item::Static(item) => one(&item.vis, &item.attrs, &item.ident),
        Item::Struct(item) => one(&item.vis, &item.attrs, &item.ident),
        Item::Type(item) => one(&item.vis, &item.attrs, &item.ident),
        Item::Union(item) => one(&item.vis, &item.attrs, &item.ident),
        Item::Trait(item) if is_public(&item.vis) && !is_hidden(&item.attrs) => in_trait(path, item),
        Item::Impl(item) if item.trait_.is_none() => item.items.iter().flat_map(|item| in_impl(path, item)).collect(),
        Item::Macro(item) => item.ident.iter().flat_map(|name| in_macro(path, name, &item.attrs)).collect(),
        Item::Mod(item) if !is_hidden(&item.attrs) => {
            item.content.iter().flat_map(|(_, items)| in_items(path, items)).collect()
        }
        _ => Vec::new(),
    }
}

fn in_impl(path: &str, item: &ImplItem) -> Option<Finding> {
    let (vis, attrs, name) = match item {
        ImplItem::Const(item) => (&item.vis, &item.attrs, &item.ident),
        ImplItem::Fn(item) => (&item.vis, &item.attrs, &item.sig.ident),
        _ => return None,
    };
    let missing = is_public(vis) && !is_hidden(attrs) && examples(attrs).is_empty();
    missing.then(|| finding(path, name))
}

fn in_macro(path: &str, name: &Ident, attrs: &[Attribute]) -> Option<Finding> {
    let exported = attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"));
    let missing = exported && !is_hidden(attrs) && examples(attrs).is_empty();
    missing.then(|| finding(path, name))
}

fn in_trait(path: &str, of: &syn::ItemTrait) -> Vec<Finding> {
    let items: Vec<_> = of.items.iter().filter_map(of_trait).collect();
    let shown: String = items.iter().flat_map(|(_, _, attrs)| examples(attrs)).chain(examples(&of.attrs)).collect();
    let is_missing = |(keyword, name, attrs): &&(&str, &Ident, &[Attribute])| {
        let implemented = shown.split('\n').any(|line| declares(line, keyword, &name.to_string()));
        !is_hidden(attrs) && examples(attrs).is_empty() && !implemented
    };
    let missing = items.iter().filter(is_missing).map(|(_, name, _)| finding(path, name));
    let bare = examples(&of.attrs).is_empty().then(|| finding(path, &of.ident));
    bare.into_iter().chain(missing).collect()
}

fn of_trait(item: &TraitItem) -> Option<(&'static str, &Ident, &[Attribute])> {
    match item {
        TraitItem::Const(item) => Some(("const", &item.ident, &item.attrs)),
        TraitItem::Fn(item) => Some(("fn", &item.sig.ident, &item.attrs)),
        TraitItem::Type(item) => Some(("type", &item.ident, &item.attrs)),
        _ => None,
    }
}

/// Whether a line of code has `fn name`, and not of a longer name.
fn declares(line: &str, keyword: &str, name: &str) -> bool {
    let mut words =
        line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty());
    words.any(|word| word == keyword) && words.next() == Some(name)
}

fn finding(path: &str, name: &Ident) -> Finding {
    Finding::new(path, name.span().start().line, format!("`{name}` has no example that runs"))
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

/// Hidden from the documentation, or not there outside tests.
fn is_hidden(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => {
            let inside = list.tokens.to_string();
            list.path.is_ident("doc") && inside == "hidden" || list.path.is_ident("cfg") && inside == "test"
        }
        _ => false,
    })
}

/// The examples in a doc comment that run.
fn examples(attrs: &[Attribute]) -> Vec<String> {
    let mut examples = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in attrs.iter().filter_map(doc_line) {
        match (open.take(), line.trim().strip_prefix("```")) {
            (None, Some(kind)) => open = Some((RUNNING.contains(&kind.trim()), String::new())),
            (None, None) => {}
            (Some((runs, code)), Some(_)) => examples.extend(Some(code).filter(|code| runs && !code.is_empty())),
            (Some((runs, code)), None) => open = Some((runs, code + &line + "\n")),
        }
    }
    examples
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(doc) = &attribute.meta else { return None };
    let Expr::Lit(text) = &doc.value else { return None };
    match &text.lit {
        Lit::Str(text) if doc.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "/// ```\n/// f();\n/// ```\n";

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&[Source::parse(path, text)]).iter().map(Finding::to_string).collect()
    }

    fn names(text: &str) -> Vec<String> {
        let names = findings("guest-sdk/src/a.rs", text).into_iter();
        names.map(|found| found.split('`').nth(1).unwrap().to_owned()).collect()
    }

    #[test]
    fn an_item_without_an_example_is_named_with_its_place() {
        let found = findings("guest-sdk/src/a.rs", "/// Does it.\npub fn f() {}");
        assert_eq!(found, ["guest-sdk/src/a.rs:2: `f` has no example that runs"]);
        assert_eq!(findings("host/src/a.rs", "pub fn f() {}"), [] as [&str; 0]);
    }

    #[test]
    fn every_kind_of_public_item_is_asked_for_one() {
        let items = [
            "pub struct x;",
            "pub enum x {}",
            "pub union x { a: u8 }",
            "pub type x = u8;",
            "pub const x: u8 = 1;",
            "pub static x: u8 = 1;",
            "pub fn x() {}",
            "pub trait x {}",
            "#[macro_export] macro_rules! x { () => {} }",
        ];
        for item in items {
            assert_eq!(names(item), ["x"], "{item}");
            assert_eq!(names(&format!("{EXAMPLE}{item}")), [] as [&str; 0], "{item}");
            assert_eq!(names(&format!("#[doc(hidden)] {item}")), [] as [&str; 0], "{item}");
        }
        assert_eq!(names("impl A { pub fn x() {} pub const y: u8 = 1; fn z() {} }"), ["x", "y"]);
        assert_eq!(names("pub mod a { pub fn x() {} }"), ["x"]);
    }

    #[test]
    fn what_no_reader_sees_needs_none() {
        for text in [
            "fn f() {}",
            "pub(crate) struct A;",
            "macro_rules! a { () => {} }",
            "impl Display for A { fn fmt() {} }",
            "pub use a::B;",
            "pub mod a;",
            "trait A { fn f(); }",
            "#[cfg(test)] mod tests { pub fn f() {} }",
        ] {
            assert_eq!(names(text), [] as [&str; 0], "{text}");
        }
    }

    #[test]
    fn the_files_of_hidden_modules_are_passed_over() {
        let root = Source::parse(ROOT, "#[doc(hidden)] pub mod stage; pub mod log;");
        let file = |path| Source::parse(path, "pub fn f() {}");
        let rest = ["guest-sdk/src/stage.rs", "guest-sdk/src/stage/a.rs", "guest-sdk/src/log.rs"].map(file);
        let found = check(&[[root].into(), Vec::from(rest)].into_iter().flatten().collect::<Vec<_>>());
        assert_eq!(found.iter().map(|found| found.file.as_str()).collect::<Vec<_>>(), ["guest-sdk/src/log.rs"]);
    }

    #[test]
    fn only_an_example_that_runs_counts() {
        for (kind, runs) in [("", true), ("rust", true), ("ignore", false), ("no_run", false), ("text", false)] {
            let text = format!("/// ```{kind}\n/// f();\n/// ```\npub fn f() {{}}");
            assert_eq!(names(&text).is_empty(), runs, "{kind}");
        }
        assert_eq!(names("/// ```\n/// ```\npub fn f() {}"), ["f"], "an empty one shows nothing");
    }

    #[test]
    fn an_example_of_a_trait_stands_for_what_it_implements() {
        let example = "/// ```\n/// impl A for B { type C = u8; fn f() {} }\n/// ```\n";
        let items = "{ type C; fn f(); fn ff(); const D: u8; }";
        assert_eq!(names(&format!("{example}pub trait A {items}")), ["ff", "D"]);
        assert_eq!(names("pub trait A { fn f(); }"), ["A", "f"]);
        let by_item = format!("{EXAMPLE}pub trait A {{\n/// ```\n/// fn f() {{}}\n/// ```\nconst D: u8; fn f(); }}");
        assert_eq!(names(&by_item), [] as [&str; 0]);
    }
}
