//! The host calls: every import that a proxy-wasm module of any SDK may have.
//!
//! `linker` is the whole table. Each file holds the calls of one group as functions from a guest to an `Answer`; reading
//! and writing the guest's memory is `memory`'s business alone, so that no bad pointer gets further than a status.

mod buffers;
mod cache_verbs;
mod context;
mod filter_state;
mod foreign;
mod foreign_arguments;
mod headers;
mod http_call;
mod link;
mod local_reply;
mod log;
mod memory;
mod metrics;
mod outcome;
mod properties;
mod shape;
mod shared_data;
mod shared_queues;
mod tap;
mod unimplemented;
mod wasi;
mod zlib;

pub(super) use headers::HeadersOver;
pub(super) use link::linker;
pub(super) use log::tell_dropped as tell_dropped_log;
pub(super) use tap::tapped;
pub(super) use unimplemented::is_unimplemented;
