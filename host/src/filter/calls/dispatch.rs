//! The way from a guest to the node's origins, which filters know by name alone.
//!
//! The node gives it, over its origins; tests give a scripted one. How long a call may take and how large its answer may
//! be is not its business: `outcall` holds both.

use std::fmt;

use futures_util::future::BoxFuture;
use http::{Request, Response};

use crate::body::Body;

/// What carries out calls.
pub trait Dispatch: Send + Sync {
    /// Is there an origin of this name?
    fn knows(&self, origin: &str) -> bool;

    /// Sends a request in origin form, with its `Host`, to the origin of this name. Dropping the future ends the call.
    fn dispatch(&self, origin: &str, request: Request<Body>)
    -> BoxFuture<'static, Result<Response<Body>, CallFailure>>;
}

impl fmt::Debug for dyn Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dispatch")
    }
}

/// Why a call brought no answer. The guest reads it by `proxy_get_status`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    #[error("there is no such origin")]
    UnknownOrigin,
    #[error("{0}")]
    Origin(String),
    #[error("the request has passed this node before")]
    Loop,
    #[error("no answer in time")]
    Timeout,
    #[error("the answer's body is broken: {0}")]
    Body(String),
    #[error("the answer is larger than a filter may be shown")]
    TooLarge,
}

impl CallFailure {
    /// The stable word, for logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::UnknownOrigin => "unknown_origin",
            Self::Origin(_) => "origin",
            Self::Loop => "loop",
            Self::Timeout => "timeout",
            Self::Body(_) => "body",
            Self::TooLarge => "too_large",
        }
    }
}

/// Where there are no origins: filters that are only looked at or rehearsed.
#[derive(Debug)]
pub(in crate::filter) struct NoOrigins;

impl Dispatch for NoOrigins {
    fn knows(&self, _: &str) -> bool {
        false
    }

    fn dispatch(&self, _: &str, _: Request<Body>) -> BoxFuture<'static, Result<Response<Body>, CallFailure>> {
        Box::pin(std::future::ready(Err(CallFailure::UnknownOrigin)))
    }
}
