//! A body on its way through the filters of its exchange.
//!
//! Each piece that comes is handed to them as far as they let it, and only what comes out at the other end is passed on:
//! nothing is read ahead, so that a slow reader slows the sender down. It knows no guest; `Ensemble` does.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::super::ensemble::{Ended, Shared, lock};
use super::direction::Direction;
use super::ending::Ending;
use crate::body::{Body, BodyError};

/// What a guest is shown at once: a frame of HTTP/2 or TLS, as in Envoy. A callback has a deadline, and a body that comes
/// from the store comes in one piece.
const PIECE_BYTES_MAX: usize = 16 * 1024;

pub(in crate::filter) struct FilteredBody {
    shared: Shared,
    direction: Direction,
    inner: Body,
    /// What each filter holds back, in chain order.
    held: Box<[BytesMut]>,
    /// Bytes that a guest is shown at once.
    piece_max: usize,
    /// What is left of a frame larger than that.
    rest: Bytes,
    /// Bytes still to come, where their number is known.
    coming: Option<u64>,
    /// Bytes still to go out, where their number was promised.
    going: Option<u64>,
    trailers: Option<HeaderMap>,
    /// The first frame, where it was asked for beforehand.
    first: Option<Result<Frame<Bytes>, BodyError>>,
    stage: Stage,
}

/// What comes next of a body.
enum Arrival {
    /// More follows.
    Piece(Bytes),
    End(Ending),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Flowing,
    /// The last byte has gone out; trailers may be left.
    Ending,
    Over,
}

impl FilteredBody {
    pub(in crate::filter) fn new(shared: Shared, direction: Direction, inner: Body) -> Self {
        let ensemble = lock(&shared);
        let coming = inner.size_hint().exact();
        let piece_max = ensemble.plugins.first().map_or(usize::MAX, |plugin| plugin.profile.limits.body_buffer_max);
        let going = coming.filter(|_| !ensemble.seats.notes().is_some_and(|notes| notes.resized.has(direction)));
        let held = (0..ensemble.seats.count()).map(|_| BytesMut::new()).collect();
        drop(ensemble);
        Self {
            shared,
            direction,
            inner,
            held,
            piece_max: piece_max.clamp(1, PIECE_BYTES_MAX),
            rest: Bytes::new(),
            coming,
            going,
            trailers: None,
            first: None,
            stage: Stage::Flowing,
        }
    }

    /// Waits until the first frame, an error or the end would go out.
    pub(in crate::filter) async fn begin(&mut self) {
        self.first = poll_fn(|cx| self.poll_out(cx)).await;
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        while self.stage == Stage::Flowing {
            match ready!(self.poll_arrival(cx)).and_then(|arrival| self.pass(arrival)) {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Err(error) => {
                    self.stage = Stage::Over;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        self.stage = Stage::Over;
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    /// What comes next: the data up to where it ends, then the end.
    fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arrival, BodyError>> {
        while self.rest.is_empty() {
            let data = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                None => return Poll::Ready(Ok(Arrival::End(Ending::default()))),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(frame) => {
                        let ending = Ending { bytes: Bytes::new(), trailers: frame.into_trailers().ok() };
                        return Poll::Ready(Ok(Arrival::End(ending)));
                    }
                },
            };
            self.coming = self.coming.map(|coming| coming.saturating_sub(data.len() as u64));
            self.rest = data;
        }
        let bytes = self.rest.split_to(self.piece_max.min(self.rest.len()));
        let last = self.rest.is_empty() && (self.coming == Some(0) || self.inner.is_end_stream());
        let arrival = if last { Arrival::End(Ending { bytes, trailers: None }) } else { Arrival::Piece(bytes) };
        Poll::Ready(Ok(arrival))
    }

    /// Takes what came through the filters; empty where nothing of it may go on yet.
    fn pass(&mut self, arrival: Arrival) -> Result<Bytes, BodyError> {
        let mut ensemble = lock(&self.shared);
        let bytes = match arrival {
            Arrival::Piece(bytes) => {
                let passed = ensemble.on_body(self.direction, &mut self.held, bytes);
                passed.map_err(|Ended| BodyError::Filtered)?.unwrap_or_default()
            }
            Arrival::End(ending) => {
                let ending = ensemble.on_end(self.direction, &mut self.held, ending);
                let Ending { bytes, trailers } = ending.map_err(|Ended| BodyError::Filtered)?;
                // A body of a promised length ends with its last byte.
                self.trailers = trailers.filter(|trailers| !trailers.is_empty() && self.going.is_none());
                self.stage = Stage::Ending;
                bytes
            }
        };
        if let Some(going) = self.going {
            let left = going.checked_sub(bytes.len() as u64);
            let left = left.filter(|left| *left == 0 || self.stage == Stage::Flowing).ok_or(BodyError::Resized)?;
            self.going = Some(left);
        }
        Ok(bytes)
    }
}

impl HttpBody for FilteredBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.poll_out(cx)
    }

    fn is_end_stream(&self) -> bool {
        let left = self.first.is_some() || self.trailers.is_some();
        self.stage != Stage::Flowing && !left
    }

    /// Exact where the guests left the length as it was, and where the end is known already.
    fn size_hint(&self) -> SizeHint {
        if matches!(self.first, Some(Err(_))) {
            // What never comes whole must not look like a whole that is empty.
            return SizeHint::default();
        }
        let first = self.first.as_ref().and_then(|first| first.as_ref().ok()?.data_ref()).map_or(0, Bytes::len) as u64;
        match self.going {
            Some(left) => SizeHint::with_exact(first + left),
            None if self.stage != Stage::Flowing && self.trailers.is_none() => SizeHint::with_exact(first),
            None => SizeHint::default(),
        }
    }
}
