//! How exchanges end in one version of a filter, counted while a canary is compared with it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::StatusCode;

/// Counts only where somebody compares: a version without a canary costs its exchanges one load.
#[derive(Debug, Default)]
pub(in crate::filter) struct Tally {
    watched: AtomicBool,
    exchanges: AtomicU64,
    failures: AtomicU64,
    errors: AtomicU64,
}

/// What was counted up to now, or since an earlier count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::filter) struct Counts {
    /// Ended, failed ones among them.
    pub(in crate::filter) exchanges: u64,
    /// The filter failed.
    pub(in crate::filter) failures: u64,
    /// The filter did not fail, and the response was a 5xx.
    pub(in crate::filter) errors: u64,
}

impl Counts {
    pub(in crate::filter) fn since(self, earlier: Self) -> Self {
        Self {
            exchanges: self.exchanges.saturating_sub(earlier.exchanges),
            failures: self.failures.saturating_sub(earlier.failures),
            errors: self.errors.saturating_sub(earlier.errors),
        }
    }
}

impl Tally {
    /// From now on, count.
    pub(in crate::filter) fn watch(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    pub(in crate::filter) fn count_failure(&self) {
        if self.watched.load(Ordering::Relaxed) {
            self.failures.fetch_add(1, Ordering::Relaxed);
            self.exchanges.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(in crate::filter) fn count_end(&self, status: Option<StatusCode>) {
        if self.watched.load(Ordering::Relaxed) {
            if status.is_some_and(|status| status.is_server_error()) {
                self.errors.fetch_add(1, Ordering::Relaxed);
            }
            self.exchanges.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(in crate::filter) fn counts(&self) -> Counts {
        Counts {
            failures: self.failures.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            exchanges: self.exchanges.load(Ordering::Relaxed),
        }
    }
}
