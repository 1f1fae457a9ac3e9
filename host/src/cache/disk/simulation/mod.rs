//! The log on a disk that fails in every way a disk can, compared with a plain model, seed by seed.
//!
//! `FOREBAY_DISK_SEED` runs one seed again, `FOREBAY_DISK_SEEDS` says how many are run.

mod crashes;
mod disk;
mod harm;
mod life;
mod model;
mod runs;

pub(super) use disk::{FaultyDisk, FaultyFile};
