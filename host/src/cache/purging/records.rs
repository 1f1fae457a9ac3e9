//! What is known of the purges of one scope, and what that means for something stored earlier.
//!
//! A hard purge makes all earlier ones of its scope superfluous. Of soft ones the first after a response was looked up
//! ends its lifetime, so several are kept; beyond a few, the oldest two become one with the later number and the earlier
//! time, which ends lifetimes no later than each of them would.

mod scope_kind;

pub(in crate::cache) use scope_kind::ScopeKind;

use super::purge::Mode;
use crate::clock::Timestamp;

/// Soft purges of one scope that are told apart.
const SOFT_MAX: usize = 4;

/// What the purges since a response was looked up make of it. Ordered by strictness, a later end being less strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) enum Ruling {
    Holds,
    /// Its lifetime ends here.
    Ends(Timestamp),
    Purged,
}

impl Ruling {
    /// The stricter of two.
    pub(in crate::cache) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Purged, _) | (_, Self::Purged) => Self::Purged,
            (Self::Holds, ruling) | (ruling, Self::Holds) => ruling,
            (Self::Ends(one), Self::Ends(other)) => Self::Ends(one.min(other)),
        }
    }
}

/// The purges of one scope, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::cache) struct Record {
    /// The last hard one; 0 where there was none.
    hard: u64,
    /// Soft ones since, in order.
    soft: Vec<(u64, Timestamp)>,
}

impl Record {
    /// As it was written down.
    pub(in crate::cache) fn of(hard: u64, soft: Vec<(u64, Timestamp)>) -> Self {
        Self { hard, soft }
    }

    pub(in crate::cache) fn hard(&self) -> u64 {
        self.hard
    }

    pub(in crate::cache) fn soft(&self) -> &[(u64, Timestamp)] {
        &self.soft
    }

    pub(in crate::cache) fn add(&mut self, number: u64, mode: Mode, at: Timestamp) {
        match mode {
            Mode::Hard => *self = Self { hard: number, soft: Vec::new() },
            Mode::Soft => self.soft.push((number, at)),
        }
        if self.soft.len() > SOFT_MAX {
            let (_, earlier) = self.soft.remove(0);
            self.soft[0].1 = self.soft[0].1.min(earlier);
        }
    }

    /// The number of the last purge; 0 where there was none.
    pub(in crate::cache) fn last(&self) -> u64 {
        self.soft.last().map_or(self.hard, |(number, _)| *number)
    }

    /// For what was looked up when `birth` was the last purge.
    pub(in crate::cache) fn since(&self, birth: u64) -> Ruling {
        if self.hard > birth {
            return Ruling::Purged;
        }
        let first = self.soft.iter().find(|(number, _)| *number > birth);
        first.map_or(Ruling::Holds, |(_, at)| Ruling::Ends(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(Duration::from_secs(seconds))
    }

    fn record(purges: &[(u64, Mode)]) -> Record {
        let mut record = Record::default();
        for (number, mode) in purges {
            record.add(*number, *mode, at(*number));
        }
        record
    }

    #[test]
    fn the_first_soft_purge_after_birth_ends_a_lifetime_and_a_hard_one_a_life() {
        use Mode::{Hard, Soft};
        let cases = [
            (vec![], 0, Ruling::Holds),
            (vec![(1, Soft)], 0, Ruling::Ends(at(1))),
            (vec![(1, Soft)], 1, Ruling::Holds),
            (vec![(1, Soft), (3, Soft)], 0, Ruling::Ends(at(1))),
            (vec![(1, Soft), (3, Soft)], 2, Ruling::Ends(at(3))),
            (vec![(1, Soft), (3, Hard)], 0, Ruling::Purged),
            (vec![(1, Soft), (3, Hard)], 2, Ruling::Purged),
            (vec![(1, Hard), (3, Soft)], 0, Ruling::Purged),
            (vec![(1, Hard), (3, Soft)], 1, Ruling::Ends(at(3))),
            (vec![(1, Hard), (3, Soft)], 3, Ruling::Holds),
        ];
        for (purges, birth, expected) in cases {
            assert_eq!(record(&purges).since(birth), expected, "{purges:?} since {birth}");
        }
    }

    #[test]
    fn beyond_a_few_soft_purges_lifetimes_end_no_later_than_they_should() {
        let purges: Vec<_> = (1..=10).map(|number| (number, Mode::Soft)).collect();
        let record = record(&purges);
        assert_eq!((record.last(), record.soft.len()), (10, SOFT_MAX));
        for birth in 0..10 {
            let Ruling::Ends(end) = record.since(birth) else { panic!("purged softly since {birth}") };
            assert!(end <= at(birth + 1), "{birth}: {end:?}");
        }
        assert_eq!(record.since(9), Ruling::Ends(at(10)), "the latest are exact");
    }

    #[test]
    fn the_stricter_ruling_counts() {
        let all = [Ruling::Holds, Ruling::Ends(at(2)), Ruling::Ends(at(1)), Ruling::Purged];
        for (i, one) in all.iter().enumerate() {
            for (j, other) in all.iter().enumerate() {
                assert_eq!(one.and(*other), all[i.max(j)]);
            }
        }
    }
}
