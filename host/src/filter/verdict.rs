//! What a chain decided about a message.
//!
//! The exchange matches on a `Verdict` after each phase; it alone knows how to answer a client or close a connection.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::FilterFailure;

/// The outcome of one phase of a `Run`.
#[derive(Debug)]
pub enum Verdict {
    /// The message goes on, as the filters left it.
    Continue,
    /// A filter answers in the origin's place. From the request phase: the whole response. From the response phase: the
    /// parts are already the reply's, and `body` replaces the body.
    Reply(LocalReply),
    /// A filter wants the stream closed, without an answer where none was begun.
    Close,
    /// A filter failed, and its configuration says that the exchange fails with it.
    Fail(FilterFailure),
}

/// A response that a filter made.
#[derive(Debug, Clone)]
pub struct LocalReply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The filter's own word for why, for logs; empty where it gave none.
    pub details: String,
    /// The name of the filter.
    pub filter: Arc<str>,
}
