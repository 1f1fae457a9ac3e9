//! Stored responses: found by key, fetched once for everybody, held within a byte budget.
//!
//! `lookup` answers the one question that the exchange asks; `flight` is a fetch that several requests share, `lead` its
//! writing end and `follow` its reading end; `memory` is the tier that holds finished `entry` values and `parts` of such,
//! `want` is what a miss is to fetch, `shelf` what all of them share. Nothing here knows where responses come from.

mod entry;
mod flight;
mod follow;
mod key;
mod lead;
mod lookup;
mod memory;
mod metrics;
mod parts;
mod shelf;
mod variants;
mod want;

pub use entry::{Entry, Head};
pub use flight::FetchFailure;
pub use follow::{Follower, Landing};
pub use key::Key;
pub use lead::{Filling, Lead};
pub use lookup::{Cache, Lookup, Miss, PassReason, Turn};
pub use parts::Parts;
pub use want::{Rest, Want};

#[cfg(test)]
mod tests;
