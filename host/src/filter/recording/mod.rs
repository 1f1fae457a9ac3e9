//! Exchanges recorded on a running node, and run again without it.
//!
//! A filter's `desk` gives some exchanges an instance of their own, whose host calls are tapped (`hostcalls::tap`) and
//! noted on a `tape`; a `recorder` makes lines of a `trace` of them, and a `feed` hands these out until a bound is met. A
//! `replay` makes each exchange of a trace again (`rerun`), answered from a `script`; `comparing` tells what differs.

pub(super) mod octets;
pub(super) mod trace;

pub(super) mod noted;
pub(super) mod picture;
pub(super) mod scene;
pub(super) mod script;
pub(super) mod tape;

pub(super) mod desk;
pub(super) mod feed;
pub(super) mod recorder;

mod comparing;
pub(super) mod reading;
mod replay;
mod rerun;

pub use comparing::Difference;
pub use feed::{RecordBounds, RecordRefusal, Recording};
pub use replay::{Differing, Replay, ReplayError, Report};
