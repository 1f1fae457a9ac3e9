//! The content of a stored response: bytes at hand, or the slices that hold them on disk.
//!
//! Entries carry it and hits send it; which of the two it is matters to nobody who asks for a length or a body.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use super::tier::Sliced;
use crate::body::Body;
use crate::semantics::{RangeSpec, range_applies};

/// All bytes of one representation.
#[derive(Debug, Clone)]
pub enum Content {
    /// In memory only, or beside its head on disk.
    Here(Bytes),
    /// On disk only.
    Sliced(Arc<Sliced>),
    /// In memory, and on disk in slices.
    Both(Bytes, Arc<Sliced>),
}

impl Content {
    pub fn len(&self) -> u64 {
        match self {
            Self::Here(bytes) | Self::Both(bytes, _) => bytes.len() as u64,
            Self::Sliced(sliced) => sliced.total(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, where they are in memory.
    pub fn here(&self) -> Option<&Bytes> {
        match self {
            Self::Here(bytes) | Self::Both(bytes, _) => Some(bytes),
            Self::Sliced(_) => None,
        }
    }

    /// The slices, where it has been written so.
    pub(super) fn sliced(&self) -> Option<&Arc<Sliced>> {
        match self {
            Self::Here(_) => None,
            Self::Sliced(sliced) | Self::Both(_, sliced) => Some(sliced),
        }
    }

    /// Is all there that a request may ask of it, as far as one can tell without reading? Slices may be lost one by one.
    pub(super) fn is_present_for(&self, request: &HeaderMap, headers: &HeaderMap) -> bool {
        let Self::Sliced(sliced) = self else { return true };
        let spec = RangeSpec::of(request).filter(|_| range_applies(request, headers));
        sliced.present(&spec.map_or(0..sliced.total(), |spec| spec.within(sliced.total())))
    }

    /// All of it, to send.
    pub fn body(&self) -> Body {
        match self {
            Self::Here(bytes) | Self::Both(bytes, _) => Body::from(bytes.clone()),
            Self::Sliced(sliced) => sliced.body(&(0..sliced.total())),
        }
    }

    /// The bytes of a range, to send; what lies beyond the end is left out.
    pub fn cut(&self, range: &Range<u64>) -> Body {
        match self {
            Self::Here(bytes) | Self::Both(bytes, _) => {
                // Bytes in memory can be counted by `usize`.
                let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
                Body::from(bytes.slice(at(range.start)..at(range.end)))
            }
            Self::Sliced(sliced) => sliced.body(range),
        }
    }

    /// Bytes held in memory.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Here(bytes) => bytes.len(),
            Self::Sliced(_) => size_of::<Sliced>(),
            Self::Both(bytes, _) => bytes.len() + size_of::<Sliced>(),
        }
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Here(bytes)
    }
}
