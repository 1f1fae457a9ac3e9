//! Text from elsewhere as one line: what the sandbox or a guest says goes into faults that are listed one per line,
//! and into the log.

/// The lines of `text`, joined; control characters within them are escaped.
pub(super) fn one_line(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(escaped).collect();
    lines.join("; ")
}

/// Control characters in the form of a Rust literal.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_control_characters_escaped() {
        assert_eq!(one_line("a: b\n\n  0: c\x07\r\n"), "a: b; 0: c\\u{7}");
        assert_eq!(one_line(""), "");
    }
}
