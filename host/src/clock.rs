//! Time as an argument: one clock, real or set by a test.
//!
//! Everything that dates a response, computes an age or answers a guest's question for the time asks a `Clock`. The real
//! one is the wall clock read once at the start and carried on by the monotonic clock, so that a step of the system time
//! never makes a stored response younger or older. Socket timeouts do not come here: they are tokio's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in time, in nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The point `since_epoch` after 1970-01-01T00:00:00Z; the year 2554 and later are all the last point there is.
    pub fn from_unix(since_epoch: Duration) -> Self {
        Self(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
    }

    pub fn since_unix(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    pub fn unix_nanos(self) -> u64 {
        self.0
    }

    pub fn unix_seconds(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Zero where `earlier` is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    pub fn plus(self, later: Duration) -> Self {
        Self::from_unix(self.since_unix().saturating_add(later))
    }

    pub fn system_time(self) -> SystemTime {
        UNIX_EPOCH + self.since_unix()
    }
}

/// Where the node reads the time. Cloning is cheap, and clones of a set clock move together.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { epoch: Duration, start: Instant },
    Set(Arc<AtomicU64>),
}

impl Clock {
    pub fn system() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Source::System { epoch, start: Instant::now() })
    }

    /// A clock that stands at `now` until `advance` moves it.
    pub fn set_to(now: Timestamp) -> Self {
        Self(Source::Set(Arc::new(AtomicU64::new(now.0))))
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { epoch, start } => Timestamp::from_unix(*epoch + start.elapsed()),
            Source::Set(nanos) => Timestamp(nanos.load(Ordering::Acquire)),
        }
    }

    /// Moves a set clock on; does nothing to the real one.
    pub fn advance(&self, by: Duration) {
        if let Source::Set(nanos) = &self.0 {
            nanos.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_clock_moves_only_when_told_and_for_all_its_clones() {
        let clock = Clock::set_to(Timestamp::from_unix(Duration::from_secs(1_000)));
        let clone = clock.clone();
        assert_eq!(clock.now(), clone.now());
        clock.advance(Duration::from_secs(5));
        assert_eq!(clone.now().unix_seconds(), 1_005);
    }

    #[test]
    fn time_saturates_at_both_ends() {
        let early = Timestamp::from_unix(Duration::from_secs(1));
        let late = Timestamp::from_unix(Duration::from_secs(9));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.plus(Duration::MAX).unix_nanos(), u64::MAX);
    }
}
