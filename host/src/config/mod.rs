//! The configuration: a TOML file read raw, then checked into plain data.
//!
//! `document` and `section` are the raw stage: the file as TOML with the position of every key, read key by key so that
//! one run finds every fault. `check` is the second stage and makes the `model` that the rest of the node works with.
//! Nothing above this layer sees a raw value, a relative path or an unchecked name.

mod filter;
mod model;

mod load;
mod single;
mod summary;

mod check;

mod bound;
mod document;
mod fault;
mod field;
mod section;

mod address;
mod host;
mod media_range;
mod server;
mod size;
mod spelling;
mod timespan;
mod variable;

pub use document::position;
pub use fault::{Fault, Faults, Place};
pub use filter::{
    Filter, FilterCanary, FilterCondition, FilterLimits, HeaderPause, Isolation, OnError, Pin, RouteFilter, Side,
};
pub use host::HostError;
pub use load::{load, load_anew, parse};
pub use media_range::{MediaRange, MediaRangeError};
pub use model::{
    AccessLog, Admin, Admission, Balance, Cache, Coding, Compression, Config, Disk, HostPattern, Listener, Log,
    LogFormat, Node, Origin, OriginHost, QueryParameters, Route, RouteCache, RouteCompression, RouteKey, Server,
    StaleOn, StaticSite,
};
pub use server::ServerError;
pub use single::for_origin;
pub use summary::Summary;

#[cfg(test)]
mod tests;
