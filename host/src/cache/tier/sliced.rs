//! A large body in slices: equal pieces, each a record of its own under the body's random generation.
//!
//! No two bodies share a generation, so slices of two versions never mix, and a body whose head was never written is
//! invisible.

use std::ops::Range;

use http_body_util::StreamBody;

use crate::body::{Body, BodyError};
use crate::cache::disk::Store;

/// The bytes of one slice, the last one's excepted.
pub(in crate::cache) const SLICE_BYTES: u64 = 256 << 10;

/// A body that lies in the store.
pub struct Sliced {
    store: Store,
    generation: u64,
    total: u64,
}

impl Sliced {
    /// The body of `total` bytes that was written under `generation`.
    pub(in crate::cache) fn new(store: Store, generation: u64, total: u64) -> Self {
        Self { store, generation, total }
    }

    /// Under which its slices lie.
    pub(in crate::cache) fn generation(&self) -> u64 {
        self.generation
    }

    /// Bytes of the whole.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The bytes of a range as a stream.
    pub(in crate::cache) fn body(&self, range: &Range<u64>) -> Body {
        let _ = (&self.store, range);
        Body::stream(StreamBody::new(futures_util::stream::iter([Err(BodyError::Incomplete)])))
    }
}

impl std::fmt::Debug for Sliced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sliced")
            .field("generation", &self.generation)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}
