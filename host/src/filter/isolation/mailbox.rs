//! What a context of a shared instance is wished by others in it: by the plugin's own, by those of other exchanges.
//!
//! A guest that acts for another exchange than the one at hand enters nothing: that one may be at work on another thread
//! just now, or wait behind a lock. So it is left a letter, and woken; it looks for letters before it waits, and before its
//! response goes on. While it holds a head back, a copy of its heads lies here for others to read and to change.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Context;

use super::super::bodies::heads::Heads;
use super::super::calls::wakers::Wakers;
use super::super::instance::wish::Wish;

#[derive(Debug, Default)]
pub(in crate::filter) struct Mailbox(Mutex<Contents>);

#[derive(Debug, Default)]
struct Contents {
    wish: Wish,
    shown: Shown,
    state: State,
    wakers: Wakers,
}

/// What others see of the heads.
#[derive(Debug, Default)]
enum Shown {
    /// Nothing: no head is held back.
    #[default]
    None,
    /// Somebody has them.
    Lent,
    Heads(Draft),
}

/// Heads in the hands of others.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) heads: Box<Heads>,
    pub(super) changed: bool,
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
    /// Leaves a wish and what was lent, and wakes who waits.
    pub(super) fn post(&self, wish: Wish, draft: Option<Draft>) {
        let mut contents = self.contents();
        if let (Some(draft), Shown::Lent) = (draft, &contents.shown) {
            contents.shown = Shown::Heads(draft);
        }
        if wish.is_none() {
            return;
        }
        contents.wish.add(wish);
        wake(contents);
    }

    /// Nobody can write any more.
    pub(super) fn close(&self) {
        let mut contents = self.contents();
        contents.state = State::Closed;
        wake(contents);
    }

    /// Withdraws the wish to go on: it was about what is over now.
    pub(super) fn turn_the_page(&self) {
        self.contents().wish.resume = false;
    }

    /// Shows heads that are held back from now on.
    pub(super) fn hold(&self, heads: Heads) {
        self.contents().shown = Shown::Heads(Draft { heads: Box::new(heads), changed: false });
    }

    pub(super) fn holds(&self) -> bool {
        !matches!(self.contents().shown, Shown::None)
    }

    /// The heads, to be given back with the letter.
    pub(super) fn lend(&self) -> Option<Draft> {
        let mut contents = self.contents();
        if matches!(contents.shown, Shown::None) {
            return None;
        }
        match mem::replace(&mut contents.shown, Shown::Lent) {
            Shown::Heads(draft) => Some(draft),
            Shown::None | Shown::Lent => None,
        }
    }

    /// What others have made of the heads; from now on they are held back no more.
    pub(in crate::filter) fn release(&self) -> Option<Box<Heads>> {
        match mem::take(&mut self.contents().shown) {
            Shown::Heads(Draft { heads, changed: true }) => Some(heads),
            Shown::Heads(_) | Shown::None | Shown::Lent => None,
        }
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

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes who waits for these contents, once they are unlocked.
fn wake(mut contents: MutexGuard<'_, Contents>) {
    let wakers = contents.wakers.take();
    drop(contents);
    wakers.into_iter().for_each(|waker| waker.wake());
}
