//! The content of a stored response: bytes at hand, or the slices that hold them on disk.
//!
//! Entries carry it and hits send it; which of the two it is matters to nobody who asks for a length or a body.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::tier::Sliced;
use crate::body::Body;

/// All bytes of one representation.
#[derive(Debug, Clone)]
pub enum Content {
    Here(Bytes),
    Sliced(Arc<Sliced>),
}

impl Content {
    pub fn len(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::Sliced(sliced) => sliced.total(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, where they are in memory.
    pub fn here(&self) -> Option<&Bytes> {
        match self {
            Self::Here(bytes) => Some(bytes),
            Self::Sliced(_) => None,
        }
    }

    /// All of it, to send.
    pub fn body(&self) -> Body {
        match self {
            Self::Here(bytes) => Body::from(bytes.clone()),
            Self::Sliced(sliced) => sliced.body(&(0..sliced.total())),
        }
    }

    /// The bytes of a range, to send; what lies beyond the end is left out.
    pub fn cut(&self, range: &Range<u64>) -> Body {
        match self {
            Self::Here(bytes) => {
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
        }
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Here(bytes)
    }
}
