//! How much may be written: so many bytes per second on average, some seconds of them at once.
//!
//! Whoever is about to store a response asks first; what is written is charged afterwards, so that a large body that was
//! begun is written whole, and what comes after it waits longer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What was not written for so long may be written at once: the rate is to spare the disk over days, not over seconds.
const SAVED_MAX: Duration = Duration::from_secs(10);

pub(in crate::cache::disk) struct Budget {
    /// Bytes per second; `None` where there is no limit.
    rate: Option<u64>,
    /// When everything that was charged is paid off.
    paid: Mutex<Instant>,
}

impl Budget {
    /// Begins with nothing saved and nothing owed.
    pub(in crate::cache::disk) fn new(rate: Option<u64>, now: Instant) -> Self {
        Self { rate, paid: Mutex::new(now) }
    }

    /// May something be written now?
    pub(in crate::cache::disk) fn affords(&self, now: Instant) -> bool {
        self.rate.is_none() || *self.paid.lock().unwrap_or_else(PoisonError::into_inner) <= now
    }

    pub(in crate::cache::disk) fn charge(&self, bytes: u64, now: Instant) {
        let Some(rate) = self.rate else { return };
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = now.checked_sub(SAVED_MAX).unwrap_or(now);
        *paid = (*paid).max(saved) + Duration::from_secs_f64(bytes as f64 / rate as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_was_written_is_paid_off_at_the_rate() {
        let start = Instant::now();
        let budget = Budget::new(Some(1_000), start);
        assert!(budget.affords(start));
        budget.charge(3_000, start);
        assert!(!budget.affords(start + 2 * SECOND));
        assert!(budget.affords(start + 3 * SECOND));
    }

    #[test]
    fn some_seconds_are_saved_and_no_more() {
        let start = Instant::now();
        let budget = Budget::new(Some(1_000), start);
        let later = start + 1_000 * SECOND;
        budget.charge(10_000, later);
        assert!(budget.affords(later), "ten seconds were saved");
        budget.charge(1, later);
        assert!(!budget.affords(later));
    }

    #[test]
    fn without_a_rate_everything_is_affordable() {
        let now = Instant::now();
        let budget = Budget::new(None, now);
        budget.charge(u64::MAX, now);
        assert!(budget.affords(now));
    }
}
