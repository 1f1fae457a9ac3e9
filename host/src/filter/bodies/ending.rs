//! The end of a body, its last piece and its trailers, on its way through the filters of an exchange.
//!
//! As in Envoy. Where trailers follow, no piece is the last one: the trailers callback ends the message, and what a filter
//! has held back goes on with it. A filter that gives the last piece trailers makes them follow for those behind it.

use std::mem;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::super::ensemble::{Ended, Ensemble, joined};
use super::super::failure::Callback;
use super::super::instance::Decision;
use super::super::stream::EndOfStream;
use super::super::verdict::Verdict;
use super::direction::Direction;
use super::heads::Heads;
use super::piece::Piece;
use crate::config::OnError;

#[derive(Debug, Default)]
pub(in crate::filter) struct Ending {
    pub(in crate::filter) bytes: Bytes,
    pub(in crate::filter) trailers: Option<HeaderMap>,
}

impl Ensemble {
    /// Takes the end of a body through the filters, with what each of them has held back in its place in `held`.
    pub(in crate::filter) fn on_end(
        &mut self,
        direction: Direction,
        held: &mut [BytesMut],
        ending: Ending,
    ) -> Result<Ending, Ended> {
        let Some(mut heads) = self.kept.take() else { return Ok(ending) };
        self.seats.start_watch();
        let count = held.len().min(self.seats.count());
        let mut outcome = Ok(ending);
        for step in 0..count {
            let index = if direction == Direction::Request { step } else { count - 1 - step };
            let Ok(ending) = outcome else { break };
            outcome = self.end_in(index, direction, (&mut heads, &mut held[index]), ending);
        }
        self.kept = Some(heads);
        outcome
    }

    /// One filter's part in `on_end`.
    fn end_in(
        &mut self,
        index: usize,
        direction: Direction,
        (heads, held): (&mut Heads, &mut BytesMut),
        ending: Ending,
    ) -> Result<Ending, Ended> {
        let interests = self.plugins[index].interests;
        let Some(trailers) = ending.trailers else {
            if !interests.in_body(direction) {
                return Ok(ending);
            }
            let piece = Piece::last(direction, joined(held, ending.bytes));
            let piece = self.close((index, direction.callback()), heads, piece)?;
            let trailers = (!piece.trailers.is_empty()).then_some(piece.trailers);
            return Ok(Ending { bytes: piece.bytes, trailers });
        };
        let passed = match ending.bytes {
            none if none.is_empty() => None,
            bytes => self.step(direction, index, (heads, held), bytes)?,
        };
        let mut piece = Piece::behind(direction, mem::take(held).freeze(), trailers);
        if interests.in_trailers(direction) {
            piece = self.close((index, direction.trailers_callback()), heads, piece)?;
        }
        // What was not passed is in the piece.
        Ok(Ending { bytes: passed.unwrap_or(piece.bytes), trailers: Some(piece.trailers) })
    }

    /// Hands the end of a message to one filter, and gives back what it made of it.
    fn close(
        &mut self,
        (index, callback): (usize, Callback),
        heads: &mut Heads,
        mut piece: Piece,
    ) -> Result<Piece, Ended> {
        let plugin = &*self.plugins[index];
        // Where a failure is passed over, the filter's part in the end must not show.
        let before = (plugin.profile.on_error == OnError::FailOpen).then(|| piece.clone());
        let decision = self.seats.body(index, plugin, (callback, heads), (&mut piece, EndOfStream::Yes));
        self.ended = match (decision, before) {
            (Ok(Decision::Continue | Decision::Pause), _) => return Ok(piece),
            (Err(_), Some(before)) => return Ok(before),
            (Ok(Decision::Reply(reply)), _) => Some(Verdict::Reply(*reply)),
            (Ok(Decision::Close), _) => Some(Verdict::Close),
            (Err(failure), None) => Some(Verdict::Fail(failure)),
        };
        Err(Ended)
    }
}
