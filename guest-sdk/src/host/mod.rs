//! The proxy, as host calls: the one way from a filter to the world.
//!
//! `calls` is the ABI itself in a WebAssembly module and the rehearsal everywhere else; both have the same functions.

mod pairs;

#[cfg(target_arch = "wasm32")]
pub(crate) mod wasm;
#[cfg(target_arch = "wasm32")]
pub(crate) use self::wasm as calls;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::rehearsal::calls;

/// Which headers; the number is the ABI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Map {
    Request = 0,
    Response = 2,
}

/// What a metric is; the number is the ABI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricKind {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

/// The proxy answered a call with a status that is neither success nor absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

/// Names and values of a header map, in order.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;
