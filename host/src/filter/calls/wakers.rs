//! Those who wait for a change.

use std::mem;
use std::task::{Context, Waker};

#[derive(Debug, Default)]
pub(in crate::filter) struct Wakers(Vec<Waker>);

impl Wakers {
    /// Has `cx` woken at the next change.
    pub(in crate::filter) fn watch(&mut self, cx: &Context<'_>) {
        if !self.0.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.0.push(cx.waker().clone());
        }
    }

    /// Those to wake after a change, once nothing is locked that they need.
    pub(in crate::filter) fn take(&mut self) -> Vec<Waker> {
        mem::take(&mut self.0)
    }
}
