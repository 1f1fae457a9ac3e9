//! Taking connections in: within the limit, through bad moments, until the node drains.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Door;
use super::drain::Drain;
use super::metrics::{ConnectionError, Metrics};
use crate::config;
use crate::exchange::Edge;

/// The pause after a failed accept. Running out of descriptors passes; asking again at once only burns the core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The accepting end of one listener, shared by its workers.
#[derive(Clone)]
pub struct Acceptor {
    door: Arc<Door>,
    /// One permit per connection that may be open.
    room: Arc<Semaphore>,
}

impl Acceptor {
    pub fn new(config: config::Listener, edge: Arc<Edge>, metrics: &Metrics) -> Self {
        let room = Arc::new(Semaphore::new(config.connections_max.min(Semaphore::MAX_PERMITS)));
        let metrics = metrics.of(&config.name);
        Self { door: Arc::new(Door { config, edge, metrics }), room }
    }

    /// Accepts on this worker's socket until the drain starts, then takes in what the kernel has already queued. Where all
    /// permits are taken, one connection per worker waits for its turn and the others in the kernel's queue.
    pub async fn run(self, socket: TcpListener, mut drain: Drain) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(socket)?;
        loop {
            let accepted = tokio::select! {
                biased;
                () = drain.started() => break,
                accepted = listener.accept() => accepted,
            };
            // Accepted before there is room: a permit held while nobody comes would be one less for the other workers.
            let room = tokio::select! {
                biased;
                () = drain.started() => None,
                room = self.room.clone().acquire_owned() => room.ok(),
            };
            self.take_in(accepted, room, &drain).await;
        }
        while let Some(Ok((stream, remote))) = at_once(&listener) {
            let Ok(room) = self.room.clone().try_acquire_owned() else { break };
            self.take_in(Ok((stream, remote)), Some(room), &drain).await;
        }
        Ok(())
    }

    async fn take_in(
        &self,
        accepted: io::Result<(TcpStream, SocketAddr)>,
        room: Option<OwnedSemaphorePermit>,
        drain: &Drain,
    ) {
        match accepted {
            Ok((stream, remote)) => {
                let metrics = &self.door.metrics;
                metrics.accepted.inc();
                metrics.active.inc();
                let guest = Guest { active: metrics.active.clone(), _room: room };
                let serving = self.door.clone().serve(stream, remote, drain.clone());
                tokio::spawn(async move {
                    serving.await;
                    drop(guest);
                });
            }
            // The client was gone before it was taken in.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                self.door.metrics.count(ConnectionError::Accept);
                tracing::error!(listener = self.door.config.name, %error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Accepts if a connection is waiting.
fn at_once(listener: &tokio::net::TcpListener) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match listener.poll_accept(&mut context) {
        std::task::Poll::Ready(accepted) => Some(accepted),
        std::task::Poll::Pending => None,
    }
}

/// An open connection: counted, and holding its place.
struct Guest {
    active: prometheus::IntGauge,
    _room: Option<OwnedSemaphorePermit>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.active.dec();
    }
}
