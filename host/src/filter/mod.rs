//! The proxy-wasm host: filters written in any language that compiles to WebAssembly, run on the way of an exchange.
//!
//! `Filters` loads what the configuration names, `Chain` is the filters of one route, `Run` is one exchange's way through
//! a chain: requests forward, responses backward. The exchange turns each `Verdict` into what the client sees.
//!
//! Reading order: `filters` loads a `plugin` per configured filter, whose `module` becomes an `instance` in a `berth`; a
//! `run`'s `ensemble` takes a seat per filter (`seats`), lends it the messages (`state`), and guests work by `hostcalls`.

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
mod recording;
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
pub use loading::{complaint::Complaint, load_error::LoadError, load_error::LoadFault};
pub use recording::{Difference, Differing, RecordBounds, RecordRefusal, Recording, Replay, ReplayError, Report};
pub use rollout::{filter_state::FilterState, outcome::Change, outcome::Outcome};
pub use run::Run;
pub use stream::{EndOfStream, Stream};
pub use verdict::{LocalReply, Verdict};
