//! The disk tier as the shelf sees it: stored responses under keys, over a store of bytes.
//!
//! `tier` puts, finds and gives up; `form` is a response as bytes, `spec` says by which request fields the variants of a
//! key are told apart, `sliced` is a large body, `recall` what a look brought, `admission` decides what is worth writing.

mod admission;
mod form;
mod layout;
mod recall;
mod sliced;
mod spec;
mod tier;

pub use recall::Recall;
pub(super) use recall::{Recalled, Sight};
pub use sliced::Sliced;
pub(super) use tier::{Admitted, Prepared, Tier};
