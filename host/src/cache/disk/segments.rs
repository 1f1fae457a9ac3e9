//! The segments that are there, for readers and for the writer.
//!
//! A reader holds what it reads open, so removing a segment neither waits for it nor breaks it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::segment::SegmentName;

/// An open segment.
pub(super) struct Segment<F> {
    pub(super) name: SegmentName,
    pub(super) seal: u64,
    pub(super) file: F,
    /// Bytes of the file.
    bytes: AtomicU64,
}

impl<F> Segment<F> {
    pub(super) fn new(name: SegmentName, file: F, bytes: u64) -> Arc<Self> {
        Arc::new(Self { name, seal: name.seal(), file, bytes: AtomicU64::new(bytes) })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

/// All open segments by number, which is their age.
pub(super) struct Segments<F>(RwLock<BTreeMap<u32, Arc<Segment<F>>>>);

impl<F> Segments<F> {
    pub(super) fn new() -> Self {
        Self(RwLock::default())
    }

    pub(super) fn get(&self, number: u32) -> Option<Arc<Segment<F>>> {
        self.read().get(&number).cloned()
    }

    pub(super) fn add(&self, segment: Arc<Segment<F>>) {
        self.write().insert(segment.name.number, segment);
    }

    pub(super) fn remove(&self, number: u32) -> Option<Arc<Segment<F>>> {
        self.write().remove(&number)
    }

    pub(super) fn oldest(&self) -> Option<Arc<Segment<F>>> {
        self.read().values().next().cloned()
    }

    pub(super) fn newest(&self) -> Option<Arc<Segment<F>>> {
        self.read().values().next_back().cloned()
    }

    pub(super) fn clear(&self) {
        self.write().clear();
    }

    pub(super) fn numbers(&self) -> Vec<u32> {
        self.read().keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.read().len()
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.read().values().map(|segment| segment.bytes()).sum()
    }

    /// Nothing that can panic runs under these locks, so a poisoned one is as good as any.
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<u32, Arc<Segment<F>>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<u32, Arc<Segment<F>>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
