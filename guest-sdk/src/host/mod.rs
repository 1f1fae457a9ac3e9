//! The proxy, as host calls: the one way from a filter to the world.
//!
//! `calls` is the ABI itself in a WebAssembly module and the rehearsal everywhere else; both have the same functions. `abi`
//! holds the words they are spoken in, `raw` its imports, `pairs` how header maps are written down.

mod abi;
mod allocator;
mod pairs;
mod shared;

pub use self::abi::Level;
pub(crate) use self::abi::{Buffer, Map, MetricKind, Pairs, Refused, Stream};
pub use self::shared::{Cas, Fault};

#[cfg(target_arch = "wasm32")]
mod raw;
#[cfg(target_arch = "wasm32")]
pub(crate) mod wasm;
#[cfg(target_arch = "wasm32")]
pub(crate) use self::wasm as calls;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::rehearsal::calls;
