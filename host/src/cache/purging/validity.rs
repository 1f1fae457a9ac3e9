//! Whether a stored response still counts, by the purges since its lookup began.
//!
//! Each entry remembers the last purge it was held against, so a hit costs one comparison of two numbers, and a purge
//! costs every entry one closer look when it is next asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::epochs::{Epochs, Subject};
use super::records::Ruling;
use crate::clock::Timestamp;

/// No soft purge has ended the lifetime.
const OPEN: u64 = u64::MAX;

/// What purges have made of one entry so far.
#[derive(Debug)]
pub struct Validity {
    began: u64,
    /// The last purge that it was held against.
    checked: AtomicU64,
    /// When a soft purge ended its lifetime, in nanoseconds since 1970, or `OPEN`.
    ends: AtomicU64,
}

impl Clone for Validity {
    fn clone(&self) -> Self {
        let copy = |number: &AtomicU64| AtomicU64::new(number.load(Ordering::Acquire));
        Self { began: self.began, checked: copy(&self.checked), ends: copy(&self.ends) }
    }
}

impl Validity {
    /// `began` is the last purge that was in force when the lookup began.
    pub(in crate::cache) fn since(began: u64) -> Self {
        Self { began, checked: AtomicU64::new(began), ends: AtomicU64::new(OPEN) }
    }

    /// The last purge before it was looked for.
    pub fn epoch(&self) -> u64 {
        self.began
    }

    /// When a soft purge ended its lifetime, as far as it has been held against purges.
    pub fn ends(&self) -> Option<Timestamp> {
        let nanos = self.ends.load(Ordering::Relaxed);
        (nanos != OPEN).then(|| Timestamp::from_unix(Duration::from_nanos(nanos)))
    }

    /// Is it not purged? Afterwards `ends` is up to date.
    pub(in crate::cache) fn holds(&self, epochs: &Epochs, subject: Subject<'_>) -> bool {
        let checked = self.checked.load(Ordering::Acquire);
        if checked == epochs.latest() {
            return true;
        }
        let (ruling, looked_at) = epochs.since(checked, subject);
        match ruling {
            Ruling::Purged => return false,
            Ruling::Holds => {}
            Ruling::Ends(at) => {
                self.ends.fetch_min(at.unix_nanos(), Ordering::Relaxed);
            }
        }
        self.checked.store(looked_at, Ordering::Release);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::purging::ledger::Ledger;
    use crate::cache::purging::purge::{Mode, Purge, Scope};
    use crate::semantics::Tags;

    #[test]
    fn a_soft_purge_ends_the_lifetime_once_and_a_later_hard_one_the_life() {
        let (epochs, tags) = (Epochs::new(10, Ledger::default()), Tags::default());
        let subject = Subject { key: "http://a.example/", tags: Some(&tags) };
        let at = |seconds| Timestamp::from_unix(Duration::from_secs(seconds));
        let purge = |mode, seconds| epochs.purge(&Purge { scope: Scope::All, mode }, at(seconds));
        let validity = Validity::since(0);
        assert!(validity.holds(&epochs, subject) && validity.ends().is_none());
        purge(Mode::Soft, 5);
        assert!(validity.holds(&epochs, subject));
        assert_eq!(validity.ends(), Some(at(5)));
        purge(Mode::Soft, 9);
        assert!(validity.holds(&epochs, subject));
        assert_eq!(validity.ends(), Some(at(5)), "it had ended already");
        purge(Mode::Hard, 10);
        assert!(!validity.holds(&epochs, subject));
        assert!(!validity.holds(&epochs, subject), "asking again does not bring it back");
        assert!(Validity::since(3).holds(&epochs, subject));
    }
}
