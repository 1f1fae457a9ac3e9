//! What unsafe requests changed, where one URL has more keys than anybody can list.
//!
//! Keys with parts carry the number of the last change of their URL, so a change puts everything stored before it out of
//! reach at once. Records are dropped all together when there are too many; then every such key counts as changed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use super::ledger::{Ledger, Payload, Posting, next_life};
use crate::cache::notebook::places;

/// Changed URLs that are remembered one by one, at most. One costs about 150 bytes.
pub(in crate::cache) const CHANGES_MAX: usize = 50_000;

pub(in crate::cache) struct Changes {
    /// Does any key have parts?
    matter: AtomicBool,
    /// Has anything changed? Until then nobody needs to look.
    any: AtomicBool,
    records: RwLock<Records>,
    ledger: Ledger,
}

struct Records {
    places_max: usize,
    /// The last change of all.
    latest: u64,
    last: HashMap<String, u64>,
    /// How much room they take, in names of common length.
    places: usize,
    /// The change that counts for whatever is not listed.
    forgotten: u64,
}

impl Default for Changes {
    fn default() -> Self {
        let (matter, any) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { matter, any, records: RwLock::new(Records::new(CHANGES_MAX)), ledger: Ledger::default() }
    }
}

impl Changes {
    /// Written down as they happen. All of them matter, because what earlier lives stored has keys with parts.
    pub(in crate::cache) fn written_to(ledger: Ledger, places_max: usize) -> Self {
        let records = RwLock::new(Records::new(places_max));
        Self { matter: AtomicBool::new(true), records, ledger, ..Self::default() }
    }

    /// The number of the last change of this subject; zero if it has not changed.
    pub(in crate::cache) fn last(&self, subject: &str) -> u64 {
        if !self.matter() {
            self.matter.store(true, Ordering::Release);
        }
        if !self.any.load(Ordering::Acquire) {
            return 0;
        }
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        records.last.get(subject).copied().unwrap_or(records.forgotten)
    }

    /// Does anybody ask? Until then a change need not be recorded: whoever asks first has stored nothing yet.
    pub(in crate::cache) fn matter(&self) -> bool {
        self.matter.load(Ordering::Acquire)
    }

    /// What was stored of this subject is out of reach from now on.
    pub(in crate::cache) fn record(&self, subject: &str) {
        let mut records = self.write();
        // Told under the lock: whoever sees it waits for the record.
        self.any.store(true, Ordering::Release);
        let number = records.latest + 1;
        records.add(subject, number);
        // Under the lock, so that changes are written down in their order.
        self.ledger.post(&Posting::Changed { number, subject, forgotten: records.forgotten });
    }

    /// Takes in what was written down, in its order, before anybody asks. What is not about changes is left alone.
    pub(in crate::cache) fn recall(&self, posting: &Posting<'_>) {
        let mut records = self.write();
        match posting {
            Posting::Changes { latest, forgotten } => {
                records.forget_until(*forgotten);
                records.latest = records.latest.max(*latest);
            }
            // What a standing has in it already is not done again.
            Posting::Changed { number, subject, forgotten } if *number > records.latest => {
                records.forget_until(*forgotten);
                records.add(subject, *number);
            }
            _ => {}
        }
        self.any.store(!records.last.is_empty() || records.forgotten > 0, Ordering::Release);
    }

    /// From here on changes have numbers that no earlier life has given out. Before anybody asks.
    pub(in crate::cache) fn begin_life(&self) {
        let mut records = self.write();
        records.latest = next_life(records.latest);
    }

    /// Adds how everything stands: as the changes in their order, between what they begin with and the last one of all.
    pub(in crate::cache) fn describe(&self, payload: &mut Payload) {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        let forgotten = records.forgotten;
        let mut last: Vec<_> = records.last.iter().map(|(subject, number)| (*number, subject.as_str())).collect();
        last.sort_unstable();
        payload.add(&Posting::Changes { latest: 0, forgotten });
        for (number, subject) in last {
            payload.add(&Posting::Changed { number, subject, forgotten });
        }
        payload.add(&Posting::Changes { latest: records.latest, forgotten });
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn write(&self) -> RwLockWriteGuard<'_, Records> {
        self.records.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn new(places_max: usize) -> Self {
        Self { places_max, latest: 0, last: HashMap::new(), places: 0, forgotten: 0 }
    }

    fn add(&mut self, subject: &str, number: u64) {
        self.latest = number;
        if let Some(standing) = self.last.get_mut(subject) {
            *standing = number;
            return;
        }
        self.places += places(subject) as usize;
        if self.places > self.places_max {
            self.forget_until(number);
            self.places = places(subject) as usize;
        }
        self.last.insert(subject.to_owned(), number);
    }

    /// Whatever changed earlier counts as changed then.
    fn forget_until(&mut self, number: u64) {
        if number > self.forgotten {
            *self = Self { latest: self.latest, forgotten: number, ..Self::new(self.places_max) };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cache::purging::ledger::read;

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

    /// One that has room for so many, and what it writes down goes nowhere.
    fn small(places_max: usize) -> Changes {
        Changes { records: RwLock::new(Records::new(places_max)), ..Changes::default() }
    }

    fn life_after(changes: &Changes, places_max: usize, payloads: &[Vec<u8>]) -> Changes {
        let next = small(places_max);
        for payload in payloads {
            read(payload).expect("it was written").iter().for_each(|posting| next.recall(posting));
        }
        for changes in [changes, &next] {
            changes.begin_life();
        }
        next
    }

    fn described(changes: &Changes) -> Vec<u8> {
        let mut payload = Payload::new();
        changes.describe(&mut payload);
        payload.into_bytes()
    }

    #[test]
    fn what_was_forgotten_stays_forgotten_where_there_is_more_room_now() {
        let changes = small(2);
        let events: Vec<_> = ["a", "b", "c"].map(|subject| event(&changes, subject)).to_vec();
        let next = life_after(&changes, 100, &events);
        assert_eq!(["a", "b", "c", "d"].map(|subject| next.last(subject)), [3; 4]);
    }

    /// Records a change; the bytes that are written down.
    fn event(changes: &Changes, subject: &str) -> Vec<u8> {
        changes.record(subject);
        let records = changes.records.read().expect("no panic under the lock");
        let (number, forgotten) = (records.latest, records.forgotten);
        Payload::new().with(&Posting::Changed { number, subject, forgotten }).into_bytes()
    }

    proptest! {
        /// Two that see the same changes, of which one is ended now and then and begun from what was written down.
        #[test]
        fn a_restart_changes_nothing(acts in prop::collection::vec((0_u8..8, 0_usize..6), 1..60)) {
            let subjects = ["a", "b", "c", "d", "e", &"long".repeat(100)];
            let (steady, mut restarted) = (small(4), small(4));
            let (mut standing, mut events) = (described(&restarted), Vec::new());
            for (act, subject) in acts {
                match act {
                    0 => {
                        restarted = life_after(&steady, 4, &[vec![standing], events].concat());
                        (standing, events) = (described(&restarted), Vec::new());
                    }
                    // Written anew; what was noted before may still follow.
                    1 => (standing, events) = (described(&restarted), events.split_off(events.len() / 2)),
                    _ => {
                        steady.record(subjects[subject]);
                        events.push(event(&restarted, subjects[subject]));
                    }
                }
                for subject in subjects.iter().chain(&["never"]) {
                    prop_assert_eq!(steady.last(subject), restarted.last(subject), "{}", subject);
                }
            }
        }
    }
}
