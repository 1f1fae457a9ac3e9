//! A client's request as a listener would take it, ready to be handed over.

use std::sync::Arc;

use http::uri::Scheme;
use http::{HeaderValue, Request, header};

use super::cases::Given;
use crate::body::Body;
use crate::clock::Timestamp;
use crate::config::Side;
use crate::filter::Stream;
use crate::semantics::{BadTarget, RequestHead, fields};

/// The node's end of every connection.
const NODE: ([u8; 4], u16) = ([192, 0, 2, 254], 80);
/// The client's port.
const CLIENT_PORT: u16 = 49152;

pub(super) struct Visit {
    pub(super) head: RequestHead,
    pub(super) body: Body,
    pub(super) stream: Stream,
}

impl Visit {
    /// Takes a request apart that comes at this time.
    pub(super) fn new(given: &Given, started: Timestamp) -> Result<Self, BadTarget> {
        let scheme = given.url.scheme().cloned().unwrap_or(Scheme::HTTP);
        let mut request = Request::new(());
        *request.method_mut() = given.method.clone();
        *request.uri_mut() = given.url.clone();
        *request.headers_mut() = given.headers.clone();
        let host = given.url.authority().map(|authority| HeaderValue::from_str(authority.as_str()));
        if let Some(Ok(host)) = host {
            request.headers_mut().insert(header::HOST, host);
        }
        let mut head = RequestHead::new(request.into_parts().0, scheme, NODE.into())?;
        fields::strip_but_trailers(&mut head.headers);
        let stream = Stream {
            connection_id: 1,
            source: (given.client, CLIENT_PORT).into(),
            destination: NODE.into(),
            request_id: Arc::from("case"),
            route: Arc::from("case"),
            origin: Arc::from("case"),
            side: Side::Client,
            started,
        };
        Ok(Self { head, body: given.body.body(given.trailers.as_ref()), stream })
    }
}
