//! Durations as people write them: `"5m"`, `"250ms"`, `"1h30m"`.
//!
//! Numbers with units from days to microseconds, larger units first. A number without a unit is refused, because
//! seconds and milliseconds look the same. Read by `field`, shown by `summary`.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// A length of time. Displays in whole units, exact to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeSpan(pub(super) Duration);

#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum TimeSpanError {
    #[error("is not a duration; write numbers with units, as in \"30s\" or \"1h30m\"")]
    Malformed,
    #[error("has no unit; write d, h, m, s, ms or us after each number")]
    NoUnit,
    #[error("has an unknown unit; write d, h, m, s, ms or us")]
    Unit,
    #[error("has its units out of order; write each once, the larger first, as in \"1h30m\"")]
    Order,
    #[error("is too long for a duration")]
    Overflow,
}

/// Units in the order in which they are written, in microseconds.
const UNITS: [(&str, u64); 6] =
    [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000), ("us", 1)];

impl FromStr for TimeSpan {
    type Err = TimeSpanError;

    fn from_str(text: &str) -> Result<Self, TimeSpanError> {
        let mut micros = 0_u64;
        let mut rest = text;
        let mut smallest = u64::MAX;
        while !rest.is_empty() {
            let (number, unit, after) = part(rest)?;
            if unit >= smallest {
                return Err(TimeSpanError::Order);
            }
            let product = number.checked_mul(unit).ok_or(TimeSpanError::Overflow)?;
            micros = micros.checked_add(product).ok_or(TimeSpanError::Overflow)?;
            (smallest, rest) = (unit, after);
        }
        if text.is_empty() { Err(TimeSpanError::Malformed) } else { Ok(Self(Duration::from_micros(micros))) }
    }
}

/// The first number of `text`, its unit in microseconds, and what follows.
fn part(text: &str) -> Result<(u64, u64, &str), TimeSpanError> {
    let (number, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let (name, rest) = rest.split_at(rest.bytes().take_while(u8::is_ascii_alphabetic).count());
    match (number, name, rest) {
        ("", ..) => return Err(TimeSpanError::Malformed),
        (_, "", "") => return Err(TimeSpanError::NoUnit),
        (_, "", _) => return Err(TimeSpanError::Malformed),
        _ => {}
    }
    let unit = UNITS.iter().find(|(known, _)| *known == name).map(|(_, micros)| *micros).ok_or(TimeSpanError::Unit)?;
    // Only digits are left, so all that can go wrong is too many of them.
    let number = number.parse().map_err(|_| TimeSpanError::Overflow)?;
    Ok((number, unit, rest))
}

impl Display for TimeSpan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        let mut left = self.0.as_micros();
        for (name, unit) in UNITS {
            let count = left / u128::from(unit);
            left %= u128::from(unit);
            if count > 0 {
                write!(f, "{count}{name}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn durations_are_sums_of_units() {
        for (text, micros) in [
            ("0s", 0),
            ("0ms", 0),
            ("1us", 1),
            ("250ms", 250_000),
            ("60s", 60_000_000),
            ("5m", 300_000_000),
            ("1h30m", 5_400_000_000),
            ("1d2h3m4s5ms6us", 93_784_005_006),
            ("90m", 5_400_000_000),
            ("18446744073709551615us", u64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(TimeSpan(Duration::from_micros(micros))), "{text}");
        }
    }

    #[test]
    fn junk_missing_units_and_overflow_are_told_apart() {
        for (text, expected) in [
            ("", TimeSpanError::Malformed),
            ("s", TimeSpanError::Malformed),
            ("-1s", TimeSpanError::Malformed),
            ("1.5s", TimeSpanError::Malformed),
            ("1 s", TimeSpanError::Malformed),
            ("1s ", TimeSpanError::Malformed),
            ("٣s", TimeSpanError::Malformed),
            ("5", TimeSpanError::NoUnit),
            ("1m30", TimeSpanError::NoUnit),
            ("5min", TimeSpanError::Unit),
            ("5S", TimeSpanError::Unit),
            ("30m1h", TimeSpanError::Order),
            ("1s1s", TimeSpanError::Order),
            ("18446744073709551616us", TimeSpanError::Overflow),
            ("18446744073709551615ms", TimeSpanError::Overflow),
            ("213503982d9h", TimeSpanError::Overflow),
        ] {
            assert_eq!(text.parse::<TimeSpan>(), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(micros: u64) {
            let span = TimeSpan(Duration::from_micros(micros));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn no_text_panics(text in any::<String>(), parts in "([0-9]{0,22}[dhmsu]{0,2}){0,4}") {
            let _ = text.parse::<TimeSpan>();
            let _ = (parts + &text).parse::<TimeSpan>();
        }
    }
}
