//! The configuration: a TOML file read raw, then checked into plain data.
//!
//! `raw` is the file's shape as serde sees it, `model` is what the rest of the node works with. Nothing above this layer
//! sees a raw value, a relative path or an unchecked name.

mod model;

pub use model::{
    AccessLog, Admin, Balance, Cache, Config, Filter, FilterLimits, HostPattern, Listener, Log, LogFormat, Node, OnError,
    Origin, OriginHost, Route, RouteCache, Server, StaticSite,
};
