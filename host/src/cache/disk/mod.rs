//! The disk tier: a log of segments, found again after any end of the process.
//!
//! `log` writes, `index` knows where the newest record of each key is, `recovery` rebuilds both from the files. `record`
//! and `segment` are the format, `device` is all that any of them knows of a disk.

mod aside;
mod device;
mod index;
mod journal;
mod journal_metrics;
mod log;
mod notes;
mod read;
mod real;
mod record;
mod recovery;
mod scribe;
mod segment;
mod segments;
mod store;
mod ticket;
mod walk;
mod writing;

pub(super) use record::{KeyHash, Kind};
pub(super) use store::{Kept, Later, Mark, Put, Reading, Record, Store};

#[cfg(test)]
mod simulation;
