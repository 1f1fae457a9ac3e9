//! Where responses come from: groups of HTTP servers, and folders served as they are.
//!
//! `Origins` finds one by name; `Origin::fetch` is all that the exchange needs of it. An `upstream` chooses among its
//! servers and times every step, a `pool` keeps their connections, a `static_site` reads files. Nothing here knows of
//! caches or filters.

mod connection;
mod failure;
mod lent;
mod metrics;
mod origins;
mod pool;
mod sent;
mod static_site;
mod upstream;

pub use failure::OriginFailure;
pub use origins::{Origin, Origins};
