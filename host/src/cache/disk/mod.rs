//! The disk tier: a log of segments, found again after any end of the process.
//!
//! `store` is what everybody calls, `writer` its one thread, `stock` what both share. `log` writes records, `recovery` finds
//! them again. Beside the log there is the `journal`, which a `scribe` writes from `notes`.

mod answer;
mod bounds;
mod contents;
mod device;
mod eviction;
mod footer;
mod generations;
mod home;
mod index;
mod journal;
mod journal_metrics;
mod latch;
mod limits;
mod log;
mod metrics;
mod notes;
mod pending;
mod read;
mod real;
mod record;
mod recovery;
mod scribe;
mod secret;
mod segment;
mod segments;
mod share;
mod site;
mod state;
mod stock;
mod store;
mod tally;
mod ticket;
mod walk;
mod writer;
mod writing;

pub(super) use answer::{Mark, Put, Reading, Record};
pub(super) use bounds::Room;
pub(super) use device::Device;
pub(super) use generations::Kept;
pub(super) use home::{Begun, Home};
pub(super) use journal::read as read_journal;
pub(super) use journal_metrics::JournalMetrics;
pub(super) use metrics::Outcome;
pub(super) use notes::Notes;
pub(super) use real::Folder;
pub(super) use record::{KeyHash, Kind};
pub(super) use scribe::{Scribe, Seat};
pub(super) use share::Share;
pub(super) use store::Store;
pub use ticket::{NotDurable, Ticket};
pub(super) use writing::Writing;

#[cfg(test)]
pub(super) use simulation::{PowerDisk, Trouble};

#[cfg(test)]
mod simulation;
