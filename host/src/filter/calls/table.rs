//! The calls of one exchange that are not answered yet, by the seat of the filter that made them.

use std::mem;

use super::outcall::Outcall;

#[derive(Default)]
pub(in crate::filter) struct CallTable {
    /// Made in a callback that is over, and not on their way yet.
    wished: Vec<(usize, Outcall)>,
    /// Seat and token of those on their way.
    flying: Vec<(usize, u32)>,
}

impl CallTable {
    /// Takes over what the filter in `seat` has asked for.
    pub(in crate::filter) fn wish(&mut self, seat: usize, calls: Vec<Outcall>) {
        self.wished.extend(calls.into_iter().map(|call| (seat, call)));
    }

    /// Whether the filter in `seat` has an answer to come.
    pub(in crate::filter) fn has(&self, seat: usize) -> bool {
        self.wished.iter().map(|(seat, _)| seat).chain(self.flying.iter().map(|(seat, _)| seat)).any(|of| *of == seat)
    }

    pub(in crate::filter) fn is_empty(&self) -> bool {
        self.wished.is_empty() && self.flying.is_empty()
    }

    /// Whether there are calls to send off.
    pub(in crate::filter) fn has_wishes(&self) -> bool {
        !self.wished.is_empty()
    }

    /// Those to send off; from now on they are on their way.
    pub(in crate::filter) fn depart(&mut self) -> Vec<(usize, Outcall)> {
        let wished = mem::take(&mut self.wished);
        self.flying.extend(wished.iter().map(|(seat, call)| (*seat, call.token)));
        wished
    }

    /// Gives up those to send off.
    pub(in crate::filter) fn drop_wishes(&mut self) {
        self.wished.clear();
    }

    /// Notes that a call has ended. `false` where nobody waits for it any more.
    pub(in crate::filter) fn land(&mut self, seat: usize, token: u32) -> bool {
        let place = self.flying.iter().position(|flying| *flying == (seat, token));
        place.map(|place| self.flying.swap_remove(place)).is_some()
    }
}
