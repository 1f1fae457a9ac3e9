//! What the filters of one exchange hold back until a call is answered: a head, or the rest of a body.
//!
//! Whoever waits leaves a waker here and looks again when it is woken; `arrivals` and the end of a wait say how it goes on.

use std::task::{Context, Waker};

use http::HeaderMap;

use super::super::bodies::direction::Direction;
use super::super::failure::Callback;
use super::super::stream::EndOfStream;
use super::super::verdict::Verdict;
use super::wakers::Wakers;

#[derive(Default)]
pub(in crate::filter) struct Pauses {
    /// At most one: the filters behind are not entered meanwhile.
    pub(in crate::filter) head: Option<HeadPause>,
    pub(in crate::filter) bodies: Vec<Holding>,
    wakers: Wakers,
}

/// A filter holds a message back at its head.
pub(in crate::filter) struct HeadPause {
    pub(in crate::filter) seat: usize,
    pub(in crate::filter) callback: Callback,
    /// Whether the filter is shown the body meanwhile, which may let it go too.
    pub(in crate::filter) reads_ahead: bool,
    /// How it goes on, once that is known.
    pub(in crate::filter) said: Option<Verdict>,
}

/// A filter holds back what came of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::filter) struct Holding {
    pub(in crate::filter) seat: usize,
    pub(in crate::filter) direction: Direction,
    /// Whether anything of the body is still to come.
    pub(in crate::filter) end: EndOfStream,
    /// What follows its end.
    pub(in crate::filter) trailers: Option<HeaderMap>,
    pub(in crate::filter) hold: Hold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Hold {
    Kept,
    /// To be passed on by whoever polls the body.
    Released,
}

impl Pauses {
    /// Notes that a filter holds a message back at its head.
    pub(in crate::filter) fn at_head(&mut self, seat: usize, callback: Callback) {
        self.head = Some(HeadPause { seat, callback, reads_ahead: false, said: None });
    }

    /// Notes that a filter holds a body back, and that more of it is to come.
    pub(in crate::filter) fn hold(&mut self, direction: Direction, seat: usize) {
        self.keep(Holding { seat, direction, end: EndOfStream::No, trailers: None, hold: Hold::Kept });
    }

    /// Notes that a filter holds the rest of a body back, and what follows it.
    pub(in crate::filter) fn hold_end(&mut self, direction: Direction, seat: usize, trailers: Option<HeaderMap>) {
        self.keep(Holding { seat, direction, end: EndOfStream::Yes, trailers, hold: Hold::Kept });
    }

    fn keep(&mut self, holding: Holding) {
        self.let_go(holding.direction, holding.seat);
        self.bodies.push(holding);
    }

    /// Notes that a filter holds nothing of a body any more.
    pub(in crate::filter) fn let_go(&mut self, direction: Direction, seat: usize) {
        if !self.bodies.is_empty() {
            self.bodies.retain(|holding| (holding.direction, holding.seat) != (direction, seat));
        }
    }

    /// How the head that is held back goes on; once, and only where that is known.
    pub(in crate::filter) fn take_said(&mut self) -> Option<Verdict> {
        let said = self.head.as_mut()?.said.take()?;
        self.head = None;
        Some(said)
    }

    /// Takes a release, if there is one, of a body.
    pub(in crate::filter) fn take_released(&mut self, direction: Direction) -> Option<Holding> {
        let released = |holding: &Holding| holding.direction == direction && holding.hold == Hold::Released;
        let place = self.bodies.iter().position(released)?;
        Some(self.bodies.swap_remove(place))
    }

    /// Whether the filter in `seat` holds this body back.
    pub(in crate::filter) fn held_by(&self, direction: Direction, seat: usize) -> bool {
        self.bodies.iter().any(|holding| (holding.direction, holding.seat) == (direction, seat))
    }

    /// Whether a filter holds this body back.
    pub(in crate::filter) fn holds(&self, direction: Direction) -> bool {
        self.bodies.iter().any(|holding| holding.direction == direction)
    }

    /// Lets what the filter in `seat` holds back go on.
    pub(in crate::filter) fn release(&mut self, seat: usize) {
        if let Some(head) = self.head.as_mut().filter(|head| head.seat == seat) {
            head.said.get_or_insert(Verdict::Continue);
        }
        for holding in self.bodies.iter_mut().filter(|holding| holding.seat == seat) {
            holding.hold = Hold::Released;
        }
    }

    /// Has `cx` woken at the next change.
    pub(in crate::filter) fn watch(&mut self, cx: &Context<'_>) {
        self.wakers.watch(cx);
    }

    /// Those to wake after a change, once the ensemble is unlocked.
    pub(in crate::filter) fn take_wakers(&mut self) -> Vec<Waker> {
        self.wakers.take()
    }
}
