//! The disk tier: a log of segments, found again after any end of the process.
//!
//! `log` writes, `index` knows where the newest record of each key is, `recovery` rebuilds both from the files. `record`
//! and `segment` are the format, `device` is all that any of them knows of a disk. Beside the log there is the `journal`,
//! which a `scribe` writes from `notes`, on the thread of a `writing`.

mod contents;
mod device;
mod eviction;
mod footer;
mod generations;
mod index;
mod journal;
mod journal_metrics;
mod limits;
mod log;
mod notes;
mod read;
mod real;
mod record;
mod recovery;
mod scribe;
mod segment;
mod segments;
mod share;
mod store;
mod tally;
mod ticket;
mod walk;
mod writing;

pub(super) use device::Device;
pub(super) use journal::read as read_journal;
pub(super) use journal_metrics::JournalMetrics;
pub(super) use notes::Notes;
pub(super) use real::Folder;
pub(super) use record::{KeyHash, Kind};
pub(super) use scribe::{Scribe, Seat};
pub(super) use share::Share;
pub(super) use store::{Kept, Later, Mark, Put, Reading, Record, Store};
pub use ticket::{NotDurable, Ticket};
pub(super) use writing::Writing;

#[cfg(test)]
pub(super) use simulation::{PowerDisk, Trouble};

#[cfg(test)]
mod simulation;
