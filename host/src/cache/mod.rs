//! Stored responses: found by key, fetched once for everybody, held within a byte budget.
//!
//! `lookup` answers the one question that the exchange asks, by the `prospect` of a request; `flight` is a fetch that
//! several share, `lead` its writing end, `follow` its reading end, `want` what it is to bring, `board` who flies; `memory`
//! is the tier of finished `entry` values, their `forms` and `parts`; `shelf` is what all share. `key` says what requests
//! have in common, `key_rules` how a route shapes that, `lessons` what origins said of it, `changes` what was given up,
//! `purge` what to give up at an operator's word, `epochs` how that holds without looking for it.

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
mod pass_reason;
mod place;
mod prospect;
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
pub use lookup::{Cache, Lookup, Miss, Stale, Turn};
pub use notebook::{Notebook, notebook};
pub use parts::Parts;
pub use pass_reason::PassReason;
pub use prospect::{Errand, Prospect};
pub use purge::{Mode, Purge, Scope};
pub use validity::Validity;
pub use want::{Rest, Want};

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod tests;
