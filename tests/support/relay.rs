//! A detour: an address that can be written into a configuration before it is known where it leads.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// Passes bytes on, both ways. Ends with the test.
pub struct Relay {
    address: SocketAddr,
    target: Arc<OnceLock<SocketAddr>>,
    task: AbortHandle,
}

impl Relay {
    /// Starts on a port of the system's choice; closes every connection until it leads somewhere.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let target = Arc::new(OnceLock::new());
        let task = tokio::spawn(accept(listener, target.clone())).abort_handle();
        Self { address, target, task }
    }

    /// For a `servers` line of the configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says where it leads, once.
    pub fn lead_to(&self, target: SocketAddr) {
        self.target.set(target).expect("a relay leads to one place");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: Arc<OnceLock<SocketAddr>>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        let Some(target) = target.get().copied() else { continue };
        connections.spawn(async move {
            let mut far = TcpStream::connect(target).await?;
            copy_bidirectional(&mut near, &mut far).await
        });
        while connections.try_join_next().is_some() {}
    }
}
