//! The store over a faulty disk and over real files.

mod lives;
mod opening;
mod ordering;
mod real;
mod rig;
mod troubles;
