//! The reading end of a flight: waits for the head, then is the body.
//!
//! The request that caused the fetch reads through one of these too, so that no client's going away touches another's
//! answer. Dropping a follower gives its seat back, and nothing else.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use prometheus::IntGauge;

use super::entry::Head;
use super::flight::{FetchFailure, Flight, Phase, Piece};
use super::tier::Reader;
use crate::body::BodyError;

/// A request's seat in a flight.
pub struct Follower {
    flight: Arc<Flight>,
    seat: usize,
    /// Reads what is no longer in memory.
    behind: Option<Reader>,
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
        Self { flight, seat, behind: None, waiting }
    }

    /// Begins with the byte at this position. Call before the first is read.
    pub fn seek(&mut self, at: u64) {
        self.flight.move_on(self.seat, at);
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

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { flight, seat, behind, .. } = &mut *self;
        let (at, written) = match ready!(flight.poll_next(*seat, cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            Some(Ok(Piece::Here(chunk))) => {
                *behind = None;
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            Some(Ok(Piece::Behind { at, written })) => (at, written),
        };
        let Some(slices) = flight.slices() else { return Poll::Ready(Some(Err(BodyError::Abandoned))) };
        let reader = behind.get_or_insert_with(|| Reader::new(slices.clone()));
        let Some(chunk) = ready!(reader.poll_read(&(at..written), written, cx)) else {
            return Poll::Ready(Some(Err(BodyError::SliceLost)));
        };
        flight.move_on(*seat, at + chunk.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.flight.finished(self.seat)
    }

    fn size_hint(&self) -> SizeHint {
        self.flight.left(self.seat).map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::cache::lookup::tests::house;

    #[tokio::test]
    async fn a_reader_knows_how_much_is_still_to_come_and_when_nothing_is() {
        let house = house();
        let lead = house.lead();
        let follower = lead.follower();
        let mut filling = lead.fill(house.head(Some(3)));
        let Landing::Shared(_, mut follower) = follower.landing().await else { panic!("the head is here") };
        for (piece, left) in [("ab", 1), ("c", 0)] {
            filling.push(Bytes::from_static(piece.as_bytes())).await.expect("somebody reads");
            follower.frame().await.expect("a frame").expect("data");
            assert_eq!((follower.size_hint().exact(), follower.is_end_stream()), (Some(left), left == 0), "{piece}");
        }
    }
}
