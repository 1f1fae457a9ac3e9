//! The contexts that live in a shared instance together, and what one of them wishes of another.
//!
//! Wishes are collected in a callback and delivered when it has ended well. With the instance its residents' mailboxes
//! close, so that nobody waits for letters that cannot come.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::bodies::heads::Heads;
use super::super::instance::wish::Wish;
use super::mailbox::{Draft, Mailbox};

#[derive(Debug, Default)]
pub(in crate::filter) struct Residents {
    mailboxes: BTreeMap<u32, Arc<Mailbox>>,
    letters: BTreeMap<u32, Letter>,
}

/// What the guest has for another context, as long as the callback lasts.
#[derive(Debug)]
struct Letter {
    wish: Wish,
    draft: Option<Draft>,
}

impl Residents {
    pub(in crate::filter) fn move_in(&mut self, context: u32, mailbox: Arc<Mailbox>) {
        self.mailboxes.insert(context, mailbox);
    }

    pub(in crate::filter) fn move_out(&mut self, context: u32) {
        self.mailboxes.remove(&context);
    }

    pub(in crate::filter) fn is_empty(&self) -> bool {
        self.mailboxes.is_empty()
    }

    /// Begins a letter to `context`; `false` where that does not live here.
    pub(in crate::filter) fn turn_to(&mut self, context: u32) -> bool {
        let Some(mailbox) = self.mailboxes.get(&context) else { return false };
        self.letters.entry(context).or_insert_with(|| Letter { wish: Wish::default(), draft: mailbox.lend() });
        true
    }

    /// What the guest wishes of `context`, to whom it has turned.
    pub(in crate::filter) fn wish_mut(&mut self, context: u32) -> Option<&mut Wish> {
        self.letters.get_mut(&context).map(|letter| &mut letter.wish)
    }

    /// The heads that `context` holds back.
    pub(in crate::filter) fn heads(&self, context: u32) -> Option<&Heads> {
        self.letters.get(&context)?.draft.as_ref().map(|draft| &*draft.heads)
    }

    /// The same, to be changed.
    pub(in crate::filter) fn heads_mut(&mut self, context: u32) -> Option<&mut Heads> {
        let draft = self.letters.get_mut(&context)?.draft.as_mut()?;
        draft.changed = true;
        Some(&mut draft.heads)
    }

    /// All heads that the guest has changed for others.
    pub(in crate::filter) fn changed_heads(&self) -> impl Iterator<Item = &Heads> {
        let drafts = self.letters.values().filter_map(|letter| letter.draft.as_ref());
        drafts.filter(|draft| draft.changed).map(|draft| &*draft.heads)
    }

    /// What others have made of the heads of `context`, which is about to be entered.
    pub(in crate::filter) fn take_back(&self, context: u32) -> Option<Box<Heads>> {
        let Draft { heads, changed } = self.mailboxes.get(&context)?.lend()?;
        changed.then_some(heads)
    }

    /// Shows the heads of `context`, which holds them back or began to do so before.
    pub(in crate::filter) fn show(&self, context: u32, holds: Holds, heads: impl FnOnce() -> Heads) {
        if let Some(mailbox) = self.mailboxes.get(&context)
            && (holds == Holds::FromNow || mailbox.holds())
        {
            mailbox.hold(heads());
        }
    }

    /// Notes that `context` is shown something new.
    pub(in crate::filter) fn turn_the_page(&self, context: u32) {
        if let Some(mailbox) = self.mailboxes.get(&context) {
            mailbox.turn_the_page();
        }
    }

    /// Delivers what the guest wished in the callback that is over.
    pub(in crate::filter) fn deliver(&mut self) {
        while let Some((context, Letter { wish, draft })) = self.letters.pop_first() {
            if let Some(mailbox) = self.mailboxes.get(&context) {
                mailbox.post(wish, draft);
            }
        }
    }
}

/// Whether a context holds its head back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Holds {
    FromNow,
    /// As it did before.
    AsBefore,
}

impl Drop for Residents {
    fn drop(&mut self) {
        self.mailboxes.values().for_each(|mailbox| mailbox.close());
    }
}
