//! What must outlast everything, in a small file beside the log: synced before anybody is answered.
//!
//! `file` is its format, `scribe` writes it from `notes` on the thread of a `writing`, and a `ticket` says when something
//! is durable. What stands in it is not known here.

mod file;
mod metrics;
mod notes;
mod scribe;
mod ticket;
mod writing;

pub(in crate::cache) use file::read as read_journal;
pub(in crate::cache) use metrics::JournalMetrics;
pub(in crate::cache) use notes::Notes;
pub(in crate::cache) use scribe::{Scribe, Seat};
pub use ticket::{NotDurable, Ticket};
pub(in crate::cache) use writing::Writing;
