//! What is in the log, as the one who writes it and those who read it share it.

use std::sync::Arc;

use super::generations::Generations;
use super::index::Index;
use super::segments::Segments;

pub(super) struct Contents<F> {
    pub(super) index: Index,
    pub(super) segments: Segments<F>,
    pub(super) generations: Arc<Generations>,
}

impl<F> Contents<F> {
    pub(super) fn new() -> Arc<Self> {
        let (index, segments) = (Index::new(), Segments::new());
        Arc::new(Self { index, segments, generations: Arc::default() })
    }

    /// Forgets everything; the files stay.
    pub(super) fn clear(&self) {
        self.index.clear();
        self.segments.clear();
    }
}
