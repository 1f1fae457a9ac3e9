//! HTTP/1.1 on one connection: request after request until either end has had enough.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::aside::Aside;
use super::drain::Drain;
use super::metrics::{ConnectionError, ListenerMetrics};
use super::vitals::{Patience, Pulse, Stopped, Vitals};
use crate::body::{Body, BodyError};
use crate::config;
use crate::exchange::{Closed, Delivery, Edge, Mailbox, Peer};

/// What all connections of a listener share.
pub(super) struct Door {
    pub(super) config: config::Listener,
    pub(super) edge: Arc<Edge>,
    pub(super) metrics: ListenerMetrics,
}

/// Numbers connections over the process's life.
static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

impl Door {
    /// Serves until the client closes, falls silent, breaks the protocol, or the node drains.
    pub(super) async fn serve(self: Arc<Self>, stream: TcpStream, remote: SocketAddr, mut drain: Drain) {
        let Ok(local) = stream.local_addr() else { return };
        // Small responses go out at once; where it fails they only go out later.
        let _ = stream.set_nodelay(true);
        let vitals = Vitals::new();
        let peer = self.peer(remote, local);
        let service = service_fn(|request: Request<Incoming>| {
            vitals.serving();
            let (edge, peer, vitals) = (&self.edge, &peer, &vitals);
            async move {
                let request = request.map(incoming);
                let answer = edge.serve(peer, request).await;
                peer.mailbox.close();
                answer.map(|response| tracked(response, vitals.clone()))
            }
        });
        let socket = Aside::new(Pulse::new(stream, vitals.clone()), peer.mailbox.clone());
        let mut connection = pin!(self.http().serve_connection(TokioIo::new(socket), service));
        let mut watch = pin!(vitals.watch(self.patience()));
        let mut closing = false;
        let ended = loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => break ended,
                () = drain.started(), if !closing => {
                    connection.as_mut().graceful_shutdown();
                    closing = true;
                }
                stopped = watch.as_mut() => match stopped {
                    Stopped::Idle => return,
                    Stopped::Header => return self.metrics.count(ConnectionError::HeaderTimeout),
                    Stopped::Send => return self.metrics.count(ConnectionError::SendTimeout),
                }
            }
        };
        if let Err(error) = ended {
            self.metrics.count(kind(&error));
            tracing::debug!(%remote, %error, "connection failed");
        }
    }

    fn peer(&self, remote: SocketAddr, local: SocketAddr) -> Peer {
        Peer {
            connection: CONNECTIONS.fetch_add(1, Ordering::Relaxed),
            remote,
            local,
            scheme: Scheme::HTTP,
            trusted: self.config.trusted_proxies.iter().any(|network| network.contains(&remote.ip())),
            body_timeout: self.config.body_timeout,
            mailbox: Mailbox::default(),
        }
    }

    fn http(&self) -> http1::Builder {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_headers(self.config.header_count_max)
            .max_header_size(self.config.header_bytes_max);
        http
    }

    fn patience(&self) -> Patience {
        Patience {
            header: self.config.header_timeout,
            keep_alive: self.config.keep_alive_timeout,
            send: self.config.send_timeout,
        }
    }
}

fn kind(error: &hyper::Error) -> ConnectionError {
    if error.is_parse() || error.is_parse_too_large() {
        ConnectionError::Malformed
    } else if error.is_user() {
        let closed = std::error::Error::source(error).is_some_and(|source| source.is::<Closed>());
        if closed { ConnectionError::Closed } else { ConnectionError::CutShort }
    } else {
        ConnectionError::Aborted
    }
}

fn incoming(body: Incoming) -> Body {
    if body.is_end_stream() { Body::Empty } else { Body::stream(body) }
}

fn tracked(response: Response<Delivery>, vitals: Arc<Vitals>) -> Response<Tracked> {
    response.map(|delivery| Tracked { delivery, vitals })
}

/// A response body whose end lets the connection be idle again.
struct Tracked {
    delivery: Delivery,
    vitals: Arc<Vitals>,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.vitals.idle();
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.delivery).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.delivery.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.delivery.size_hint()
    }
}
