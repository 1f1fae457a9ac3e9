//! Sizes in bytes as people write them: `"512MiB"`, `"1MB"`, `"1000"`.
//!
//! Binary units are powers of 1024, decimal ones powers of 1000, and both say so in their name; a bare `M` is refused,
//! because programs disagree about it. Read by `field`, shown by `summary`.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use thiserror::Error;

/// A number of bytes. Displays in the largest binary unit that divides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteSize(pub(super) u64);

#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum SizeError {
    #[error("is not a size; write a whole number and a unit, as in \"512MiB\"")]
    Malformed,
    #[error("has an unknown unit; write B, KiB, MiB, GiB, TiB, KB, MB, GB or TB")]
    Unit,
    #[error("is too large for a size; write at most 16777215TiB")]
    Overflow,
}

const BINARY: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(SizeError::Malformed);
        }
        let unit = match unit.trim_start_matches(' ') {
            "" | "B" => 1,
            "KB" | "kB" => 1000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            other => binary(other)?,
        };
        // Only digits are left, so all that can go wrong is too many of them.
        let number = number.parse::<u64>().map_err(|_| SizeError::Overflow)?;
        number.checked_mul(unit).map(Self).ok_or(SizeError::Overflow)
    }
}

fn binary(unit: &str) -> Result<u64, SizeError> {
    if let Some((_, bytes)) = BINARY.iter().find(|(name, _)| *name == unit) {
        return Ok(*bytes);
    }
    let looks_like_a_unit = unit.bytes().all(|byte| byte.is_ascii_alphabetic());
    Err(if looks_like_a_unit { SizeError::Unit } else { SizeError::Malformed })
}

impl Display for ByteSize {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let divides = |(_, unit): &&(&str, u64)| self.0 >= *unit && self.0.is_multiple_of(*unit);
        match BINARY.iter().find(divides) {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn sizes_are_read_in_binary_and_decimal_units() {
        for (text, expected) in [
            ("0", 0),
            ("1000", 1000),
            ("7B", 7),
            ("64KiB", 65_536),
            ("512MiB", 536_870_912),
            ("512 MiB", 536_870_912),
            ("10GiB", 10_737_418_240),
            ("1TiB", 1 << 40),
            ("1KB", 1000),
            ("1kB", 1000),
            ("1MB", 1_000_000),
            ("2GB", 2_000_000_000),
            ("3TB", 3_000_000_000_000),
            ("18446744073709551615", u64::MAX),
            ("16777215TiB", 16_777_215 << 40),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(expected)), "{text}");
        }
    }

    #[test]
    fn junk_units_and_overflow_are_told_apart() {
        for (text, expected) in [
            ("", SizeError::Malformed),
            ("MiB", SizeError::Malformed),
            ("-1MiB", SizeError::Malformed),
            ("+1", SizeError::Malformed),
            ("1.5GiB", SizeError::Malformed),
            ("1MiB ", SizeError::Malformed),
            (" 1MiB", SizeError::Malformed),
            ("1_000", SizeError::Malformed),
            ("٣MiB", SizeError::Malformed),
            ("512M", SizeError::Unit),
            ("512mib", SizeError::Unit),
            ("1PiB", SizeError::Unit),
            ("18446744073709551616", SizeError::Overflow),
            ("16777216TiB", SizeError::Overflow),
            ("99999999999999999999999999999999999GiB", SizeError::Overflow),
        ] {
            assert_eq!(text.parse::<ByteSize>(), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(bytes: u64) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
        }

        #[test]
        fn no_text_panics(text in any::<String>(), number in "[0-9]{0,30}") {
            let _ = text.parse::<ByteSize>();
            let _ = (number + &text).parse::<ByteSize>();
        }
    }
}
