//! What filters share: data and queues, kept by the virtual machine that several of them name.
//!
//! `commons` holds every `vm` of the process; `shared_data` and `shared_queues` are what one keeps.

pub(super) mod commons;
pub(super) mod shared_data;
pub(super) mod shared_queues;
pub(super) mod vm;
