//! A port for a server that cannot take port 0 itself.

use std::net::TcpListener;

/// A port that was free just now. Somebody else may take it first: whoever uses it tries again with another one.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}
