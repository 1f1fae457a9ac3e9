//! When an origin that failed is asked again: not at every request, but after a pause that grows.
//!
//! No connection, and no answer in time, count against the origin; an error that it answers counts against that key.
//! Only requests that have a stale response to use are held back; `cache::Ask` carries the question to the lookup.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Notebook, Standing, notebook};
use crate::clock::Timestamp;
use crate::semantics::Trouble;

/// The pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Origins and keys that are remembered, at most of each. One costs about 250 bytes; one that is forgotten early is asked
/// again early.
const REMEMBERED_MAX: u64 = 10_000;

/// What failed lately, and until when it is left alone.
pub(super) struct Backoff {
    origins: Notebook<Arc<str>, Strike>,
    keys: Notebook<Arc<str>, Strike>,
    longest: Duration,
    /// A number from 0 to 1, which spreads the next attempts of many nodes and keys.
    chance: fn() -> f64,
}

/// The last failure that counted.
#[derive(Debug, Clone, Copy)]
struct Strike {
    trouble: Trouble,
    /// The failures before it in a row.
    before: u32,
    until: Timestamp,
}

/// What is known against an origin or a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) standing: Standing,
    pub(super) trouble: Trouble,
}

impl Backoff {
    /// No pause is longer than `longest`; with zero there is none.
    pub(super) fn new(longest: Duration, chance: fn() -> f64) -> Self {
        Self { origins: notebook(REMEMBERED_MAX), keys: notebook(REMEMBERED_MAX), longest, chance }
    }

    /// What speaks against asking `origin` for `key` now. Long after a failure nothing does.
    pub(super) fn doubt(&self, origin: &str, key: &str, now: Timestamp) -> Option<Doubt> {
        let doubts = [self.origins.get(origin), self.keys.get(key)].map(|strike| self.doubt_by(strike?, now));
        let resting = |doubt: &Doubt| doubt.standing == Standing::Resting;
        doubts.iter().flatten().copied().find(resting).or(doubts.into_iter().flatten().next())
    }

    fn doubt_by(&self, strike: Strike, now: Timestamp) -> Option<Doubt> {
        let standing = match now {
            _ if now < strike.until => Standing::Resting,
            _ if now < strike.until.plus(self.longest) => Standing::Due,
            _ => return None,
        };
        Some(Doubt { standing, trouble: strike.trouble })
    }

    /// Notes how a fetch came out; `None` is well.
    pub(super) fn note(&self, origin: &Arc<str>, key: &Arc<str>, trouble: Option<Trouble>, now: Timestamp) {
        match trouble {
            Some(trouble @ (Trouble::Connect | Trouble::Timeout)) => self.strike(&self.origins, origin, trouble, now),
            Some(trouble @ Trouble::ServerError) => {
                // It answers, so it can be asked for other keys.
                forgive(&self.origins, origin);
                self.strike(&self.keys, key, trouble, now);
            }
            None => {
                forgive(&self.origins, origin);
                forgive(&self.keys, key);
            }
        }
    }

    /// Fetches that were under way together fail together, so only a failure after the pause makes the next one longer.
    fn strike(&self, strikes: &Notebook<Arc<str>, Strike>, name: &Arc<str>, trouble: Trouble, now: Timestamp) {
        strikes.entry(name.clone()).and_upsert_with(|standing| {
            let last = standing.map(moka::Entry::into_value);
            match last.and_then(|last| Some((last, self.doubt_by(last, now)?.standing))) {
                Some((last, Standing::Resting)) => last,
                Some((last, _)) => self.struck(trouble, last.before.saturating_add(1), now),
                None => self.struck(trouble, 0, now),
            }
        });
    }

    fn struck(&self, trouble: Trouble, before: u32, now: Timestamp) -> Strike {
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(before)).min(self.longest);
        // Between half of the pause and all of it.
        let until = now.plus(pause.mul_f64(0.5 + 0.5 * (self.chance)().clamp(0.0, 1.0)));
        Strike { trouble, before, until }
    }
}

