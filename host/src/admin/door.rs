//! `GET /metrics`, `/healthz`, `/livez`, `/readyz`, `/v1/explain`, `/v1/filters`, and
//! `POST /v1/purge`, `/v1/reload` and `/v1/filters/NAME/record`: who is heard, and by which method.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

use super::state::State;
use super::{explain, purge, record, reload, reply};
use crate::body::Body;
use crate::telemetry;

/// A request head must be here within this time; scrapers are near.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Open connections at most: operators and scrapers are few.
const CONNECTIONS_MAX: usize = 256;
/// The pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the future is dropped.
pub async fn serve(socket: TcpListener, state: State) -> std::io::Result<Infallible> {
    let listener = tokio::net::TcpListener::from_std(socket)?;
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let permit = room.clone().acquire_owned().await.map_err(std::io::Error::other)?;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::error!(%error, "admin cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let state = state.clone();
        let service = service_fn(move |request| {
            let state = state.clone();
            async move { Ok::<_, Infallible>(answer(request, &state).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        // A scraper that goes away harms nobody but itself.
        tokio::spawn(async move {
            connection.await.ok();
            drop(permit);
        });
    }
}

/// What can be asked for here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matter {
    Health,
    Readiness,
    Metrics,
    Purge,
    Explain,
    Filters,
    Reload,
    Record,
}

impl Matter {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/healthz" | "/livez" => Self::Health,
            "/readyz" => Self::Readiness,
            "/metrics" => Self::Metrics,
            "/v1/purge" => Self::Purge,
            "/v1/explain" => Self::Explain,
            "/v1/filters" => Self::Filters,
            "/v1/reload" => Self::Reload,
            path if record::filter(path).is_some() => Self::Record,
            _ => return None,
        })
    }

    /// The methods that it is asked for by, as in `Allow`.
    fn methods(self) -> &'static str {
        if matches!(self, Self::Purge | Self::Reload | Self::Record) { "POST" } else { "GET, HEAD" }
    }

    fn is_public(self) -> bool {
        matches!(self, Self::Health | Self::Readiness)
    }
}

async fn answer<B>(request: Request<B>, state: &State) -> Response<Body>
where
    B: http_body::Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let Some(matter) = Matter::of(request.uri().path()) else {
        let known = "not found: try /metrics, /healthz, /readyz, /v1/purge, /v1/explain, /v1/filters, /v1/reload or \
                     /v1/filters/NAME/record\n";
        return reply::text(StatusCode::NOT_FOUND, known);
    };
    if !matter.methods().split(", ").any(|method| method == request.method().as_str()) {
        let refused = format!("only {} is answered here\n", matter.methods());
        return reply::with(reply::text(StatusCode::METHOD_NOT_ALLOWED, refused), header::ALLOW, matter.methods());
    }
    if !matter.is_public() && !allowed(&request, state) {
        let refused = reply::text(StatusCode::UNAUTHORIZED, "a bearer token is needed\n");
        return reply::with(refused, header::WWW_AUTHENTICATE, "Bearer");
    }
    match matter {
        Matter::Metrics => {
            let (text, content_type) = telemetry::render(&state.registry);
            reply::with(reply::text(StatusCode::OK, text), header::CONTENT_TYPE, content_type)
        }
        Matter::Purge => purge::answer(request, &state.edge).await,
        Matter::Explain => explain::answer(request, &state.edge).await,
        Matter::Filters => reload::filters(&state.edge),
        Matter::Reload => reload::answer(&request, &state.edge).await,
        Matter::Record => record::answer(&request, &state.edge).await,
        Matter::Readiness if !state.health.is_ready() => reply::text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        Matter::Readiness | Matter::Health => reply::text(StatusCode::OK, "ok\n"),
    }
}

fn allowed<B>(request: &Request<B>, state: &State) -> bool {
    let Some(token) = &state.token else { return true };
    let given = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let (scheme, given) = given.split_at_checked("Bearer ".len()).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return false;
    }
    // Every byte is looked at, so that the time tells nothing about where the first difference is.
    given.len() == token.len() && given.iter().zip(token.as_bytes()).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_methods() {
        let cases = [
            ("/healthz", "GET, HEAD", true),
            ("/livez", "GET, HEAD", true),
            ("/readyz", "GET, HEAD", true),
            ("/metrics", "GET, HEAD", false),
            ("/v1/explain", "GET, HEAD", false),
            ("/v1/filters", "GET, HEAD", false),
            ("/v1/purge", "POST", false),
            ("/v1/reload", "POST", false),
            ("/v1/filters/guard/record", "POST", false),
        ];
        for (path, methods, public) in cases {
            let matter = Matter::of(path).expect(path);
            assert_eq!((matter.methods(), matter.is_public()), (methods, public), "{path}");
        }
        for path in ["/v1/purge/", "/v1/filters//record", "/v1/filters/a/b/record", "/v1/filters/guard"] {
            assert_eq!(Matter::of(path), None, "{path}");
        }
    }
}
