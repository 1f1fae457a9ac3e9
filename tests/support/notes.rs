//! What a test could not do here, told to whoever reads the result.

use std::fs::OpenOptions;
use std::io::Write;

/// `scripts/test` sets it to a file whose lines it prints at the end.
const NOTES: &str = "FOREBAY_TEST_NOTES";

/// Says that a test, or a part of it, was skipped, and why.
pub fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
    if let Some(path) = std::env::var_os(NOTES) {
        let notes = OpenOptions::new().append(true).create(true).open(path);
        let written = notes.and_then(|mut notes| writeln!(notes, "{reason}"));
        written.expect("the notes of the test run can be written");
    }
}
