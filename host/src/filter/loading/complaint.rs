//! What a guest said before it would not start: its own words for what is wrong with its settings.
//!
//! The host knows only that `proxy_on_configure` answered false; the guest has logged why. The last line at level warn or
//! above is kept while an instance starts, whatever the node's log level is, and told with the fault.

use std::fmt;

use super::super::one_line::escaped;

/// Bytes kept of a line: enough for a sentence with the place of the mistake.
const BYTES_MAX: usize = 512;

/// The last complaint, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Complaint(String);

impl Complaint {
    /// Takes the place of an earlier line; a blank one says nothing.
    pub(in crate::filter) fn hear(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        // The longest character has four bytes: it may be cut in two here, and is left out below.
        let start = String::from_utf8_lossy(&line[..line.len().min(BYTES_MAX + 4)]);
        let cut = start.floor_char_boundary(BYTES_MAX);
        self.0 = escaped(&start[..cut]);
        if cut < start.len() {
            self.0.push_str("...");
        }
    }
}

/// Ready to follow a fault: `: ` and the line, or nothing.
impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&[u8]]) -> String {
        let mut complaint = Complaint::default();
        for line in lines {
            complaint.hear(line);
        }
        complaint.to_string()
    }

    #[test]
    fn the_last_line_that_says_something_is_kept() {
        assert_eq!(heard(&[]), "");
        assert_eq!(heard(&[b"one", b"two\n", b" \n"]), ": two");
    }

    #[test]
    fn what_could_disturb_a_terminal_is_escaped() {
        assert_eq!(heard(&[b"a\nb\x1b[2J\xffc"]), ": a\\nb\\u{1b}[2J\u{fffd}c");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(heard(&["x".repeat(512).as_bytes()]), format!(": {}", "x".repeat(512)));
        assert_eq!(heard(&["x".repeat(513).as_bytes()]), format!(": {}...", "x".repeat(512)));
        let wide = format!("{}\u{20ac}\u{20ac}", "x".repeat(511));
        assert_eq!(heard(&[wide.as_bytes()]), format!(": {}...", "x".repeat(511)));
    }
}
