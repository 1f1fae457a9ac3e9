//! The operator's door: metrics, health, purges, explanations, reloads and recordings, on an address and a thread of its
//! own.
//!
//! It answers also where every worker is busy. `door` says who is heard, `purge` and `explain` what is meant; both hand it
//! to the `Edge`, which alone knows what follows.

mod door;
mod explain;
mod purge;
mod record;
mod reload;
mod reply;
mod state;

pub use door::serve;
pub use state::{Health, State};
