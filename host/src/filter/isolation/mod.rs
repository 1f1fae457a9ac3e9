//! How every exchange meets a filter as it was configured, at the price of a shared instance.
//!
//! `instrument` opens a module's globals, `image` is a configured instance's memory and globals, a `replica` is an instance
//! made from it, whose written pages `tracked` notes over a `linear_memory` of our own. A `berth` is a worker's one
//! instance, a `ticket` an exchange's right to it, and `live` counts them all. `quarters` are a plugin's berths together,
//! and `images` what its instances are made of, which its own callbacks change.

pub(super) mod berth;
pub(super) mod image;
pub(super) mod images;
pub(super) mod instrument;
pub(super) mod linear_memory;
pub(super) mod live;
pub(super) mod quarters;
pub(super) mod replica;
pub(super) mod ticket;
pub(super) mod tracked;
