//! The disk tier as the shelf sees it: stored responses under keys, over a store of bytes.
//!
//! `tier` puts, finds and gives up; `form` is a response as bytes, `spec` says by which request fields the variants of a
//! key are told apart, `recall` is what a look brought, `admission` decides what is worth writing.

mod admission;
mod form;
mod layout;
mod recall;
mod spec;
mod tier;

pub use recall::Recall;
pub(super) use recall::{Recalled, Sight};
pub(super) use tier::{Prepared, Tier};

#[cfg(test)]
mod tests;
