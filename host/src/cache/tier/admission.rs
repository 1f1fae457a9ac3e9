//! What is worth writing: everything, or what is asked for a second time within a window.
//!
//! First requests are remembered in two sets of bits, a newer and an older one. When half the window is over, or the newer
//! one is full, it becomes the older one. So a request is remembered for half a window at least and a whole one at most,
//! less only where more keys come than there is room for; one in fifty first requests is taken for a second one then.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::cache::disk::KeyHash;
use crate::clock::Timestamp;
use crate::config;

/// Bits of one set: one MiB.
const BITS: u64 = 1 << 23;

/// Bits of one key. With `KEYS_MAX` keys in a set, two in a hundred others have all theirs set.
const BITS_OF_KEY: u32 = 4;

/// Keys in a set, at most.
const KEYS_MAX: usize = 1_000_000;

pub(super) struct Admission {
    /// `None` where everything is admitted.
    seen: Option<RwLock<Seen>>,
    window: Duration,
}

struct Seen {
    newer: Set,
    older: Set,
    /// When the newer set was begun.
    begun: Timestamp,
}

struct Set {
    bits: Vec<AtomicU64>,
    keys: AtomicUsize,
}

impl Admission {
    pub(super) fn new(config: &config::Disk, now: Timestamp) -> Self {
        let seen = || RwLock::new(Seen { newer: Set::new(), older: Set::new(), begun: now });
        let seen = (config.admission == config::Admission::SecondRequest).then(seen);
        Self { seen, window: config.admission_window }
    }

    /// Would the next request for the key be more than the first?
    pub(super) fn remembers(&self, key: KeyHash) -> bool {
        let Some(seen) = &self.seen else { return true };
        let seen = seen.read().unwrap_or_else(PoisonError::into_inner);
        seen.newer.has(key) || seen.older.has(key)
    }

    /// Is this more than the first request for the key? It is remembered in any case.
    pub(super) fn admits(&self, key: KeyHash, now: Timestamp) -> bool {
        let Some(seen) = &self.seen else { return true };
        if seen.read().unwrap_or_else(PoisonError::into_inner).is_over(now, self.window) {
            let mut seen = seen.write().unwrap_or_else(PoisonError::into_inner);
            if seen.is_over(now, self.window) {
                seen.turn(now, self.window);
            }
        }
        let seen = seen.read().unwrap_or_else(PoisonError::into_inner);
        let before = seen.older.has(key);
        seen.newer.add(key) || before
    }
}

impl Seen {
    fn is_over(&self, now: Timestamp, window: Duration) -> bool {
        now.since(self.begun) >= window / 2 || self.newer.keys.load(Ordering::Relaxed) >= KEYS_MAX
    }

    fn turn(&mut self, now: Timestamp, window: Duration) {
        let newer = std::mem::replace(&mut self.newer, Set::new());
        // After a long silence what was newer is too old as well.
        self.older = if now.since(self.begun) >= window { Set::new() } else { newer };
        self.begun = now;
    }
}

impl Set {
    fn new() -> Self {
        Self { bits: (0..BITS / 64).map(|_| AtomicU64::new(0)).collect(), keys: AtomicUsize::new(0) }
    }

    fn has(&self, key: KeyHash) -> bool {
        places(key).all(|(word, bit)| self.bits[word].load(Ordering::Relaxed) & bit != 0)
    }

    /// Adds a key; was it there?
    fn add(&self, key: KeyHash) -> bool {
        let set = |(word, bit): (usize, u64)| self.bits[word].fetch_or(bit, Ordering::Relaxed) & bit != 0;
        // Each bit is set, also after one that was not there.
        let before = places(key).map(set).filter(|there| !there).count() == 0;
        if !before {
            self.keys.fetch_add(1, Ordering::Relaxed);
        }
        before
    }
}

/// The words and bits of a key. Its hash is keyed, so any digits of it are as good as random.
fn places(key: KeyHash) -> impl Iterator<Item = (usize, u64)> {
    (0..BITS_OF_KEY).map(move |number| {
        let place = (key.digits() >> (number * 23)) as u64 % BITS;
        // Fits: it is less than the number of words.
        ((place / 64) as usize, 1 << (place % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(rule: config::Admission) -> Admission {
        let disk = config::Disk {
            path: "unused".into(),
            bytes_max: 1 << 30,
            object_bytes_max: 1 << 20,
            segment_bytes: 1 << 20,
            queue_bytes_max: 1 << 20,
            admission: rule,
            admission_window: Duration::from_secs(60),
            write_rate: None,
            reads_max: 1,
        };
        Admission::new(&disk, at(0))
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(Duration::from_secs(1_000 + seconds))
    }

    fn key(number: u64) -> KeyHash {
        KeyHash::of_digits(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    #[test]
    fn everything_or_the_second_request_within_the_window() {
        let all = admission(config::Admission::All);
        assert!(all.admits(key(1), at(0)));
        let second = admission(config::Admission::SecondRequest);
        assert!(!second.admits(key(1), at(0)));
        assert!(second.admits(key(1), at(1)) && second.admits(key(1), at(2)));
        assert!(!second.admits(key(2), at(2)));
        assert!(second.admits(key(2), at(31)), "half a window later it is remembered still");
        assert!(!second.admits(key(3), at(32)));
        assert!(!second.admits(key(3), at(32 + 61)), "a window later it is not");
    }

    #[test]
    fn few_first_requests_are_taken_for_second_ones() {
        let second = admission(config::Admission::SecondRequest);
        let wrong = (0..200_000).filter(|number| second.admits(key(*number), at(0))).count();
        assert!(wrong < 200, "{wrong} of 200,000");
    }
}
