//! A text with places for what a pattern's stars stood for: `/new/$1/$2`; `$$` is a dollar.

use std::str::FromStr;

use forebay_sdk::settings;
use serde::{Deserialize, Deserializer};

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// Counted from 1.
    Capture(usize),
}

impl Template {
    /// The text with `captures` in their places.
    pub(crate) fn fill(&self, captures: &[&str]) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            text.push_str(match piece {
                Piece::Literal(literal) => literal,
                Piece::Capture(number) => captures.get(number - 1).copied().unwrap_or_default(),
            });
        }
        text
    }

    /// The highest number of a capture; 0 where there is none.
    pub(crate) fn captures_max(&self) -> usize {
        let number = |piece: &Piece| if let Piece::Capture(number) = piece { *number } else { 0 };
        self.pieces.iter().map(number).max().unwrap_or(0)
    }

    /// What stands before the first capture.
    pub(crate) fn start(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Literal(literal)) => literal,
            _ => "",
        }
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match (character, if character == '$' { rest.next() } else { None }) {
                ('$', Some('$')) => literal.push('$'),
                ('$', Some(digit @ '1'..='9')) => {
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Capture(digit as usize - '0' as usize));
                }
                ('$', _) => return Err(format!("\"{text}\": after \"$\" comes 1 to 9, or \"$\" for a dollar")),
                (other, _) if other.is_control() || other == ' ' => {
                    return Err(format!("{text:?}: a target has no blanks and no control characters"));
                }
                (other, _) => literal.push(other),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::Template;

    #[test]
    fn captures_stand_where_they_are_named() {
        for (template, expected, start, captures_max) in [
            ("", "", "", 0),
            ("/new", "/new", "/new", 0),
            ("/new/$1", "/new/a", "/new/", 1),
            ("$2$1", "ba", "", 2),
            ("/$1-$1/", "/a-a/", "/", 1),
            ("/$$1", "/$1", "/$1", 0),
            ("/$3", "/", "/", 3),
        ] {
            let parsed: Template = template.parse().expect(template);
            assert_eq!(parsed.fill(&["a", "b"]), expected, "{template}");
            assert_eq!((parsed.start(), parsed.captures_max()), (start, captures_max), "{template}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for template in ["/$", "/$0", "/$a", "/a b", "/a\r\nb"] {
            assert!(template.parse::<Template>().is_err(), "{template}");
        }
    }
}
