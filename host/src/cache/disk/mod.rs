//! The disk tier: a log of segments, found again after any end of the process.
//!
//! `log` writes, `index` knows where the newest record of each key is, `recovery` rebuilds both from the files. `record`
//! and `segment` are the format, `device` is all that any of them knows of a disk.
//!
//! `store` is what everybody calls. `stock` is what each key has, in `pending` or in the log; `queue` is what `writer` has
//! to write. `site` and `home` are the folder, `secret` hashes keys, `state` is how the disk is.

mod answer;
mod budget;
mod contents;
mod device;
mod eviction;
mod footer;
mod generations;
mod home;
mod index;
mod latch;
mod limits;
mod log;
mod metrics;
mod pending;
mod pool;
mod queue;
mod read;
mod real;
mod record;
mod recovery;
mod secret;
mod segment;
mod segments;
mod site;
mod state;
mod stock;
mod store;
mod tally;
mod walk;
mod writer;

pub(super) use answer::{Later, Mark, Put, Reading, Record};
pub(super) use generations::Kept;
pub(super) use home::{Begun, Home};
pub(super) use metrics::Outcome;
pub(super) use queue::Room;
pub(super) use record::{KeyHash, Kind};
pub(super) use state::State;
pub(super) use store::Store;
pub(super) use writer::Attendant;

#[cfg(test)]
mod simulation;
