//! A response body that holds its connection until it has been read, and tells its origin's metrics when it breaks off.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use super::metrics::OriginMetrics;
use super::pool::Leased;
use crate::body::{Body, BodyError};

/// The body of a response, holding its connection until it has been read.
pub(super) fn lend(body: Incoming, leased: Leased, read_timeout: Duration, watch: Watch) -> Body {
    if body.is_end_stream() {
        leased.give_back();
        return Body::Empty;
    }
    let paced = Body::stream(Lent { body, leased: Some(leased) }).paced(read_timeout);
    Body::stream(Watched { body: paced, watch })
}

/// A response body that gives its connection back at its end.
struct Lent {
    body: Incoming,
    leased: Option<Leased>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        let trailers = matches!(&frame, Some(Ok(frame)) if frame.is_trailers());
        let over = frame.is_none() || trailers || self.body.is_end_stream();
        match &frame {
            Some(Err(_)) => self.leased = None,
            _ if over => {
                if let Some(leased) = self.leased.take() {
                    leased.give_back();
                }
            }
            _ => {}
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Who learns of a body that breaks off.
pub(super) struct Watch {
    pub(super) metrics: OriginMetrics,
    pub(super) server: Arc<str>,
}

/// A response body whose breaking off is counted as its origin's failure.
struct Watched {
    body: Body,
    watch: Watch,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Err(error)) = &frame {
            self.watch.metrics.count(error.word());
            tracing::warn!(server = %self.watch.server, failure = error.word(), cause = %error, "response broke off");
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
