//! Many clients at once: keep-alive connections that share a list of targets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// One answer, and which target it answers.
pub(crate) struct Fetched {
    pub(crate) position: usize,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Fetches every target once, over so many connections, and looks at each answer as it comes.
pub(crate) async fn fetch_all(
    address: SocketAddr,
    targets: Arc<[String]>,
    connections: usize,
    look: impl Fn(Fetched) + Clone + Send + 'static,
) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        clients.spawn(fetch(address, targets.clone(), next.clone(), look.clone()));
    }
    while let Some(client) = clients.join_next().await {
        client.expect("no client panics");
    }
}

async fn fetch(address: SocketAddr, targets: Arc<[String]>, next: Arc<AtomicUsize>, look: impl Fn(Fetched)) {
    let stream = TcpStream::connect(address).await.expect("the node accepts");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("the node speaks HTTP/1.1");
    tokio::spawn(connection);
    loop {
        let position = next.fetch_add(1, Ordering::Relaxed);
        let Some(target) = targets.get(position) else { return };
        let request = Request::get(target).header("host", "docs.example").body(Empty::<Bytes>::new());
        sender.ready().await.expect("the node keeps the connection");
        let response = sender.send_request(request.expect("a well formed request")).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        look(Fetched { position, status: parts.status, headers: parts.headers, body });
    }
}
