//! Stored responses: found by key, fetched once for everybody, held within a byte budget.
//!
//! `lookup` answers the one question that the exchange asks; `flight` is a fetch that several requests share, `lead` its
//! writing end and `follow` its reading end; `memory` is the tier that holds finished `entry` values, `forms` their
//! content codings, and `parts` of such entries; `want` is what a miss is to fetch, `shelf` what all of them share. `key`
//! says what two requests must have in common, `key_rules` how a route shapes that, `lessons` what origins said of it,
//! `changes` what was given up. Nothing here knows where responses come from.

mod changes;
mod entry;
mod flight;
mod follow;
mod forms;
mod key;
mod key_rules;
mod lead;
mod lessons;
mod lookup;
mod memory;
mod metrics;
mod parts;
mod shelf;
mod variance;
mod variants;
mod want;

pub use entry::{Entry, Head};
pub use flight::FetchFailure;
pub use follow::{Follower, Landing};
pub use forms::{Claim, Form, Forms};
pub use key::Key;
pub use key_rules::{KeyRules, KeyShape};
pub use lead::{Filling, Lead};
pub use lookup::{Cache, Lookup, Miss, PassReason, Turn};
pub use parts::Parts;
pub use want::{Rest, Want};

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod tests;
