//! A group of servers with the same content: whose turn it is, a connection, one timed exchange.
//!
//! A request is sent to a second server, or once more, only where the first cannot have acted on it: the connection never
//! came about, or a kept connection turned out to be closed and the request is idempotent and without a body.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::{self, HeaderValue};
use http::{Request, Response};
use hyper::client::conn::http1::SendRequest;
use tokio::time::{Instant, timeout_at};

use super::connection;
use super::failure::OriginFailure;
use super::lent::{Watch, lend};
use super::metrics::OriginMetrics;
use super::pool::{Leased, Limits, Pool};
use super::sent::Sent;
use crate::body::{Body, BodyError};
use crate::config::{self, Balance, OriginHost};

pub(super) struct Upstream {
    config: config::Origin,
    servers: Vec<Server>,
    turn: AtomicUsize,
    metrics: OriginMetrics,
}

struct Server {
    target: config::Server,
    /// `host:port`, for logs and for `Host`.
    label: Arc<str>,
    pool: Arc<Pool>,
}

/// How a try went: an answer, a failure for good, or a request that may go out once more.
enum Attempt {
    Answered(Response<Body>),
    Failed(OriginFailure),
    Again(Request<Body>, OriginFailure),
}

impl Upstream {
    pub(super) fn new(config: &config::Origin, workers: usize, metrics: OriginMetrics) -> Self {
        let pool = || {
            Arc::new(Pool::new(Limits {
                workers,
                idle_timeout: config.idle_timeout,
                idle_max: config.idle_connections_max,
                idle: metrics.idle.clone(),
            }))
        };
        let servers = config
            .servers
            .iter()
            .map(|target| Server { target: target.clone(), label: authority(target).into(), pool: pool() })
            .collect();
        Self { config: config.clone(), servers, turn: AtomicUsize::new(0), metrics }
    }

    /// Sends the request on and gives the head of the response; its body streams. The request's target is in origin form
    /// and its `Host` what the client asked for.
    pub(super) async fn fetch(&self, mut request: Request<Body>) -> Result<Response<Body>, OriginFailure> {
        let first = match self.config.balance {
            Balance::RoundRobin => self.turn.fetch_add(1, Ordering::Relaxed),
        };
        let mut tries = 0;
        loop {
            let server = &self.servers[(first + tries) % self.servers.len()];
            self.set_host(&mut request, server);
            match self.attempt(server, request).await {
                Attempt::Answered(response) => {
                    self.metrics.count(response.status().as_str());
                    return Ok(response);
                }
                Attempt::Failed(failure) => {
                    self.metrics.count(failure.word());
                    return Err(failure);
                }
                Attempt::Again(same, failure) => {
                    self.metrics.count(failure.word());
                    tries += 1;
                    if tries >= self.servers.len() {
                        return Err(failure);
                    }
                    request = same;
                }
            }
        }
    }

    fn set_host(&self, request: &mut Request<Body>, server: &Server) {
        let fixed = match &self.config.host {
            OriginHost::Client => return,
            OriginHost::Server => &*server.label,
            OriginHost::Fixed(name) => name.as_str(),
        };
        if let Ok(value) = HeaderValue::from_str(fixed) {
            request.headers_mut().insert(header::HOST, value);
        }
    }

    /// One server. A kept connection first; where it has gone stale, a new one.
    async fn attempt(&self, server: &Server, mut request: Request<Body>) -> Attempt {
        // The server may be closing a kept connection just now, so what cannot be sent twice gets a new one. HAProxy calls
        // this `http-reuse safe`.
        if let Some(spare) = replayable(&request)
            && let Some(sender) = server.pool.take().await
        {
            match self.exchange(server, sender, request).await {
                Ok(response) => return Attempt::Answered(response),
                Err(OriginFailure::Closed { .. }) => request = spare,
                Err(failure) => return Attempt::Failed(failure),
            }
        }
        let start = Instant::now();
        let sender = match connection::open(&server.target, &server.label, self.config.connect_timeout).await {
            Ok(sender) => sender,
            Err(failure) if failure.never_reached() => return Attempt::Again(request, failure),
            Err(failure) => return Attempt::Failed(failure),
        };
        self.metrics.connect.observe(start.elapsed().as_secs_f64());
        match self.exchange(server, sender, request).await {
            Ok(response) => Attempt::Answered(response),
            Err(failure) => Attempt::Failed(failure),
        }
    }

    async fn exchange(
        &self,
        server: &Server,
        sender: SendRequest<Body>,
        request: Request<Body>,
    ) -> Result<Response<Body>, OriginFailure> {
        let mut leased = Leased::new(sender, server.pool.clone(), &self.metrics.active);
        let start = Instant::now();
        let (request, progress) = Sent::track(request);
        let Some(sender) = leased.sender() else {
            return Err(OriginFailure::Closed { server: server.label.clone() });
        };
        let mut answer = std::pin::pin!(sender.send_request(request));
        let response = loop {
            let deadline = progress.last() + self.config.first_byte_timeout;
            match timeout_at(deadline, answer.as_mut()).await {
                Ok(result) => break result.map_err(|error| failure_of(&error, server))?,
                // The request's body moved on meanwhile: the origin may still be reading it.
                Err(_) if progress.last() + self.config.first_byte_timeout > deadline => {}
                Err(_) => {
                    let after = self.config.first_byte_timeout;
                    return Err(OriginFailure::FirstByteTimeout { server: server.label.clone(), after });
                }
            }
        };
        self.metrics.first_byte.observe(start.elapsed().as_secs_f64());
        if response.status().is_informational() {
            // Nobody asked this origin to switch protocols.
            let cause = format!("{} is no final answer", response.status());
            return Err(OriginFailure::Malformed { server: server.label.clone(), cause });
        }
        let watch = Watch { metrics: self.metrics.clone(), server: server.label.clone() };
        Ok(response.map(|body| lend(body, leased, self.config.read_timeout, watch)))
    }
}

fn authority(server: &config::Server) -> String {
    let host = if server.host.contains(':') { format!("[{}]", server.host) } else { server.host.clone() };
    if server.port == 80 { host } else { format!("{host}:{}", server.port) }
}

/// The same request once more, where sending it twice does no harm (RFC 9110 section 9.2.2).
fn replayable(request: &Request<Body>) -> Option<Request<Body>> {
    if !request.method().is_idempotent() || !matches!(request.body(), Body::Empty) {
        return None;
    }
    let mut copy = Request::new(Body::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    // Who listens for interim responses listens to every try.
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

fn failure_of(error: &hyper::Error, server: &Server) -> OriginFailure {
    let server = server.label.clone();
    let of_body = std::error::Error::source(error).and_then(|source| source.downcast_ref::<BodyError>());
    if let (true, Some(BodyError::Stalled(after))) = (error.is_user(), of_body) {
        return OriginFailure::RequestStalled { after: *after };
    }
    let cause =
        std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    if error.is_parse() || error.is_parse_too_large() || error.is_parse_status() {
        OriginFailure::Malformed { server, cause }
    } else if error.is_user() {
        OriginFailure::RequestBody { cause }
    } else {
        OriginFailure::Closed { server }
    }
}
