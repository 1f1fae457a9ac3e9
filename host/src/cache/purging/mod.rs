//! What is given up, and how that holds: for whatever is stored, for what is on its way, and over restarts.
//!
//! `purge` is what an operator gives up, `epochs` and `records` how that holds for every response by its `validity`;
//! `changes` is what unsafe requests gave up. `history` is all of it over the lives of a node, written down in a `ledger`.

mod changes;
mod epochs;
mod history;
mod ledger;
mod purge;
mod records;
mod validity;

pub(super) use changes::Changes;
pub use epochs::Concern;
pub(super) use epochs::{Epochs, Subject};
pub(super) use history::{History, Most};
pub use purge::{Mode, Purge, Scope};
pub use validity::Validity;
