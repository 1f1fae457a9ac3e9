//! The host as an exchange uses it, with guests written in text.
//!
//! `guest` writes modules, `node` loads and runs them; the other files hold one group of promises each.

mod ahead;
mod bounds;
mod breakers;
mod call_ends;
mod calls;
mod chains;
mod desk;
mod failures;
mod foreign;
mod guest;
mod headers;
mod hostcalls;
mod isolation;
mod loading;
mod logs;
mod metrics;
mod node;
mod proof;
mod properties;
mod protection;
mod recording;
mod renewing;
mod replies;
mod rerunning;
mod residents;
mod root;
mod sharing;
mod speed;
mod stage;
mod traces;
mod trailers;
mod wasi;

pub(super) use node::{limits, profile};
