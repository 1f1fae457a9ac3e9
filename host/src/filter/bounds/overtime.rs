//! A guest whose deadline has passed on the wall clock: has it really computed, or was its thread kept waiting?
//!
//! Epochs count time that passes, and on a busy machine or under a CPU quota most of it may be somebody else's: a thread
//! that is not running for 10 ms must not cost its guest the exchange. Reading the thread's own clock for every callback
//! would cost more than the callback. So it is read only here, once the callback has lasted long enough to be asked: what
//! has passed until then counts, up to a quarter of the deadline, whatever the thread did in it; the rest is counted in the
//! thread's processor time. A guest in an endless loop is ended within a tick of its deadline.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::presence;

/// The part of a deadline that may pass on the wall clock before the thread's own is read: most callbacks take no
/// thousandth of it.
pub(in crate::filter) const UNCOUNTED: u32 = 4;

/// Half a tick of the engine: for less than this nobody is asked once more, so that deadlines are met on the average.
const GRAIN: Duration = Duration::from_micros(500);

/// When the guest began, on the thread's processor clock, as far as that is known; `None` before it is asked.
#[derive(Debug, Default)]
pub(in crate::filter) struct Overtime(Option<Duration>);

impl Overtime {
    /// The processor time the guest of this thread may still have; `None` where it has had it. Asked when the ticks it was
    /// given have passed.
    pub(in crate::filter) fn left(&mut self, deadline: Duration) -> Option<Duration> {
        self.left_at(processor_time(), deadline, presence::stayed)
    }

    fn left_at(&mut self, now: Duration, deadline: Duration, stayed: impl Fn() -> Duration) -> Option<Duration> {
        let began = self.0.get_or_insert_with(|| now.saturating_sub(stayed().min(deadline / UNCOUNTED)));
        let used = now.saturating_sub(*began);
        deadline.checked_sub(used).filter(|left| *left >= GRAIN)
    }
}

/// What the thread has computed so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The kernel gives no negative processor time.
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(10);

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_guest_that_computes_is_ended_after_its_deadline() {
        let mut overtime = Overtime::default();
        let mut left_at = |now| overtime.left_at(now, DEADLINE, || at(2));
        assert_eq!(left_at(at(500)), Some(at(8)));
        assert_eq!(left_at(at(507)), Some(at(1)));
        assert_eq!(left_at(at(508) - GRAIN), Some(GRAIN));
        assert_eq!(left_at(at(508) - GRAIN / 2), None);
        assert_eq!(left_at(at(508)), None);
    }

    #[test]
    fn a_guest_whose_thread_waits_loses_a_quarter() {
        let mut overtime = Overtime::default();
        for _ in 0..100 {
            assert_eq!(overtime.left_at(at(500), DEADLINE, || at(400)), Some(DEADLINE * 3 / 4));
        }
    }

    #[test]
    fn processor_time_grows_by_computing() {
        let start = processor_time();
        while processor_time() == start {}
    }
}
