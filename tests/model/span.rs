//! One range of a resource's bytes: as a client asks for it, and as an answer says what it brings.

use std::ops::Range;

use fastrand::Rng;

use crate::terms::percent;

/// A range as RFC 9110 section 14.1.2 has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    FromTo(usize, usize),
    From(usize),
    Last(usize),
}

impl Span {
    /// Near each other and near the ends, so that parts touch, overlap and make a whole.
    pub(crate) fn random(rng: &mut Rng) -> Self {
        let at = |rng: &mut Rng| rng.choice([0, 0, 0, 10, 29, 30, 30, 60]).expect("not empty");
        match rng.u8(..4) {
            0 => Self::From(at(rng)),
            1 => Self::Last(at(rng)),
            _ => {
                let first = at(rng);
                let last = if percent(rng, 10) { first } else { first + at(rng) };
                Self::FromTo(first, last)
            }
        }
    }

    pub(crate) fn value(self) -> String {
        match self {
            Self::FromTo(first, last) => format!("bytes={first}-{last}"),
            Self::From(first) => format!("bytes={first}-"),
            Self::Last(count) => format!("bytes=-{count}"),
        }
    }

    /// `None` where it is none of these.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
        match (first.parse().ok(), last.parse().ok()) {
            (Some(first), Some(last)) => Some(Self::FromTo(first, last)),
            (Some(first), None) if last.is_empty() => Some(Self::From(first)),
            (None, Some(count)) if first.is_empty() => Some(Self::Last(count)),
            _ => None,
        }
    }

    /// The bytes of a whole of this length that it means; `None` where there are none (section 14.1.1).
    pub(crate) fn within(self, length: usize) -> Option<Range<usize>> {
        let range = match self {
            Self::FromTo(first, last) => first..length.min(last + 1),
            Self::From(first) => first..length,
            Self::Last(count) => length - count.min(length)..length,
        };
        (!range.is_empty()).then_some(range)
    }
}

/// `Content-Range` of these bytes of a whole.
pub(crate) fn place(range: &Range<usize>, length: usize) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end - 1)
}
