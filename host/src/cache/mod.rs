//! Stored responses: found by key, fetched once for everybody, held within a byte budget.
//!
//! `lookup` answers the exchange's question by a request's `prospect`; `flight` is a fetch that several share, `lead` its
//! writing end, `follow` its reading end, `want` what it is to bring; `memory` is the tier of finished `entry` values, with
//! `content`, `forms` and `parts`; `shelf` is what all share. `key` is what requests have in common, by `key_rules` of a route and
//! `lessons` of origins; `changes` is what was given up, `purge` what an operator gives up, `epochs` how that holds.

mod ask;
mod board;
mod changes;
mod content;
mod disk;
mod entry;
mod epochs;
mod flight;
mod follow;
mod forms;
mod history;
mod inspection;
mod key;
mod key_rules;
mod lead;
mod ledger;
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
mod tier;
mod tiers;
mod validity;
mod variance;
mod variants;
mod want;

pub use ask::{Ask, StaleUse, Standing};
pub use content::Content;
pub use disk::{NotDurable, Ticket};
pub use entry::{Aside, Entry, Head};
pub use epochs::Concern;
pub use flight::FetchFailure;
pub use follow::{Follower, Landing};
pub use forms::{Claim, Form, Forms};
pub use inspection::{Inspection, Variant};
pub use key::Key;
pub use key_rules::{KeyRules, KeyShape};
pub use lead::{Filling, Lead};
pub use lookup::{Cache, Cold, Lookup, Miss, Stale, Turn};
pub use notebook::{Notebook, notebook};
pub use parts::Parts;
pub use pass_reason::PassReason;
pub use prospect::{Errand, Prospect};
pub use purge::{Mode, Purge, Scope};
pub use tier::{Recall, Sliced};
pub use validity::Validity;
pub use want::{Rest, Want};
