//! The two arms of a release, and which one a user's place belongs to.

use std::fmt::{self, Formatter};

use forebay_sdk::{Request, draw};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A hundredth of a percent is one place.
const PLACES: u16 = 10_000;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arm {
    Canary,
    Stable,
}

impl Arm {
    /// The arm in headers and metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Stable => "stable",
        }
    }

    /// The arm a header names.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Canary, Self::Stable].into_iter().find(|arm| arm.word() == word)
    }
}

/// A user's place among ten thousand: from 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u16);

impl Place {
    /// A place by chance.
    pub(crate) fn drawn(request: &Request) -> Self {
        Self(draw(request, PLACES.into()) as u16)
    }

    /// The place a cookie holds; `None` where somebody else wrote it.
    pub(crate) fn from_cookie(value: &str) -> Option<Self> {
        let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        value.parse().ok().filter(|place| plain && *place < PLACES).map(Self)
    }

    /// As a cookie holds it.
    pub(crate) fn number(self) -> u16 {
        self.0
    }
}

/// How many of the places are the canary's, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Percent(u16);

impl Percent {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn arm(self, place: Place) -> Arm {
        if place.0 < self.0 { Arm::Canary } else { Arm::Stable }
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(Percents)
    }
}

struct Percents;

impl Visitor<'_> for Percents {
    type Value = Percent;

    fn expecting(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str("a number from 0 to 100 in steps of 0.01")
    }

    fn visit_u64<E: Error>(self, percent: u64) -> Result<Percent, E> {
        let whole = u16::try_from(percent).ok().filter(|percent| *percent <= 100);
        whole
            .map(|percent| Percent(percent * 100))
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(percent), &self))
    }

    fn visit_f64<E: Error>(self, percent: f64) -> Result<Percent, E> {
        let hundredths = percent * 100.0;
        // What is written as 0.07 reads as a number near it.
        let exact = (hundredths - hundredths.round()).abs() < 1e-6;
        if exact && (0.0..=f64::from(PLACES)).contains(&hundredths) {
            return Ok(Percent(hundredths.round() as u16));
        }
        Err(E::invalid_value(Unexpected::Float(percent), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::{Arm, Percent, Place};

    #[test]
    fn percent_is_from_0_to_100_in_hundredths() {
        for (text, expected) in
            [("0", 0), ("0.01", 1), ("0.07", 7), ("0.5", 50), ("10", 1000), ("33.33", 3333), ("100.0", 10_000)]
        {
            assert_eq!(serde_json::from_str::<Percent>(text).expect(text), Percent(expected), "{text}");
        }
        for text in ["-1", "-0.01", "100.01", "101", "0.005", "70000", "\"10\"", "1e300", "null"] {
            assert!(serde_json::from_str::<Percent>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_canary_takes_the_places_from_the_bottom() {
        for (percent, place, expected) in [
            (0, 0, Arm::Stable),
            (1, 0, Arm::Canary),
            (1, 1, Arm::Stable),
            (1000, 999, Arm::Canary),
            (1000, 1000, Arm::Stable),
            (10_000, 9999, Arm::Canary),
        ] {
            assert_eq!(Percent(percent).arm(Place(place)), expected, "{percent} {place}");
        }
    }

    #[test]
    fn a_cookie_holds_a_place_or_nothing() {
        for (value, expected) in [("0", Some(0)), ("9999", Some(9999)), ("0042", Some(42)), ("10000", None)] {
            assert_eq!(Place::from_cookie(value), expected.map(Place), "{value}");
        }
        for value in ["", "-1", "+1", "canary", "1 ", "99999999999"] {
            assert_eq!(Place::from_cookie(value), None, "{value}");
        }
    }
}
