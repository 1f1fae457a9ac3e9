//! A canary: the next version of a filter, met by a part of the exchanges, and taken back where it does harm.
//!
//! Each exchange draws once, before its filters are entered. Before a canary gets one more exchange, what it did is
//! compared with what the running version did at the same time; a canary found worse gets no more until the next reload.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use super::super::plugin::Plugin;
use super::rollback::Rollback;
use super::tally::Counts;

/// Exchanges of the canary after which counting begins anew, so that a version that turns bad later is found as soon.
const WINDOW: u64 = 1_000;

/// One failure may be a bad request, two a retry of it.
const FAILURES_MIN: u64 = 3;

/// The natural logarithm of a million; see `errs_more`.
const DOUBT: f64 = 13.8;

#[derive(Debug)]
pub(in crate::filter) struct Canary {
    pub(in crate::filter) next: Arc<Plugin>,
    stable: Arc<Plugin>,
    /// Of a hundred exchanges.
    percent: AtomicU8,
    taken_back: AtomicBool,
    /// Both counts when the window began.
    window: Mutex<(Counts, Counts)>,
}

impl Canary {
    /// Begins to compare `next` with `stable`.
    pub(in crate::filter) fn new(stable: Arc<Plugin>, next: Arc<Plugin>, percent: u8) -> Self {
        stable.tally.watch();
        next.tally.watch();
        let window = Mutex::new((stable.tally.counts(), next.tally.counts()));
        Self { next, stable, percent: AtomicU8::new(percent), taken_back: AtomicBool::new(false), window }
    }

    /// Its share now; 0 once it was taken back.
    pub(in crate::filter) fn percent(&self) -> u8 {
        self.percent.load(Ordering::Relaxed)
    }

    pub(in crate::filter) fn taken_back(&self) -> bool {
        self.taken_back.load(Ordering::Relaxed)
    }

    /// The version for an exchange that drew this number below 100, where it is not the running one.
    pub(in crate::filter) fn choose(&self, draw: u8) -> Option<&Arc<Plugin>> {
        (draw < self.percent() && self.judge().is_none()).then_some(&self.next)
    }

    /// Takes the canary back where it has done harm, and says why.
    pub(in crate::filter) fn judge(&self) -> Option<Rollback> {
        let reason = self.verdict()?;
        self.percent.store(0, Ordering::Relaxed);
        if !self.taken_back.swap(true, Ordering::Relaxed) {
            let (stable, next) = (&self.stable.profile, &self.next.profile);
            self.next.meters.count_rollback(reason);
            tracing::error!(
                filter = %next.name,
                version = %next.version,
                stable = %stable.version,
                reason = reason.word(),
                "canary taken back"
            );
        }
        Some(reason)
    }

    fn verdict(&self) -> Option<Rollback> {
        let (stable, next) = (self.stable.tally.counts(), self.next.tally.counts());
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let (stable_now, next_now) = (stable.since(window.0), next.since(window.1));
        let verdict = compare(stable_now, next_now);
        if verdict.is_none() && next_now.exchanges >= WINDOW {
            *window = (stable, next);
        }
        verdict
    }
}

/// Whether `next` does harm that `stable` does not do.
fn compare(stable: Counts, next: Counts) -> Option<Rollback> {
    // Cross-multiplied: the rate of the one is above the rate of the other.
    let fails_more = u128::from(next.failures) * u128::from(stable.exchanges.max(1))
        > u128::from(stable.failures) * u128::from(next.exchanges);
    if next.failures >= FAILURES_MIN && fails_more {
        return Some(Rollback::Failures);
    }
    errs_more(stable, next).then_some(Rollback::Errors)
}

/// Were both versions alike, each of the K errors of both would fall on the canary with the chance s, its share of the
/// exchanges. That k or more of them do has a chance of at most exp(-K D(k/K || s)), where D(p || s) is
/// p ln(p/s) + (1-p) ln((1-p)/(1-s)): Chernoff's bound, which holds for any number of samples, and for draws without
/// replacement, as here, too (Hoeffding 1963, section 6). At one in a million a canary is taken back. There are at most a
/// thousand looks at one window, so a good canary is lost in fewer than one of a thousand windows; in truth far fewer, as
/// the looks depend on each other. With a share of 5 % five errors and none elsewhere suffice, with 50 % twenty.
fn errs_more(stable: Counts, next: Counts) -> bool {
    let (errors, exchanges) = (stable.errors + next.errors, stable.exchanges + next.exchanges);
    if next.errors == 0 || stable.exchanges == 0 {
        return false;
    }
    let found = next.errors as f64 / errors as f64;
    let share = next.exchanges as f64 / exchanges as f64;
    let part = |p: f64, s: f64| if p > 0.0 { p * (p / s).ln() } else { 0.0 };
    let distance = part(found, share) + part(1.0 - found, 1.0 - share);
    found > share && errors as f64 * distance >= DOUBT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(exchanges: u64, failures: u64, errors: u64) -> Counts {
        Counts { exchanges, failures, errors }
    }

    #[test]
    fn a_canary_is_compared_with_what_runs_at_the_same_time() {
        let cases = [
            (counts(950, 0, 0), counts(50, 0, 0), None),
            (counts(950, 0, 0), counts(50, 2, 0), None),
            (counts(950, 0, 0), counts(50, 3, 0), Some(Rollback::Failures)),
            (counts(0, 0, 0), counts(3, 3, 0), Some(Rollback::Failures)),
            (counts(950, 95, 0), counts(50, 4, 0), None),
            (counts(950, 0, 0), counts(50, 0, 4), None),
            (counts(950, 0, 0), counts(50, 0, 5), Some(Rollback::Errors)),
            (counts(950, 0, 19), counts(50, 0, 5), None),
            (counts(950, 0, 950), counts(50, 0, 50), None),
            (counts(500, 0, 0), counts(500, 0, 19), None),
            (counts(500, 0, 0), counts(500, 0, 20), Some(Rollback::Errors)),
            (counts(9_000, 0, 90), counts(1_000, 0, 37), Some(Rollback::Errors)),
            (counts(0, 0, 0), counts(100, 0, 100), None),
        ];
        for (stable, next, expected) in cases {
            assert_eq!(compare(stable, next), expected, "{stable:?} {next:?}");
        }
    }
}
