//! A virtual machine as proxy-wasm names it: a room that filters share, with one budget for its data and its queues.
//!
//! Queued messages come first: they are nobody's copy of anything, while data may be forgotten at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::super::abi::Status;
use super::shared_data::SharedData;

#[derive(Debug)]
pub(in crate::filter) struct Vm {
    pub(in crate::filter) name: Arc<str>,
    pub(in crate::filter) data: SharedData,
    /// Bytes of its queues and of the messages in them.
    queued: AtomicUsize,
}

impl Vm {
    pub(in crate::filter) fn new(name: &str, last_cas: Arc<AtomicU32>) -> Self {
        Self { name: name.into(), data: SharedData::new(last_cas), queued: AtomicUsize::new(0) }
    }

    /// Bytes that data may take where `bytes_max` is for both.
    pub(in crate::filter) fn room(&self, bytes_max: usize) -> usize {
        bytes_max.saturating_sub(self.queued.load(Ordering::Relaxed))
    }

    /// Takes room for queues, from data if it must be; `InternalFailure` where queues alone would be too large.
    pub(in crate::filter) fn take(&self, bytes: usize, bytes_max: usize) -> Result<(), Status> {
        let more = |queued: usize| queued.checked_add(bytes).filter(|sum| *sum <= bytes_max);
        let taken = self.queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map_err(|_| Status::InternalFailure)?;
        self.data.shrink(self.room(bytes_max));
        Ok(())
    }

    /// Gives back what was taken.
    pub(in crate::filter) fn give_back(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }
}
