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
    // Sockets that share their port would share it with another program as well, and both would get some of the clients.
    drop(open(address, Sharing::No)?);
    let first = open(address, Sharing::Yes)?;
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    while sockets.len() < workers {
        sockets.push(open(address, Sharing::Yes)?);
    }
    Ok(Bound { address, sockets })
}

/// May other sockets listen on the same port?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Yes,
    No,
}

fn open(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(sharing == Sharing::Yes)?;
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
        let taken = bind(bound.address, 1).expect_err("another node has it");
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        for socket in &bound.sockets {
            assert_eq!(socket.local_addr().expect("bound"), bound.address);
        }
    }
}
