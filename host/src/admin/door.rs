//! `GET /metrics`, `/healthz`, `/livez`, `/readyz`.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

use super::state::State;
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
            let response = answer(&request, &state);
            async move { Ok::<_, Infallible>(response) }
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

fn answer<B>(request: &Request<B>, state: &State) -> Response<Body> {
    let path = request.uri().path();
    if !matches!(path, "/metrics" | "/healthz" | "/livez" | "/readyz") {
        return plain(StatusCode::NOT_FOUND, "not found: try /metrics, /healthz or /readyz\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here\n");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/metrics" if !allowed(request, state) => {
            let mut refused = plain(StatusCode::UNAUTHORIZED, "a bearer token is needed\n");
            refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            refused
        }
        "/metrics" => {
            let (text, content_type) = telemetry::render(&state.registry);
            let mut response = Response::new(Body::from(Bytes::from(text)));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            response
        }
        "/readyz" if !state.health.is_ready() => plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        _ => plain(StatusCode::OK, "ok\n"),
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

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::super::state::Health;
    use super::*;
    use prometheus::Registry;

    fn ask(method: &str, path: &str, token: Option<&str>, health: &Health) -> StatusCode {
        let state = State { registry: Registry::new(), health: health.clone(), token: Some("secret".to_owned()) };
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        answer(&request.body(()).expect("a test request"), &state).status()
    }

    #[test]
    fn health_is_open_and_metrics_need_the_token() {
        let health = Health::default();
        assert_eq!(ask("GET", "/healthz", None, &health), 200);
        assert_eq!(ask("GET", "/readyz", None, &health), 503);
        health.set_ready(true);
        assert_eq!(ask("GET", "/readyz", None, &health), 200);
        assert_eq!(ask("GET", "/metrics", None, &health), 401);
        assert_eq!(ask("GET", "/metrics", Some("secreT"), &health), 401);
        assert_eq!(ask("GET", "/metrics", Some("secret"), &health), 200);
        assert_eq!(ask("POST", "/metrics", Some("secret"), &health), 405);
        assert_eq!(ask("GET", "/", None, &health), 404);
    }
}
