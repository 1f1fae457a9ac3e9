//! What unsafe requests changed, where one URL has more keys than anybody can list.
//!
//! Keys with parts carry the number of the last change of their URL, so a change puts everything stored before it out of
//! reach at once. Records are dropped all together when there are too many; then every such key counts as changed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use super::notebook::places;

/// Changed URLs that are remembered one by one, at most. One costs about 150 bytes.
const CHANGES_MAX: usize = 50_000;

#[derive(Default)]
pub(super) struct Changes {
    /// Does any key have parts?
    matter: AtomicBool,
    /// Zero as long as nothing has changed, so that nobody needs to look.
    count: AtomicU64,
    records: RwLock<Records>,
}

#[derive(Default)]
struct Records {
    last: HashMap<String, u64>,
    /// How much room they take, in names of common length.
    places: usize,
    /// The change that counts for whatever is not listed.
    forgotten: u64,
}

impl Changes {
    /// The number of the last change of this subject; zero if it has not changed.
    pub(super) fn last(&self, subject: &str) -> u64 {
        if !self.matter() {
            self.matter.store(true, Ordering::Release);
        }
        if self.count.load(Ordering::Acquire) == 0 {
            return 0;
        }
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        records.last.get(subject).copied().unwrap_or(records.forgotten)
    }

    /// Does anybody ask? Until then a change need not be recorded: whoever asks first has stored nothing yet.
    pub(super) fn matter(&self) -> bool {
        self.matter.load(Ordering::Acquire)
    }

    /// What was stored of this subject is out of reach from now on.
    pub(super) fn record(&self, subject: &str) {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        // Counted under the lock: whoever sees the count waits for the record.
        let change = self.count.fetch_add(1, Ordering::Release) + 1;
        if let Some(standing) = records.last.get_mut(subject) {
            *standing = change;
            return;
        }
        records.places += places(subject) as usize;
        if records.places > CHANGES_MAX {
            *records = Records { places: places(subject) as usize, forgotten: change, ..Records::default() };
        }
        records.last.insert(subject.to_owned(), change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_concerns_its_subject_alone() {
        let changes = Changes::default();
        assert!(!changes.matter());
        assert_eq!(changes.last("a"), 0);
        assert!(changes.matter());
        changes.record("a");
        let first = changes.last("a");
        assert_eq!(changes.last("b"), 0);
        changes.record("a");
        assert!(changes.last("a") > first);
    }

    #[test]
    fn above_the_limit_everything_has_changed_and_nothing_comes_back() {
        let changes = Changes::default();
        changes.record("a");
        let before = changes.last("a");
        for number in 1..CHANGES_MAX {
            changes.record(&number.to_string());
        }
        assert_eq!((changes.last("a"), changes.last("b")), (before, 0), "there is room for so many");
        changes.record("one more");
        let after = changes.last("a");
        assert!(after > before && after == changes.last("b"));
        assert_eq!(changes.last("b"), after, "once");
    }

    #[test]
    fn long_subjects_take_the_room_of_several() {
        let changes = Changes::default();
        for number in 0..CHANGES_MAX / 4 + 1 {
            changes.record(&format!("{number:0900}"));
        }
        assert!(changes.last("any") > 0, "there was no room for one more");
    }
}
