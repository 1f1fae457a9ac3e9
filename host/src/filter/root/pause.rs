//! How long a plugin's own callbacks rest after one of them failed.
//!
//! What made it fail is most often still there, and nobody waits for these callbacks: each failure in a row doubles the
//! pause, and one that ends well ends it.

use std::time::Duration;

use tokio::time::Instant;

/// Long enough that a callback which runs into its deadline each time costs its thread a tenth.
const FIRST: Duration = Duration::from_millis(100);

/// After some ten failures; a filter that is well again is so within a minute.
const LONGEST: Duration = Duration::from_secs(60);

/// Failures in a row after which the plugin is started anew: two may be what it was given, at three it is what it is.
const ANEW: u32 = 3;

#[derive(Debug, Default)]
pub(in crate::filter) struct Pause {
    failures: u32,
    until: Option<Instant>,
}

/// What a failure asks for beside the pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Remedy {
    /// The plugin is as it was before the callback.
    GoOn,
    StartAnew,
}

impl Pause {
    /// When callbacks go on, where that is not yet.
    pub(in crate::filter) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    pub(in crate::filter) fn failed(&mut self, now: Instant) -> Remedy {
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.failures));
        self.until = Some(now + doubled.min(LONGEST));
        self.failures = self.failures.saturating_add(1);
        if self.failures.is_multiple_of(ANEW) { Remedy::StartAnew } else { Remedy::GoOn }
    }

    pub(in crate::filter) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_longest_and_end_with_a_success() {
        let (mut pause, now) = (Pause::default(), Instant::now());
        let mut fail = || (pause.failed(now), pause.until(now).unwrap() - now);
        let millis = Duration::from_millis;
        assert_eq!(fail(), (Remedy::GoOn, millis(100)));
        assert_eq!(fail(), (Remedy::GoOn, millis(200)));
        assert_eq!(fail(), (Remedy::StartAnew, millis(400)));
        for _ in 0..40 {
            fail();
        }
        assert_eq!(fail().1, LONGEST);
        assert_eq!(pause.until(now + LONGEST), None);
        pause.succeeded();
        assert_eq!(pause.until(now), None);
        assert_eq!(pause.failed(now), Remedy::GoOn);
    }
}
