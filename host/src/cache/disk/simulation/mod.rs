//! The log and the journal on disks that fail in every way a disk can, compared with plain models, seed by seed.

pub(super) mod disk;
pub(super) mod held;
mod model;
mod power;

pub(in crate::cache) use power::{PowerDisk, Trouble};
