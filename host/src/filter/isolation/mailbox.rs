//! What a context of a shared instance is wished by others in it: by the plugin's own, by those of other exchanges.
//!
//! A guest that acts for another exchange than the one at hand enters nothing: that one may be at work on another thread
//! just now, or wait behind a lock. So it is left a letter, and woken; it looks for letters before it waits, and before its
//! response goes on.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Context;

use super::super::calls::wakers::Wakers;
use super::super::instance::wish::Wish;

#[derive(Debug, Default)]
pub(in crate::filter) struct Mailbox(Mutex<Contents>);

#[derive(Debug, Default)]
struct Contents {
    wish: Wish,
    state: State,
    wakers: Wakers,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The context's instance is there, and more may come.
    #[default]
    Open,
    Closed,
    /// And its owner knows.
    Told,
}

/// What an owner finds in its mailbox.
#[derive(Debug)]
pub(in crate::filter) enum Letter {
    Wish(Wish),
    /// The instance is gone: nobody will write any more.
    Lost,
}

impl Mailbox {
    /// Leaves a wish, and wakes who waits for one.
    pub(super) fn post(&self, wish: Wish) {
        self.change(|contents| contents.wish.add(wish));
    }

    /// Nobody can write any more.
    pub(super) fn close(&self) {
        self.change(|contents| contents.state = State::Closed);
    }

    /// Withdraws the wish to go on: it was about what is over now.
    pub(super) fn turn_the_page(&self) {
        self.contents().wish.resume = false;
    }

    /// Takes what there is.
    pub(in crate::filter) fn take(&self) -> Option<Letter> {
        let mut contents = self.contents();
        if !contents.wish.is_none() {
            return Some(Letter::Wish(mem::take(&mut contents.wish)));
        }
        if contents.state == State::Closed {
            contents.state = State::Told;
            return Some(Letter::Lost);
        }
        None
    }

    /// Whether anything may come still.
    pub(in crate::filter) fn is_open(&self) -> bool {
        self.contents().state == State::Open
    }

    /// Has `cx` woken when something comes.
    pub(in crate::filter) fn watch(&self, cx: &Context<'_>) {
        self.contents().wakers.watch(cx);
    }

    fn change(&self, change: impl FnOnce(&mut Contents)) {
        let mut contents = self.contents();
        change(&mut contents);
        let wakers = contents.wakers.take();
        drop(contents);
        wakers.into_iter().for_each(|waker| waker.wake());
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
