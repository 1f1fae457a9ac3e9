//! What the exchange tells a chain about the stream it is on.
//!
//! A `Stream` is made by the exchange once its route is known, and is what guests read through properties. All of it is
//! cheap to clone or to move: names are shared, numbers are plain.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::config::Side;

/// The facts of one exchange, or of one fetch, that are not in its messages.
#[derive(Debug, Clone)]
pub struct Stream {
    pub connection_id: u64,
    /// The client's end of the connection.
    pub source: SocketAddr,
    /// The node's end of the connection.
    pub destination: SocketAddr,
    pub request_id: Arc<str>,
    /// The name of the route.
    pub route: Arc<str>,
    /// The name of the route's origin.
    pub origin: Arc<str>,
    /// Whether its messages are a client's or an origin's.
    pub side: Side,
    /// When the request head was read.
    pub started: Timestamp,
}

/// Whether a header section is all there is of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndOfStream {
    /// No body follows.
    Yes,
    /// A body may follow.
    No,
}

impl From<bool> for EndOfStream {
    fn from(end: bool) -> Self {
        if end { Self::Yes } else { Self::No }
    }
}

impl EndOfStream {
    /// As the ABI's callbacks take it.
    pub(super) fn flag(self) -> u32 {
        u32::from(self == Self::Yes)
    }
}
