//! What part of the tier's bytes is not for segments, as one of several files' share of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One share. Its bytes are given back when it is dropped.
#[derive(Debug)]
pub(in crate::cache) struct Share {
    total: Arc<AtomicU64>,
    own: u64,
}

impl Share {
    /// A share of no bytes as yet.
    pub(in crate::cache) fn of(total: Arc<AtomicU64>) -> Self {
        Self { total, own: 0 }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.own
    }

    pub(super) fn set(&mut self, bytes: u64) {
        // Added first: others may read in between.
        self.total.fetch_add(bytes, Ordering::Relaxed);
        self.total.fetch_sub(self.own, Ordering::Relaxed);
        self.own = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_are_given_back() {
        let total = Arc::new(AtomicU64::new(100));
        let (mut one, mut other) = (Share::of(total.clone()), Share::of(total.clone()));
        one.set(10);
        other.set(5);
        one.set(7);
        assert_eq!((total.load(Ordering::Relaxed), one.bytes()), (112, 7));
        drop(one);
        assert_eq!(total.load(Ordering::Relaxed), 105);
    }
}
