//! The proxy-wasm host: filters written in any language that compiles to WebAssembly, run on the way of an exchange.
//!
//! `Filters` loads what the configuration names, `Chain` is the filters of one route, `Run` is one exchange's way through
//! a chain: requests forward, responses backward. The exchange turns each `Verdict` into what the client sees.
//!
//! Reading order: `filters` loads a `plugin` per configured filter, whose `module` becomes an `instance` in a `berth`;
//! a `run` takes a seat per filter (`seats`), lends it the messages (`state`), and the guest works on them by `hostcalls`.

mod abi;
mod bodies;
mod bounds;
mod cache_verbs;
mod calls;
mod cause;
mod chain;
mod draft;
mod engine;
mod ensemble;
mod environment;
mod exports;
mod failure;
mod filters;
mod hostcalls;
mod inspection;
mod instance;
mod isolation;
mod loading;
mod measures;
mod messages;
mod notes;
mod one_line;
mod plugin;
mod profile;
mod rollout;
mod root;
mod run;
mod seats;
mod shared;
mod starter;
mod state;
mod stream;
mod verdict;

#[cfg(test)]
mod tests;

pub use cache_verbs::{CacheVerbs, PurgeTarget, PurgeWish};
pub use calls::dispatch::{CallFailure, Dispatch};
pub use chain::Chain;
pub use environment::Environment;
pub use failure::{Callback, FailureKind, FilterFailure};
pub use filters::{Filters, Wanted};
pub use inspection::{Import, Inspection, ModuleFault, Offered, Standing};
pub use loading::complaint::Complaint;
pub use loading::load_error::{LoadError, LoadFault};
pub use rollout::filter_state::FilterState;
pub use rollout::outcome::{Change, Outcome};
pub use run::Run;
pub use stream::{EndOfStream, Stream};
pub use verdict::{LocalReply, Verdict};
