//! The doors that clients come through: sockets, limits, HTTP/1.1, and closing them in good order.
//!
//! `socket` binds one socket per worker and address, `accept` takes connections in, `connection` serves HTTP on one while
//! `vitals` watches that it moves and `aside` slips interim responses in, and `drain` tells all of them that the node is going down.

mod accept;
mod aside;
mod connection;
mod drain;
mod metrics;
mod socket;
mod vitals;

pub use accept::Acceptor;
pub use drain::{Drain, Drainer};
pub use metrics::Metrics;
pub use socket::{Bound, bind};
