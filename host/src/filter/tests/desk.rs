//! A scripted way to origins: tests see each call that a guest makes, and answer it when they like.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::{mpsc, oneshot};

use super::super::messages::wire;
use super::super::{CallFailure, Dispatch};
use super::guest::Guest;
use super::node::Node;
use crate::body::{Body, BodyError};

/// What guests know the origin by.
pub(super) const ORIGIN: &str = "site";

/// Where calls come in.
pub(super) struct Desk {
    asked: mpsc::UnboundedReceiver<Asked>,
}

/// One call.
pub(super) struct Asked {
    pub(super) request: Request<Body>,
    answer: oneshot::Sender<Result<Response<Body>, CallFailure>>,
}

struct Slot(Mutex<mpsc::UnboundedSender<Asked>>);

impl Desk {
    /// A node whose filters call this desk.
    pub(super) fn node() -> (Self, Node) {
        let (sender, asked) = mpsc::unbounded_channel();
        let mut node = Node::new();
        node.environment = node.environment.clone().calling(Arc::new(Slot(Mutex::new(sender))));
        (Self { asked }, node)
    }

    /// The next call that comes.
    pub(super) async fn next(&mut self) -> Asked {
        self.asked.recv().await.expect("filters can still call")
    }

    /// Whether a call has come that `next` has not brought yet.
    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty()
    }
}

impl Asked {
    /// Answers with a status, and the body that tells whom the answer is for. Whether anybody waited for it.
    pub(super) fn answer(self, status: u16, body: &str) -> bool {
        let response = Response::builder().status(status).header("x-answer", body);
        self.end(Ok(response.body(Body::from(Bytes::copy_from_slice(body.as_bytes()))).unwrap()))
    }

    pub(super) fn end(self, ending: Result<Response<Body>, CallFailure>) -> bool {
        self.answer.send(ending).is_ok()
    }

    pub(super) fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// The whole body, and its trailers.
    pub(super) async fn body(&mut self) -> (Bytes, HeaderMap) {
        let collected = std::mem::take(self.request.body_mut()).collect().await.unwrap();
        let trailers = collected.trailers().cloned().unwrap_or_default();
        (collected.to_bytes(), trailers)
    }
}

impl Dispatch for Slot {
    fn knows(&self, origin: &str) -> bool {
        origin == ORIGIN
    }

    fn dispatch(&self, _: &str, request: Request<Body>) -> BoxFuture<'static, Result<Response<Body>, CallFailure>> {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.lock().unwrap().send(Asked { request, answer });
        Box::pin(async move {
            sent.expect("the desk is open");
            answered.await.unwrap_or(Err(CallFailure::Origin("the desk is closed".to_owned())))
        })
    }
}

/// A body of `body` with trailers.
pub(super) fn with_trailers(body: &'static str, name: &'static str, value: &'static str) -> Body {
    let trailers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
    let frames = [Frame::data(Bytes::from_static(body.as_bytes())), Frame::trailers(trailers)];
    Body::stream(StreamBody::new(futures_util::stream::iter(frames.map(Ok::<_, BodyError>))))
}

impl Guest {
    /// Code that makes a call for `path`, and leaves the status on the stack.
    pub(super) fn call(&mut self, path: &str) -> String {
        self.call_with(ORIGIN, &[(":method", "GET"), (":path", path), (":authority", "calls.example")], 0)
    }

    pub(super) fn call_with(&mut self, origin: &str, pairs: &[(&str, &str)], timeout: i32) -> String {
        let mut headers = Vec::new();
        wire::write(|| pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut headers);
        let (origin, headers) = (self.text(origin), self.text(headers));
        let none = "(i32.const 0) (i32.const 0)";
        format!("(call $http_call {origin} {headers} {none} {none} (i32.const {timeout}) (i32.const 24))")
    }

    /// Keeps the exchange's context where answers can turn to it.
    pub(super) fn with_context(self) -> Self {
        self.with("(global $stream (mut i32) (i32.const 0))")
    }
}

/// Remembers the context of a headers callback.
pub(super) const REMEMBER: &str = "(global.set $stream (local.get $context))";
/// Turns to it in an answer.
pub(super) const TURN: &str = "(drop (call $effective (global.get $stream)))";
pub(super) const RESUME: &str = "(drop (call $continue (i32.const 0)))";
pub(super) const PAUSE: &str = "(return (i32.const 1))";
