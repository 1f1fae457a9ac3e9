//! The reading end of a flight: waits for the head, then is the body.
//!
//! The request that caused the fetch reads through one of these too, so that no client's going away touches another's
//! answer. Dropping a follower gives its seat back, and nothing else.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use prometheus::IntGauge;

use super::entry::Head;
use super::flight::{FetchFailure, Flight, Phase};
use crate::body::BodyError;

/// A request's seat in a flight.
pub struct Follower {
    flight: Arc<Flight>,
    seat: usize,
    /// Counted while this reads another request's fetch.
    waiting: Option<IntGauge>,
}

/// How a fetch came out for one who waited.
pub enum Landing {
    /// The head; the follower is the body now.
    Shared(Arc<Head>, Follower),
    /// The answer is for one request only: fetch alone.
    Released,
    /// The fetch was given up: look up again, somebody must take over.
    Lost,
    /// There is no answer, for nobody.
    Failed(FetchFailure),
}

impl Follower {
    pub(super) fn seated(flight: Arc<Flight>, seat: usize, waiting: Option<IntGauge>) -> Self {
        if let Some(gauge) = &waiting {
            gauge.inc();
        }
        Self { flight, seat, waiting }
    }

    /// Waits until the fetch has a head or is decided otherwise. Cancelling it leaves the flight.
    pub async fn landing(self) -> Landing {
        let phase = poll_fn(|cx| self.flight.poll_landed(self.seat, cx)).await;
        match (phase, self.flight.head.get().cloned()) {
            (Phase::Released, _) => Landing::Released,
            (Phase::Alone | Phase::AloneComplete, _) if self.waiting.is_some() => Landing::Released,
            (Phase::Failed(failure), _) => Landing::Failed(failure),
            (
                Phase::Streaming | Phase::Complete | Phase::Alone | Phase::AloneComplete | Phase::Broken(_),
                Some(head),
            ) => Landing::Shared(head, self),
            _ => Landing::Lost,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.flight.leave(self.seat);
        if let Some(gauge) = &self.waiting {
            gauge.dec();
        }
    }
}

impl Body for Follower {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.flight.poll_next(self.seat, cx).map(|next| next.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.flight.finished(self.seat)
    }

    fn size_hint(&self) -> SizeHint {
        self.flight.head.get().and_then(|head| head.length).map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
