//! Stored responses: found by key, fetched once for everybody, held within a byte budget.
//!
//! `lookup` answers the one question that the exchange asks; `flight` is a fetch that several requests share, `lead` its
//! writing end and `follow` its reading end; `memory` is the tier that holds finished `entry` values, `forms` their
//! content codings, and `parts` of such entries; `want` is what a miss is to fetch, `board` the flights under way, `shelf`
//! what all of them share. `key` says what two requests must have in common, `key_rules` how a route shapes that, `lessons`
//! what origins said of it, `changes` what was given up; `purge` says what to give up at an operator's word, and `epochs`
//! makes it hold without looking for it. Nothing here knows where responses come from.

mod ask;
mod board;
mod changes;
mod entry;
mod epochs;
mod flight;
mod follow;
mod forms;
mod inspection;
mod key;
mod key_rules;
mod lead;
mod lessons;
mod lookup;
mod memory;
mod metrics;
mod notebook;
mod parts;
mod place;
mod purge;
mod records;
mod refusals;
mod shelf;
mod validity;
mod variance;
mod variants;
mod want;

pub use ask::{Ask, StaleUse, Standing};
pub use entry::{Aside, Entry, Head};
pub use epochs::Concern;
pub use flight::FetchFailure;
pub use follow::{Follower, Landing};
pub use forms::{Claim, Form, Forms};
pub use inspection::{Inspection, Variant};
pub use key::Key;
pub use key_rules::{KeyRules, KeyShape};
pub use lead::{Filling, Lead};
pub use lookup::{Cache, Lookup, Miss, PassReason, Stale, Turn};
pub use notebook::{Notebook, notebook};
pub use parts::Parts;
pub use purge::{Mode, Purge, Scope};
pub use want::{Rest, Want};

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod tests;
