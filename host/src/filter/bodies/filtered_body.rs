//! A body on its way through the filters of its exchange.
//!
//! Each piece that comes is handed to them as far as they let it, and only what comes out at the other end is passed on:
//! nothing is read ahead but for a filter that holds the head back meanwhile, so that a slow reader slows the sender down.
//! What a filter holds back goes on when it lets it, also from the answer to a call. It knows no guest; `Ensemble` does.

use std::future::poll_fn;
use std::mem;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;

use super::super::calls::pauses::Holding;
use super::super::ensemble::{Ended, Shared, lock};
use super::super::stream::EndOfStream;
use super::super::verdict::Verdict;
use super::direction::Direction;
use super::ending::Ending;
use crate::body::{Body, BodyError};

/// What a guest is shown at once: a frame of HTTP/2 or TLS, as in Envoy. A callback has a deadline, and a body that comes
/// from the store comes in one piece.
const PIECE_BYTES_MAX: usize = 16 * 1024;

pub(in crate::filter) struct FilteredBody {
    shared: Shared,
    direction: Direction,
    /// The filters that it passes.
    seats: Range<usize>,
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
    /// Whether a filter holds anything back, and may let it go by itself.
    watch: Watch,
    /// How long what is held back at the end may be.
    patience: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    Needless,
    Needed,
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
    /// The last byte has come, and a filter holds something back.
    Draining,
    /// The last byte has gone out; trailers may be left.
    Ending,
    Over,
}

impl FilteredBody {
    pub(in crate::filter) fn new(shared: Shared, (direction, seats): (Direction, Range<usize>), inner: Body) -> Self {
        let ensemble = lock(&shared);
        let coming = inner.size_hint().exact();
        let piece_max = ensemble.plugins.first().map_or(usize::MAX, |plugin| plugin.profile.limits.body_buffer_max);
        let going = coming.filter(|_| !ensemble.seats.notes().is_some_and(|notes| notes.resized.has(direction)));
        let held = (0..seats.end).map(|_| BytesMut::new()).collect();
        drop(ensemble);
        Self {
            shared,
            direction,
            seats,
            inner,
            held,
            piece_max: piece_max.clamp(1, PIECE_BYTES_MAX),
            rest: Bytes::new(),
            coming,
            going,
            trailers: None,
            first: None,
            stage: Stage::Flowing,
            watch: Watch::Needless,
            patience: None,
        }
    }

    /// Waits until the first frame, an error or the end would go out.
    pub(in crate::filter) async fn begin(&mut self) {
        self.first = poll_fn(|cx| self.poll_out(cx)).await;
    }

    /// Reads ahead while a filter holds the head back: until something would go out, which lets the head go, or the head
    /// goes on or ends by itself.
    pub(in crate::filter) async fn read_ahead(&mut self) -> Verdict {
        // The filter may still say that the length changes.
        let promised = self.going.take();
        let said = poll_fn(|cx| {
            if let Poll::Ready(said) = lock(&self.shared).poll_said(cx) {
                return Poll::Ready(Some(said));
            }
            self.poll_out(cx).map(|first| {
                self.first = first;
                None
            })
        });
        let said = said.await;
        let mut ensemble = lock(&self.shared);
        ensemble.pauses.head = None;
        let resized = ensemble.seats.notes().is_some_and(|notes| notes.resized.has(self.direction));
        let gone = self.first.as_ref().and_then(|first| first.as_ref().ok()?.data_ref()).map_or(0, Bytes::len) as u64;
        self.going = promised.filter(|_| !resized).map(|promised| promised.saturating_sub(gone));
        said.or_else(|| ensemble.ended.take()).unwrap_or(Verdict::Continue)
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        while matches!(self.stage, Stage::Flowing | Stage::Draining) {
            match ready!(self.poll_passed(cx)) {
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

    /// What gets through the filters next, empty where nothing does: what one of them lets go, else of what comes.
    fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, BodyError>> {
        if self.watch == Watch::Needed
            && let Some(passed) = self.pass_released(cx)
        {
            return Poll::Ready(passed);
        }
        if self.stage == Stage::Draining {
            return self.poll_patience(cx).map(Ok);
        }
        let arrived = ready!(self.poll_arrival(cx));
        Poll::Ready(arrived.and_then(|arrival| self.pass(self.seats.clone(), arrival)))
    }

    /// Takes what a filter has let go through those behind it; `None` where none has, and the next that does wakes `cx`.
    fn pass_released(&mut self, cx: &Context<'_>) -> Option<Result<Bytes, BodyError>> {
        let mut ensemble = lock(&self.shared);
        ensemble.hear();
        if ensemble.ended.is_some() {
            return Some(Err(BodyError::Filtered));
        }
        let Some(Holding { seat, end, trailers, .. }) = ensemble.pauses.take_released(self.direction) else {
            ensemble.watch(cx);
            return None;
        };
        drop(ensemble);
        self.patience = None;
        let bytes = mem::take(&mut self.held[seat]).freeze();
        let behind = self.direction.behind(seat, &self.seats);
        let arrival = match end {
            EndOfStream::No => Arrival::Piece(bytes),
            EndOfStream::Yes => Arrival::End(Ending { bytes, trailers }),
        };
        Some(self.pass(behind, arrival))
    }

    /// Waits for a filter that holds the rest back, as long as it may.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let shared = &self.shared;
        let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(lock(shared).pause_max())));
        ready!(patience.as_mut().poll(cx));
        self.patience = None;
        lock(shared).body_overdue(self.direction);
        Poll::Ready(Bytes::new())
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

    /// Takes what came through the filters of `turns`; empty where nothing of it may go on yet.
    fn pass(&mut self, turns: Range<usize>, arrival: Arrival) -> Result<Bytes, BodyError> {
        let mut ensemble = lock(&self.shared);
        let turns = (self.direction, turns);
        let (stage, passed) = match arrival {
            Arrival::Piece(bytes) => {
                let passed = ensemble.on_body(turns, &mut self.held, bytes);
                (self.stage, passed.map(|bytes| bytes.map(|bytes| Ending { bytes, trailers: None })))
            }
            Arrival::End(ending) => {
                let passed = ensemble.on_end(turns, &mut self.held, ending);
                (if matches!(passed, Ok(None)) { Stage::Draining } else { Stage::Ending }, passed)
            }
        };
        ensemble.depart(&self.shared);
        self.watch = if ensemble.pauses.holds(self.direction) { Watch::Needed } else { Watch::Needless };
        drop(ensemble);
        let Ending { bytes, trailers } = passed.map_err(|Ended| BodyError::Filtered)?.unwrap_or_default();
        self.stage = stage;
        // A body of a promised length ends with its last byte.
        self.trailers = trailers.filter(|trailers| !trailers.is_empty() && self.going.is_none());
        if let Some(going) = self.going {
            let left = going.checked_sub(bytes.len() as u64);
            let left = left.filter(|left| *left == 0 || self.stage != Stage::Ending).ok_or(BodyError::Resized)?;
            self.going = Some(left);
        }
        Ok(bytes)
    }

    /// Has the last byte gone out?
    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Ending | Stage::Over)
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
        self.is_over() && !left
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
            None if self.is_over() && self.trailers.is_none() => SizeHint::with_exact(first),
            None => SizeHint::default(),
        }
    }
}
