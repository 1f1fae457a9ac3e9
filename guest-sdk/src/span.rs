//! A span of time as an operator writes it.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::settings;

/// A span of time above zero: in settings a text, a number with `s`, `m`, `h` or `d` behind it.
///
/// ```
/// use forebay_sdk::Span;
///
/// assert_eq!("30m".parse(), Ok(Span::from_secs(1_800)));
/// assert!("30".parse::<Span>().is_err_and(|fault| fault.starts_with(r#""30" is no span of time"#)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

impl Span {
    /// A span of so many seconds.
    ///
    /// ```
    /// # use forebay_sdk::Span;
    /// const DAY: Span = Span::from_secs(86_400);
    /// assert_eq!("1d".parse(), Ok(DAY));
    /// ```
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The seconds of it.
    ///
    /// ```
    /// # use forebay_sdk::Span;
    /// let age: Span = "2h".parse()?;
    /// assert_eq!(age.as_secs(), 7_200);
    /// # Ok::<(), String>(())
    /// ```
    pub fn as_secs(self) -> u64 {
        self.0
    }

    /// It as the standard library counts time.
    ///
    /// ```
    /// # use forebay_sdk::Span;
    /// let expiry = std::time::SystemTime::UNIX_EPOCH + Span::from_secs(60).duration();
    /// assert!(expiry < forebay_sdk::now());
    /// ```
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
        let spans = units.iter().filter_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, *seconds)));
        let mut seconds = spans.filter_map(|(number, seconds)| number.parse::<u64>().ok()?.checked_mul(seconds));
        match seconds.next() {
            Some(seconds) if seconds > 0 => Ok(Self(seconds)),
            _ => Err(format!("\"{text}\" is no span of time: write it as in \"45s\", \"30m\", \"12h\" or \"30d\"")),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn spans_have_a_unit() {
        for (text, expected) in [("1s", 1), ("30m", 1_800), ("12h", 43_200), ("30d", 2_592_000)] {
            assert_eq!(text.parse(), Ok(Span::from_secs(expected)), "{text}");
        }
        for text in ["", "s", "0s", "30", "1w", "-1d", "1.5h", "99999999999999999999d", "18446744073709551615m"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
