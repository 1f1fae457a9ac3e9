//! What is in the log, as the one who writes it and those who read it share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::generations::Generations;
use super::index::Index;
use super::segments::Segments;

pub(super) struct Contents<F> {
    pub(super) index: Index,
    pub(super) segments: Segments<F>,
    pub(super) generations: Arc<Generations>,
    damaged: AtomicU64,
}

impl<F> Contents<F> {
    pub(super) fn new() -> Arc<Self> {
        let (index, segments) = (Index::new(), Segments::new());
        Arc::new(Self { index, segments, generations: Arc::default(), damaged: AtomicU64::new(0) })
    }

    /// Forgets everything; the files stay.
    pub(super) fn clear(&self) {
        self.index.clear();
        self.segments.clear();
    }

    pub(super) fn count_damaged(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    /// How many records were found damaged by reads.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }
}
