//! The disk tier as the shelf sees it: stored responses under keys, over a store of bytes.
//!
//! `keeper` puts, finds and gives up; `form` is a response as bytes, `spec` says by which request fields the variants of a
//! key are told apart, `recall` what a look brought, `admission` decides what is worth writing. `sliced` is a large body
//! that lies there as `slice` records, `spill` one that is still coming.

mod admission;
mod form;
mod keeper;
mod layout;
mod recall;
mod recalled;
mod slice;
mod sliced;
mod spec;
mod spill;

pub(super) use keeper::{Admitted, Prepared, Tier};
pub use recall::Recall;
pub(super) use recall::Sight;
pub(super) use recalled::Recalled;
pub(super) use slice::{Reader, Slices};
pub(super) use sliced::INLINE_BYTES_MAX;
pub use sliced::Sliced;
pub(super) use spill::{Pressure, Spill};
