//! A breaker: a filter version that fails again and again is left alone for a while.
//!
//! Closed, it counts failures in a row and costs an exchange two loads. Open, the filter is not entered, and its `on_error`
//! decides at once. When the cooldown is over one exchange tries the filter again; its end closes the breaker, its failure
//! or its loss leaves it open for one more cooldown.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use prometheus::IntGauge;

use super::super::profile::Profile;
use crate::clock::Clock;

/// `retry_at` of a breaker that is closed.
const CLOSED: u64 = 0;

/// All orderings are relaxed: the values guard no other memory, and an exchange that is entered or left out a moment late
/// harms nobody.
#[derive(Debug)]
pub(in crate::filter) struct Breaker {
    failures_max: usize,
    cooldown: Duration,
    clock: Clock,
    /// How many breakers of this filter are open.
    open: IntGauge,
    /// In a row.
    failures: AtomicUsize,
    /// When the next exchange may try, in nanoseconds since the Unix epoch.
    retry_at: AtomicU64,
}

/// What a breaker says to an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Admission {
    Usual,
    /// The one that finds out whether the filter is well again.
    Probe,
    Refused,
}

/// What an exchange's end meant to the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Change {
    None,
    Opened,
    Closed,
}

impl Breaker {
    pub(in crate::filter) fn new(profile: &Profile, open: IntGauge) -> Self {
        Self {
            failures_max: profile.limits.breaker_failures,
            cooldown: profile.limits.breaker_cooldown,
            clock: profile.clock.clone(),
            open,
            failures: AtomicUsize::new(0),
            retry_at: AtomicU64::new(CLOSED),
        }
    }

    pub(in crate::filter) fn is_open(&self) -> bool {
        self.retry_at.load(Ordering::Relaxed) != CLOSED
    }

    /// Whether the next exchange may enter the filter.
    pub(in crate::filter) fn admit(&self) -> Admission {
        let retry_at = self.retry_at.load(Ordering::Relaxed);
        if retry_at == CLOSED {
            return Admission::Usual;
        }
        if self.clock.now().unix_nanos() < retry_at {
            return Admission::Refused;
        }
        // Whoever moves the time on is the one that tries. The time itself brings the next, should this one be lost.
        let next = self.after_cooldown();
        match self.retry_at.compare_exchange(retry_at, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Admission::Probe,
            Err(_) => Admission::Refused,
        }
    }

    /// An exchange has ended well. One that began before the breaker opened says nothing about now.
    pub(in crate::filter) fn succeeded(&self, admission: Admission) -> Change {
        if admission == Admission::Probe {
            self.failures.store(0, Ordering::Relaxed);
            if self.retry_at.swap(CLOSED, Ordering::Relaxed) != CLOSED {
                self.open.dec();
                return Change::Closed;
            }
        } else if self.failures.load(Ordering::Relaxed) != 0 && !self.is_open() {
            self.failures.store(0, Ordering::Relaxed);
        }
        Change::None
    }

    /// An exchange has failed.
    pub(in crate::filter) fn failed(&self) -> Change {
        if self.failures_max == 0 || self.is_open() {
            return Change::None;
        }
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 < self.failures_max {
            return Change::None;
        }
        let retry_at = self.after_cooldown();
        match self.retry_at.compare_exchange(CLOSED, retry_at, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                self.open.inc();
                Change::Opened
            }
            Err(_) => Change::None,
        }
    }

    fn after_cooldown(&self) -> u64 {
        self.clock.now().plus(self.cooldown).unix_nanos().max(CLOSED + 1)
    }
}

impl Drop for Breaker {
    /// A version that is gone is not open.
    fn drop(&mut self) {
        if self.is_open() {
            self.open.dec();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn breaker(failures_max: usize) -> (Breaker, Clock) {
        let clock = Clock::set_to(Timestamp::from_unix(Duration::from_secs(1_000)));
        let breaker = Breaker {
            failures_max,
            cooldown: Duration::from_secs(10),
            clock: clock.clone(),
            open: IntGauge::new("open", "open").unwrap(),
            failures: AtomicUsize::new(0),
            retry_at: AtomicU64::new(CLOSED),
        };
        (breaker, clock)
    }

    #[test]
    fn opens_after_failures_in_a_row_and_not_after_as_many_in_all() {
        let (breaker, _) = breaker(3);
        for _ in 0..5 {
            assert_eq!((breaker.failed(), breaker.failed()), (Change::None, Change::None));
            assert_eq!(breaker.succeeded(Admission::Usual), Change::None);
        }
        let changes = [breaker.failed(), breaker.failed(), breaker.failed(), breaker.failed()];
        assert_eq!(changes, [Change::None, Change::None, Change::Opened, Change::None]);
        assert_eq!((breaker.admit(), breaker.open.get()), (Admission::Refused, 1));
    }

    #[test]
    fn one_probe_per_cooldown_decides() {
        let (breaker, clock) = breaker(1);
        assert_eq!(breaker.failed(), Change::Opened);
        clock.advance(Duration::from_millis(9_999));
        assert_eq!(breaker.admit(), Admission::Refused);
        clock.advance(Duration::from_millis(1));
        assert_eq!([breaker.admit(), breaker.admit()], [Admission::Probe, Admission::Refused]);
        assert_eq!(breaker.failed(), Change::None);
        assert!(breaker.is_open());
        clock.advance(Duration::from_secs(10));
        assert_eq!(breaker.admit(), Admission::Probe);
        assert_eq!(breaker.succeeded(Admission::Usual), Change::None, "it began before");
        assert_eq!(breaker.succeeded(Admission::Probe), Change::Closed);
        assert_eq!((breaker.admit(), breaker.open.get()), (Admission::Usual, 0));
    }

    #[test]
    fn zero_is_off_and_a_dropped_one_is_not_open() {
        let (off, _) = breaker(0);
        assert!((0..100).all(|_| off.failed() == Change::None && !off.is_open()));
        let (open, _) = breaker(1);
        open.failed();
        let gauge = open.open.clone();
        drop(open);
        assert_eq!(gauge.get(), 0);
    }
}
