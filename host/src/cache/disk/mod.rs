//! The disk tier: a log of segments, found again after any end of the process.
//!
//! `store` is what everybody calls, `writer` its one thread, `stock` what both share. `log` writes records, `recovery` finds
//! them again. Beside the log there is the `journal`.

mod answer;
mod bare;
mod bounds;
mod contents;
mod device;
mod draft;
mod eviction;
mod footer;
mod generations;
mod home;
mod index;
mod journal;
mod latch;
mod limits;
mod log;
mod metrics;
mod pending;
mod read;
mod real;
mod record;
mod recovery;
mod secret;
mod segment;
mod segments;
mod shards;
mod share;
mod site;
mod state;
mod stock;
mod store;
mod tally;
mod trouble;
mod walk;
mod writer;

pub(super) use answer::{Mark, Put, Reading, Record};
pub use bare::BareStore;
pub(super) use bounds::Room;
pub(super) use device::Device;
pub(super) use generations::Kept;
pub(super) use home::{Begun, Home};
pub(super) use journal::{JournalMetrics, Notes, Scribe, Seat, Writing, read_journal};
pub use journal::{NotDurable, Ticket};
pub(super) use metrics::Outcome;
pub(super) use real::Folder;
pub(super) use record::{KeyHash, Kind};
pub(super) use share::Share;
pub(super) use store::Store;

#[cfg(test)]
pub(super) use simulation::{PowerDisk, Trouble};

#[cfg(test)]
mod simulation;
