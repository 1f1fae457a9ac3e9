//! The log on a disk that fails in every way a disk can, compared with a plain model, seed by seed.

mod disk;
pub(super) mod held;
mod model;
// mod runs;
