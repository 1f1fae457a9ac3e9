//! Whatever keeps the node from giving an origin's answer, and the one place where it becomes a response.
//!
//! A failure is data until `answer`: its status, its stable word, whose fault it was, and what `Proxy-Status` says.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::body::Body;
use crate::cache::FetchFailure;
use crate::filter::{Callback, FailureKind, FilterFailure};
use crate::origin::OriginFailure;
use crate::semantics::{BadTarget, ProxyError};

pub(super) const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// Why the node answers itself.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Target(BadTarget),
    #[error("TRACE is not answered here")]
    Trace,
    #[error("PURGE is not answered here")]
    PurgeOff,
    #[error("PURGE is not for this address")]
    PurgeForbidden,
    #[error("nothing usable is stored, and the request accepts nothing else (only-if-cached)")]
    OnlyIfCached,
    #[error("no route matches this host and path")]
    NoRoute,
    #[error("this request has been sent on by this node before (CDN-Loop)")]
    Loop,
    #[error("a filter chose the origin {0:?}, which is not configured")]
    UnknownOrigin(String),
    #[error("{}", .0.detail)]
    Fetch(FetchFailure),
    #[error("{0}")]
    Filter(FilterFailure),
    #[error("a filter closed the stream")]
    ClosedByFilter,
    #[error("a filter left a request that cannot be sent: {0}")]
    Unsendable(String),
    #[error("the fetch for this response was lost several times")]
    FetchLost,
}

/// Who has to do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Client,
    Origin,
    Filter,
    Node,
}

impl Fault {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Origin => "origin",
            Self::Filter => "filter",
            Self::Node => "node",
        }
    }
}

/// What everybody who waits for a fetch is told of its failure.
impl From<OriginFailure> for Failure {
    fn from(failure: OriginFailure) -> Self {
        let detail = failure.to_string().into();
        Self::Fetch(FetchFailure { error: failure.proxy_error(), own_word: None, detail })
    }
}

impl Failure {
    /// A filter at the origin's side wants the fetch ended without an answer.
    pub(super) fn closed_at_origin() -> Self {
        Self::Fetch(Self::ClosedByFilter.for_all())
    }

    /// The same for everybody who waits for a fetch.
    pub(super) fn for_all(self) -> FetchFailure {
        match self {
            Self::Fetch(failure) => failure,
            other => FetchFailure {
                error: other.proxy_error(),
                own_word: Some(other.word()),
                detail: other.to_string().into(),
            },
        }
    }

    /// The stable word for logs and `Cache-Status`.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Target(target) => target.word(),
            Self::Trace => "trace",
            Self::PurgeOff => "purge_off",
            Self::PurgeForbidden => "purge_forbidden",
            Self::OnlyIfCached => "only_if_cached",
            Self::NoRoute => "no_route",
            Self::Loop => "loop",
            Self::UnknownOrigin(_) => "unknown_origin",
            Self::Fetch(failure) if failure.error == ProxyError::HttpRequestStalled => "request_stalled",
            Self::Fetch(failure) => failure.own_word.unwrap_or(failure.error.token()),
            Self::Filter(failure) => failure.kind.word(),
            Self::ClosedByFilter => "closed_by_filter",
            Self::Unsendable(_) => "unsendable",
            Self::FetchLost => "fetch_lost",
        }
    }

    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Target(_) | Self::Trace | Self::NoRoute | Self::OnlyIfCached => Fault::Client,
            Self::PurgeOff | Self::PurgeForbidden => Fault::Client,
            Self::Fetch(failure) => match failure.error {
                ProxyError::HttpRequestError | ProxyError::HttpRequestStalled => Fault::Client,
                // Origins have tokens of their own.
                _ if failure.own_word.is_some() => Fault::Filter,
                _ => Fault::Origin,
            },
            Self::UnknownOrigin(_) | Self::Filter(_) | Self::ClosedByFilter | Self::Unsendable(_) => Fault::Filter,
            // An origin that leads back here is a fault of somebody's configuration.
            Self::Loop => Fault::Origin,
            Self::FetchLost => Fault::Node,
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Trace | Self::PurgeOff => StatusCode::METHOD_NOT_ALLOWED,
            Self::Filter(FilterFailure { callback: Callback::RequestBody, kind: FailureKind::BodyBuffer, .. }) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            // RFC 9111 section 5.2.1.7.
            Self::OnlyIfCached => StatusCode::GATEWAY_TIMEOUT,
            other => other.proxy_error().status(),
        }
    }

    fn proxy_error(&self) -> ProxyError {
        match self {
            Self::Target(_) => ProxyError::HttpRequestError,
            Self::Trace | Self::OnlyIfCached | Self::PurgeOff | Self::PurgeForbidden => ProxyError::HttpRequestDenied,
            Self::NoRoute => ProxyError::DestinationNotFound,
            Self::Loop => ProxyError::ProxyLoopDetected,
            Self::Fetch(failure) => failure.error,
            Self::UnknownOrigin(_) | Self::Filter(_) | Self::ClosedByFilter | Self::Unsendable(_) | Self::FetchLost => {
                ProxyError::ProxyInternalError
            }
        }
    }

    /// The response. What a client may know is its own mistake and the kind of ours; names of servers and filters stay in
    /// the log.
    pub(super) fn answer(&self, node: &str) -> Response<Body> {
        let status = self.status();
        let reason = status.canonical_reason().unwrap_or("Error");
        let told = match self.fault() {
            Fault::Client => self.to_string(),
            Fault::Origin | Fault::Filter | Fault::Node => self.word().replace('_', " "),
        };
        let text = format!("{} {reason}: {told}\n", status.as_u16());
        let mut response = Response::new(Body::from(Bytes::from(text)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PROXY_STATUS, self.proxy_error().member(node, &told));
        if matches!(self, Self::Trace | Self::PurgeOff) {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
        }
        response
    }

    /// One line for the operator.
    pub(super) fn log(&self, request_id: &HeaderValue, route: &str) {
        let id = request_id.to_str().unwrap_or("-");
        let (word, fault) = (self.word(), self.fault().word());
        match self.fault() {
            Fault::Client => tracing::debug!(failure = word, fault, id, route, cause = %self, "request refused"),
            Fault::Origin | Fault::Filter => {
                tracing::warn!(failure = word, fault, id, route, cause = %self, "request failed");
            }
            Fault::Node => tracing::error!(failure = word, fault, id, route, cause = %self, "request failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_learns_its_own_mistakes_and_no_names_of_ours() {
        let refused = Failure::Target(BadTarget::MissingHost).answer("edge-1");
        assert_eq!(refused.status(), 400);
        let status = refused.headers()[PROXY_STATUS].to_str().expect("text");
        assert!(status.starts_with("edge-1; error=http_request_error; details=\"an HTTP/1.1 request needs a Host"));

        let detail = "10.0.0.7:80: connecting failed".into();
        let failed = Failure::Fetch(FetchFailure { error: ProxyError::ConnectionRefused, own_word: None, detail })
            .answer("edge-1");
        assert_eq!(failed.status(), 502);
        assert!(!failed.headers()[PROXY_STATUS].to_str().expect("text").contains("10.0.0.7"));
        assert_eq!(failed.headers()[header::CACHE_CONTROL], "no-store");
    }
}
