//! Stored responses: found by key, fetched once for everybody, held within a byte budget.
//!
//! `lookup` answers the one question that the exchange asks; `flight` is a fetch that several requests share, `lead` its
//! writing end and `follow` its reading end; `memory` is the tier that holds finished `entry` values, `shelf` what all of
//! them share; `purge` says what to give up, and `epochs` makes it hold without looking for it. Nothing here knows where
//! responses come from.

mod entry;
mod epochs;
mod flight;
mod follow;
mod inspection;
mod key;
mod lead;
mod lookup;
mod memory;
mod metrics;
mod place;
mod purge;
mod records;
mod shelf;
mod validity;
mod variants;

pub use entry::{Aside, Entry, Head};
pub use epochs::Concern;
pub use flight::FetchFailure;
pub use follow::{Follower, Landing};
pub use inspection::{Inspection, Variant};
pub use key::Key;
pub use lead::{Filling, Lead};
pub use lookup::{Cache, Lookup, Miss, PassReason, Turn};
pub use purge::{Mode, Purge, Scope};

#[cfg(test)]
mod tests;
