//! Stored responses as records of the disk store.
//!
//! `sliced` is a large body whose bytes lie there in `slice` records, `spill` one that is still coming.

mod slice;
mod sliced;
mod spill;

pub(super) use slice::{Reader, Slices};
pub(super) use sliced::INLINE_BYTES_MAX;
pub use sliced::Sliced;
pub(super) use spill::{Pressure, Spill};
