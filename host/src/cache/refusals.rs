//! Keys whose last answer could not be stored, and why: their requests pass side by side for a while, as nobody's answer is
//! another's. Varnish calls it hit-for-miss.

use std::sync::Arc;
use std::time::Duration;

use super::notebook::{Notebook, notebook};
use crate::clock::Timestamp;
use crate::semantics::Refusal;

/// Keys that are remembered, at most. One costs about 250 bytes.
const KEYS_MAX: u64 = 100_000;

pub(super) struct Refusals {
    known: Notebook<Arc<str>, Refused>,
    ttl: Duration,
}

/// Why a key's last answer could not be stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    /// The last purge before it was looked up: a later one of its URL makes it forgotten.
    pub(super) began: u64,
    /// Until when that is believed.
    until: Timestamp,
}

impl Refusals {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { known: notebook(KEYS_MAX), ttl }
    }

    pub(super) fn get(&self, key: &str, now: Timestamp) -> Option<Refused> {
        self.known.get(key).filter(|known| now < known.until)
    }

    /// `began` is the last purge before it was looked up.
    pub(super) fn remember(&self, key: &Arc<str>, refusal: Refusal, (now, began): (Timestamp, u64)) {
        self.known.insert(key.clone(), Refused { refusal, began, until: now.plus(self.ttl) });
    }

    pub(super) fn forget(&self, key: &str) {
        self.known.invalidate(key);
    }
}
