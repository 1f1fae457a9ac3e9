//! The operator's door: metrics and health, on an address of its own and a thread of its own.
//!
//! It answers also where every worker is busy. Nothing here can change what clients get.

mod door;
mod state;

pub use door::serve;
pub use state::{Health, State};