/// Nearly every name has nothing against it, and looking costs less than forgetting.
fn forgive(strikes: &Notebook<Arc<str>, Strike>, name: &Arc<str>) {
    if strikes.contains_key(name) {
        strikes.invalidate(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix(Duration::from_millis(1_000_000 + millis))
    }

    struct Bench {
        backoff: Backoff,
        origin: Arc<str>,
        key: Arc<str>,
    }

    fn bench(longest: u64, chance: fn() -> f64) -> Bench {
        let backoff = Backoff::new(Duration::from_secs(longest), chance);
        Bench { backoff, origin: "site".into(), key: "http://a.example/".into() }
    }

    impl Bench {
        fn note(&self, trouble: Option<Trouble>, millis: u64) {
            self.backoff.note(&self.origin, &self.key, trouble, at(millis));
        }

        fn standing(&self, key: &str, millis: u64) -> Standing {
            self.backoff.doubt(&self.origin, key, at(millis)).map_or(Standing::Well, |doubt| doubt.standing)
        }

        /// When the pause that a failure at `millis` begins is over.
        fn due(&self, millis: u64) -> u64 {
            self.note(Some(Trouble::Connect), millis);
            (millis..).step_by(250).find(|now| self.standing("x", *now) == Standing::Due).expect("pauses end")
        }
    }

    #[test]
    fn each_failure_in_a_row_doubles_the_pause_up_to_the_longest() {
        let bench = bench(10, || 1.0);
        let mut now = 0;
        for pause in [1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
            let due = bench.due(now);
            assert_eq!(due - now, pause);
            now = due;
        }
    }

    #[test]
    fn chance_takes_up_to_half_of_a_pause() {
        assert_eq!(bench(60, || 0.0).due(0), 500);
        assert_eq!(bench(60, || 0.5).due(0), 750);
        assert_eq!(bench(60, || 7.0).due(0), 1_000);
    }

    #[test]
    fn failures_at_the_same_time_are_one() {
        let bench = bench(60, || 1.0);
        for millis in [0, 10, 999] {
            bench.note(Some(Trouble::Timeout), millis);
        }
        assert_eq!((bench.standing("x", 999), bench.standing("x", 1_000)), (Standing::Resting, Standing::Due));
    }

    #[test]
    fn success_and_a_long_time_make_it_well() {
        let bench = bench(60, || 1.0);
        bench.note(Some(Trouble::Connect), 0);
        assert_eq!((bench.standing("x", 60_999), bench.standing("x", 61_000)), (Standing::Due, Standing::Well));
        assert_eq!(bench.due(100_000), 101_000, "counted from the start again");
        bench.note(None, 101_000);
        assert_eq!(bench.standing("x", 101_000), Standing::Well);
    }

    #[test]
    fn an_error_answered_counts_against_its_key_and_for_the_origin() {
        let bench = bench(60, || 1.0);
        bench.note(Some(Trouble::Connect), 0);
        bench.note(Some(Trouble::ServerError), 1);
        assert_eq!((bench.standing("x", 2), bench.standing(&bench.key, 2)), (Standing::Well, Standing::Resting));
        let doubt = bench.backoff.doubt(&bench.origin, &bench.key, at(2)).expect("a doubt");
        assert_eq!(doubt.trouble, Trouble::ServerError);
        bench.note(None, 3);
        assert_eq!(bench.standing(&bench.key, 3), Standing::Well);
    }

    #[test]
    fn the_graver_of_two_doubts_counts() {
        let bench = bench(60, || 1.0);
        bench.note(Some(Trouble::ServerError), 0);
        bench.note(Some(Trouble::Connect), 5_000);
        assert_eq!(bench.standing(&bench.key, 5_500), Standing::Resting);
        bench.note(Some(Trouble::ServerError), 6_000);
        assert_eq!(bench.standing(&bench.key, 6_001), Standing::Resting);
    }

    #[test]
    fn without_a_longest_pause_there_is_none() {
        let bench = bench(0, || 1.0);
        bench.note(Some(Trouble::Connect), 0);
        assert_eq!(bench.standing("x", 0), Standing::Well);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let bench = bench(60, || 1.0);
        for n in 0..REMEMBERED_MAX * 2 {
            bench.backoff.note(
                &bench.origin,
                &format!("http://a.example/{n}").into(),
                Some(Trouble::ServerError),
                at(0),
            );
        }
        bench.backoff.keys.run_pending_tasks();
        assert!(bench.backoff.keys.entry_count() <= REMEMBERED_MAX);
    }
}
