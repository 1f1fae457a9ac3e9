//! Stored responses: found by key, fetched once for everybody, held within a byte budget.
//!
//! `lookup` answers the exchange's question by a request's `prospect`; `flight` is a fetch that several share, `lead` its
//! writing end, `follow` its reading end, `want` what it is to bring. `tiers` hold finished `entry` values: `memory`, and
//! `tier` over the `disk` store; `shelf` is what all share. `key` is what requests have in common, by `key_rules` of a route
//! and `lessons` of origins; `purging` is what is given up, and how that holds.

mod ask;
mod board;
mod content;
pub mod disk;
mod entry;
mod flight;
mod follow;
mod forms;
mod found;
mod inspection;
mod key;
mod key_extra;
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
mod purging;
mod refusals;
mod shelf;
mod tier;
mod tiers;
mod variance;
mod variants;
mod want;

pub use ask::{Ask, StaleUse, Standing};
pub use content::Content;
pub use disk::{NotDurable, Ticket};
pub use entry::{Aside, Entry, Head};
pub use flight::FetchFailure;
pub use follow::{Follower, Landing};
pub use forms::{Claim, Form, Forms};
pub use inspection::{Inspection, Variant};
pub use key::Key;
pub use key_extra::KeyExtra;
pub use key_rules::{KeyRules, KeyShape};
pub use lead::{Filling, Lead};
pub use lookup::{Cache, Cold, Lookup, Miss, Stale, Turn};
pub use notebook::{Notebook, notebook};
pub use parts::Parts;
pub use pass_reason::PassReason;
pub use prospect::{Errand, Prospect};
pub use purging::{Concern, Mode, Purge, Scope, Validity};
pub use tier::{Recall, Sliced};
pub use want::{Rest, Want};
