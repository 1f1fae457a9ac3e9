//! Why an origin gave no answer, with everything that explains it.

use std::sync::Arc;
use std::time::Duration;

use crate::semantics::ProxyError;

/// One failed fetch. `server` is `host:port`, or the root of a static site.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OriginFailure {
    #[error("{server}: the name cannot be resolved: {cause}")]
    Resolve { server: Arc<str>, cause: String },
    #[error("{server}: connecting failed: {cause}")]
    Connect { server: Arc<str>, cause: String, refused: bool },
    #[error("{server}: no connection within {after:?}")]
    ConnectTimeout { server: Arc<str>, after: Duration },
    #[error("{server}: no response within {after:?}")]
    FirstByteTimeout { server: Arc<str>, after: Duration },
    #[error("{server}: the connection was closed before a response")]
    Closed { server: Arc<str> },
    #[error("{server}: the response is not HTTP/1.1: {cause}")]
    Malformed { server: Arc<str>, cause: String },
    #[error("the client stopped sending the request body: {cause}")]
    RequestBody { cause: String },
    #[error("the client sent nothing more of the request body for {after:?}")]
    RequestStalled { after: Duration },
    #[error("{server}: a file cannot be read: {cause}")]
    File { server: Arc<str>, cause: String },
}

impl OriginFailure {
    /// The error type of RFC 9209 that it is.
    pub fn proxy_error(&self) -> ProxyError {
        match self {
            Self::Resolve { .. } => ProxyError::DnsError,
            Self::Connect { refused: true, .. } => ProxyError::ConnectionRefused,
            Self::Connect { .. } | Self::Closed { .. } => ProxyError::ConnectionTerminated,
            Self::ConnectTimeout { .. } => ProxyError::ConnectionTimeout,
            Self::FirstByteTimeout { .. } => ProxyError::HttpResponseTimeout,
            Self::Malformed { .. } => ProxyError::HttpProtocolError,
            Self::RequestBody { .. } => ProxyError::HttpRequestError,
            Self::RequestStalled { .. } => ProxyError::HttpRequestStalled,
            Self::File { .. } => ProxyError::ProxyInternalError,
        }
    }

    /// The stable word for the `code` label of metrics and the log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "resolve",
            Self::Connect { .. } => "connect",
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::FirstByteTimeout { .. } => "first_byte_timeout",
            Self::Closed { .. } => "closed",
            Self::Malformed { .. } => "malformed",
            Self::RequestBody { .. } => "request_body",
            Self::RequestStalled { .. } => "request_stalled",
            Self::File { .. } => "file",
        }
    }

    /// May another server be asked instead, given that this one has not answered? Only where it cannot have acted.
    pub(super) fn never_reached(&self) -> bool {
        matches!(self, Self::Resolve { .. } | Self::Connect { .. } | Self::ConnectTimeout { .. })
    }
}
