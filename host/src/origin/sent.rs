//! A request on its way to an origin, and when it last moved.
//!
//! The time limit for a response's first byte runs from the request's last: an origin that is still reading an upload is
//! not late.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use crate::body::{Body, BodyError};

/// When the request last moved: its body's last piece, or its start.
#[derive(Clone)]
pub(super) struct Progress {
    start: Instant,
    millis: Arc<AtomicU64>,
}

impl Progress {
    pub(super) fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }

    fn note(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.store(millis, Ordering::Relaxed);
    }
}

/// A request body that notes when it moves.
pub(super) struct Sent {
    body: Body,
    progress: Progress,
}

impl Sent {
    pub(super) fn track(request: Request<Body>) -> (Request<Body>, Progress) {
        let progress = Progress { start: Instant::now(), millis: Arc::default() };
        let tracked = request.map(|body| match body {
            Body::Stream(_) => Body::stream(Self { body, progress: progress.clone() }),
            at_hand => at_hand,
        });
        (tracked, progress)
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_ready() {
            self.progress.note();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
