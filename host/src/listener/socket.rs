//! Listening sockets: one per worker on the same address, so that the kernel spreads connections (SO_REUSEPORT).

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted, per socket; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// The sockets of one address.
#[derive(Debug)]
pub struct Bound {
    /// With the real port where 0 was asked for.
    pub address: SocketAddr,
    /// One per worker.
    pub sockets: Vec<TcpListener>,
}

/// Binds `workers` sockets to one address.
pub fn bind(address: SocketAddr, workers: usize) -> io::Result<Bound> {
    let first = open(address)?;
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    while sockets.len() < workers {
        sockets.push(open(address)?);
    }
    Ok(Bound { address, sockets })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        // An address is one family: 0.0.0.0 is asked for by its own listener.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_has_a_socket_on_the_same_port() {
        let bound = bind(SocketAddr::from(([127, 0, 0, 1], 0)), 3).expect("bound");
        assert_ne!(bound.address.port(), 0);
        assert_eq!(bound.sockets.len(), 3);
        for socket in &bound.sockets {
            assert_eq!(socket.local_addr().expect("bound"), bound.address);
        }
    }
}
