//! A large body that lies in the store as slices.
//!
//! No two bodies share a generation, so slices of two versions never mix, and a body whose head was never written is
//! invisible. Whether its slices are still there is asked before each use; eviction takes none from a reader.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::slice::{Reader, SLICE_BYTES, Slices};
use crate::body::{Body, BodyError};
use crate::cache::disk::{Put, Store};

/// Bodies up to this stand beside their heads: one read brings both.
pub(in crate::cache) const INLINE_BYTES_MAX: u64 = 128 << 10;

/// A body that lies in the store.
pub struct Sliced {
    slices: Slices,
    total: u64,
}

impl Sliced {
    /// The body of `total` bytes that was written under `generation`.
    pub(in crate::cache) fn new(store: &Store, generation: u64, total: u64) -> Self {
        Self::of(Slices::new(store, generation), total)
    }

    pub(super) fn of(slices: Slices, total: u64) -> Self {
        Self { slices, total }
    }

    /// Writes a body that is in memory; `None` where the store does not take all of it.
    pub(in crate::cache) fn write(store: &Store, body: &Bytes) -> Option<Self> {
        let slices = Slices::begin(store);
        // A slice is smaller than any address space.
        let pieces = body.chunks(SLICE_BYTES as usize).zip(0..);
        let mut puts = pieces.map(|(piece, number)| slices.put(number, body.slice_ref(piece)));
        puts.all(|put| put == Put::Queued).then(|| Self::of(slices, body.len() as u64))
    }

    /// Under which its slices lie.
    pub(in crate::cache) fn generation(&self) -> u64 {
        self.slices.generation
    }

    /// Bytes of the whole.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Where its slices lie.
    pub(in crate::cache) fn slices(&self) -> &Slices {
        &self.slices
    }

    /// Can all bytes of a range be read, as far as one can tell without reading them?
    pub(in crate::cache) fn present(&self, range: &Range<u64>) -> bool {
        self.slices.present(&(range.start..range.end.min(self.total)))
    }

    /// The bytes of a range, read as they are sent; what lies beyond the end is left out.
    pub(in crate::cache) fn body(&self, range: &Range<u64>) -> Body {
        let range = range.start..range.end.min(self.total);
        if range.is_empty() {
            return Body::Empty;
        }
        Body::stream(SlicedBody { reader: Reader::new(self.slices.clone()), range, total: self.total })
    }
}

impl std::fmt::Debug for Sliced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = f.debug_struct("Sliced");
        fields.field("generation", &self.generation()).field("total", &self.total).finish_non_exhaustive()
    }
}

/// A range of a body on its way out.
struct SlicedBody {
    reader: Reader,
    /// What is left of it.
    range: Range<u64>,
    total: u64,
}

impl HttpBody for SlicedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { reader, range, total } = &mut *self;
        if range.is_empty() {
            return Poll::Ready(None);
        }
        let Some(bytes) = ready!(reader.poll_read(range, *total, cx)) else {
            *range = range.end..range.end;
            return Poll::Ready(Some(Err(BodyError::SliceLost)));
        };
        range.start += bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.range.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.range.end - self.range.start)
    }
}
