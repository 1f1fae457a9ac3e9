//! The idle instances of one filter.
//!
//! An exchange takes an instance for itself and gives it back when it ends well; one that failed is never given back. Each
//! worker has its own slot, so that the lock is only ever contended by threads that share a worker's number.

use std::sync::{Mutex, PoisonError};

use super::instance::Instance;
use crate::worker;

/// Instances kept per worker. As many as exchanges are commonly waiting for an origin on one worker at once; beyond it an
/// instance costs its start again (some 20 us), while an idle one costs the pages it has written (some 100 KiB).
pub(super) const IDLE_MAX: usize = 64;

pub(super) struct Pool {
    slots: Box<[Slot]>,
}

/// On cache lines of its own: workers never wait for each other's.
#[repr(align(128))]
#[derive(Default)]
struct Slot(Mutex<Vec<Instance>>);

impl Pool {
    pub(super) fn new(workers: usize) -> Self {
        Self { slots: (0..workers.max(1)).map(|_| Slot::default()).collect() }
    }

    /// The instance last given back on this worker: its memory is the warmest.
    pub(super) fn take(&self) -> Option<Instance> {
        self.slot().0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps `instance` for the next exchange; drops it where there are enough.
    pub(super) fn give_back(&self, instance: Instance) {
        let mut idle = self.slot().0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(instance);
        } else {
            drop(idle);
            drop(instance);
        }
    }

    fn slot(&self) -> &Slot {
        &self.slots[worker::slot(self.slots.len())]
    }
}
