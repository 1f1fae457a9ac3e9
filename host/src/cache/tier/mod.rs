//! Stored responses as records of the disk store.
//!
//! `sliced` is a large body whose bytes lie there in slices.

mod sliced;

pub(super) use sliced::Sliced;
