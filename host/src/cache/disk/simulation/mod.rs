//! The log and the journal on disks that fail in every way a disk can, compared with plain models, seed by seed.
//!
//! `FOREBAY_DISK_SEED` runs one seed of the log again, `FOREBAY_DISK_SEEDS` says how many are run.

mod crashes;
pub(super) mod disk;
mod harm;
pub(super) mod held;
mod life;
mod model;
mod power;
mod rig;
mod runs;

pub(super) use disk::{Faults, FaultyDisk, FaultyFile};
pub(in crate::cache) use power::{PowerDisk, Trouble};
pub(super) use rig::{Rig, key};
