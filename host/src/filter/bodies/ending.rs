//! The end of a body, its last piece and its trailers, on its way through the filters of an exchange.
//!
//! As in Envoy. Where trailers follow, no piece is the last one: the trailers callback ends the message, and what a filter
//! has held back goes on with it. A filter that gives the last piece trailers makes them follow for those behind it.

use std::mem;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::super::ensemble::{Ended, Ensemble, joined};
use super::super::failure::Callback;
use super::super::instance::decision::Decision;
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

/// Whether an end goes on.
enum Flow {
    On,
    Held,
}

impl Ensemble {
    /// Takes the end of a body through the filters of `turns`, with what each of them has held back in its place in `held`.
    /// `None` where one of them waits for a call: the end stays in its place.
    pub(in crate::filter) fn on_end(
        &mut self,
        (direction, turns): (Direction, Range<usize>),
        held: &mut [BytesMut],
        ending: Ending,
    ) -> Result<Option<Ending>, Ended> {
        self.walk((direction, turns), held, ending, |ensemble, index, place, ending| {
            ensemble.end_in(index, direction, place, ending)
        })
    }

    /// One filter's part in `on_end`.
    fn end_in(
        &mut self,
        index: usize,
        direction: Direction,
        (heads, held): (&mut Heads, &mut BytesMut),
        ending: Ending,
    ) -> Result<Option<Ending>, Ended> {
        let interests = self.plugins[index].interests;
        let Some(trailers) = ending.trailers else {
            if !interests.in_body(direction) {
                return Ok(Some(ending));
            }
            let piece = Piece::last(direction, joined(held, ending.bytes));
            let (flow, Piece { bytes, trailers, .. }) = self.close((index, direction.callback()), heads, piece)?;
            let trailers = (!trailers.is_empty()).then_some(trailers);
            return Ok(self.end_or_hold((index, direction), held, (flow, Ending { bytes, trailers })));
        };
        let passed = match ending.bytes {
            none if none.is_empty() => None,
            bytes => self.step(direction, index, (heads, held), bytes)?,
        };
        let piece = Piece::behind(direction, mem::take(held).freeze(), trailers);
        let (flow, Piece { bytes, trailers, .. }) = if interests.in_trailers(direction) {
            self.close((index, direction.trailers_callback()), heads, piece)?
        } else if self.pauses.held_by(direction, index) && self.seats.expects(index) {
            (Flow::Held, piece)
        } else {
            (Flow::On, piece)
        };
        // What was not passed is in the piece, and so is what the filter has put behind what was.
        let bytes = match passed {
            Some(passed) if bytes.is_empty() => passed,
            Some(passed) => joined(&mut BytesMut::from(passed), bytes),
            None => bytes,
        };
        let ending = Ending { bytes, trailers: Some(trailers) };
        Ok(self.end_or_hold((index, direction), held, (flow, ending)))
    }

    /// The end as it goes on, or `None` where it is held back.
    fn end_or_hold(
        &mut self,
        (index, direction): (usize, Direction),
        held: &mut BytesMut,
        (flow, ending): (Flow, Ending),
    ) -> Option<Ending> {
        match flow {
            Flow::On => {
                self.pauses.let_go(direction, index);
                Some(ending)
            }
            Flow::Held => {
                *held = BytesMut::from(ending.bytes);
                self.pauses.hold_end(direction, index, ending.trailers);
                None
            }
        }
    }

    /// Hands the end of a message to one filter, and gives back what it made of it.
    fn close(
        &mut self,
        (index, callback): (usize, Callback),
        heads: &mut Heads,
        mut piece: Piece,
    ) -> Result<(Flow, Piece), Ended> {
        let plugin = &*self.plugins[index];
        // Where a failure is passed over, the filter's part in the end must not show.
        let before = (plugin.profile.on_error == OnError::FailOpen).then(|| piece.clone());
        let decision = self.seats.body(index, plugin, (callback, heads), (&mut piece, EndOfStream::Yes));
        self.ended = match (decision, before) {
            (Ok(Decision::Continue | Decision::Done), _) => return Ok((Flow::On, piece)),
            // Only where an answer to a call may let it go.
            (Ok(Decision::Pause), _) => return Ok((Flow::Held, piece)),
            (Err(_), Some(before)) => return Ok((Flow::On, before)),
            (Ok(Decision::Reply(reply)), _) => Some(Verdict::Reply(*reply)),
            (Ok(Decision::Close), _) => Some(Verdict::Close),
            (Err(failure), None) => Some(Verdict::Fail(failure)),
        };
        Err(Ended)
    }
}
