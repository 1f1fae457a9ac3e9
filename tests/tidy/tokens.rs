//! A Rust file as one flat list of tokens, macro bodies included.
//!
//! Rules that look for a short pattern (`.unwrap(`, `crate::`, `unsafe {`) read this list: a syntax tree does not see
//! into macro calls. Each token knows its line, whether it is test code, and how many inline modules surround it.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// One identifier, literal, delimiter or punctuation mark; `::` is one token.
    pub(crate) text: String,
    pub(crate) line: usize,
    /// Inside an item marked `#[cfg(test)]` or `#[test]`.
    pub(crate) test: bool,
    /// Inline `mod name { .. }` blocks around it.
    pub(crate) depth: usize,
}

/// The tokens of `text`, which must be Rust.
pub(crate) fn of(text: &str) -> Vec<Token> {
    let stream: TokenStream = text.parse().expect("the file was parsed before");
    let mut flat = Flat { tokens: Vec::new() };
    flat.walk(stream, Place { test: false, depth: 0 });
    flat.tokens
}

/// Whether the tokens from `at` on read as `pattern`.
pub(crate) fn matches(tokens: &[Token], at: usize, pattern: &[&str]) -> bool {
    tokens.get(at..at + pattern.len()).is_some_and(|found| found.iter().zip(pattern).all(|(a, b)| a.text == *b))
}

#[derive(Clone, Copy)]
struct Place {
    test: bool,
    depth: usize,
}

struct Flat {
    tokens: Vec<Token>,
}

impl Flat {
    fn walk(&mut self, stream: TokenStream, place: Place) {
        let mut item_is_test = false;
        for tree in stream {
            let inner = Place { test: place.test || item_is_test, ..place };
            match tree {
                TokenTree::Group(group) => {
                    let attribute = group.delimiter() == Delimiter::Bracket && self.last_is("#");
                    item_is_test |= attribute && marks_test(&group);
                    let ends_item = group.delimiter() == Delimiter::Brace;
                    self.group(&group, inner);
                    item_is_test &= !ends_item;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && self.last_is(":joint") => {
                    self.tokens.last_mut().expect("a first colon was pushed").text = "::".to_owned();
                }
                TokenTree::Punct(punct) => {
                    let joint = punct.as_char() == ':' && punct.spacing() == Spacing::Joint;
                    let text = if joint { ":joint".to_owned() } else { punct.as_char().to_string() };
                    item_is_test &= punct.as_char() != ';';
                    self.push(text, punct.span().start().line, inner);
                }
                TokenTree::Ident(ident) => self.push(ident.to_string(), ident.span().start().line, inner),
                TokenTree::Literal(literal) => self.push(literal.to_string(), literal.span().start().line, inner),
            }
        }
    }

    fn group(&mut self, group: &Group, place: Place) {
        let (open, close) = match group.delimiter() {
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::None => ("", ""),
        };
        let module = open == "{" && self.tokens.iter().rev().nth(1).is_some_and(|token| token.text == "mod");
        let inner = Place { depth: place.depth + usize::from(module), ..place };
        self.push(open.to_owned(), group.span_open().start().line, place);
        self.walk(group.stream(), inner);
        self.push(close.to_owned(), group.span_close().end().line, place);
    }

    fn push(&mut self, text: String, line: usize, place: Place) {
        self.tokens.push(Token { text, line, test: place.test, depth: place.depth });
    }

    fn last_is(&self, text: &str) -> bool {
        self.tokens.last().is_some_and(|token| token.text == text)
    }
}

fn marks_test(attribute: &Group) -> bool {
    let text = attribute.stream().to_string().replace(' ', "");
    text.starts_with("cfg(test") || text.starts_with("cfg(any(test") || text == "test" || text == "tokio::test"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(tokens: &'a [Token], text: &str) -> &'a Token {
        tokens.iter().find(|token| token.text == text).unwrap()
    }

    #[test]
    fn lines_and_inline_modules_are_known() {
        let tokens = of("fn a() {}\nmod inner {\n    fn b() { say!(deep) }\n}\n");
        assert_eq!(find(&tokens, "a").depth, 0);
        assert_eq!((find(&tokens, "deep").line, find(&tokens, "deep").depth), (3, 1));
    }

    #[test]
    fn a_test_mark_covers_its_item_and_nothing_after() {
        let tokens = of("#[cfg(test)]\nmod tests { fn b() {} }\n#[cfg(test)] use x;\nfn c() {}\n#[test] fn d() { e }");
        assert!(find(&tokens, "b").test && find(&tokens, "x").test && find(&tokens, "e").test);
        assert!(!find(&tokens, "c").test);
    }

    #[test]
    fn path_separators_are_one_token() {
        let tokens = of("use a::b; fn f(x: u8) {}");
        assert!(matches(&tokens, 1, &["a", "::", "b", ";"]));
        assert!(matches(&tokens, 8, &["x", ":", "u8"]));
    }
}
