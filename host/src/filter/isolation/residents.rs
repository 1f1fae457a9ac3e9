//! The contexts that live in a shared instance together, and what one of them wishes of another.
//!
//! Wishes are collected in a callback and delivered when it has ended well. With the instance its residents' mailboxes
//! close, so that nobody waits for letters that cannot come.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::instance::wish::Wish;
use super::mailbox::Mailbox;

#[derive(Debug, Default)]
pub(in crate::filter) struct Residents {
    mailboxes: BTreeMap<u32, Arc<Mailbox>>,
    letters: BTreeMap<u32, Wish>,
}

impl Residents {
    pub(in crate::filter) fn move_in(&mut self, context: u32, mailbox: Arc<Mailbox>) {
        self.mailboxes.insert(context, mailbox);
    }

    pub(in crate::filter) fn move_out(&mut self, context: u32) {
        self.mailboxes.remove(&context);
    }

    pub(in crate::filter) fn knows(&self, context: u32) -> bool {
        self.mailboxes.contains_key(&context)
    }

    /// What the guest wishes of `context`, to be added to; `None` where that does not live here.
    pub(in crate::filter) fn letter(&mut self, context: u32) -> Option<&mut Wish> {
        self.knows(context).then(|| self.letters.entry(context).or_default())
    }

    /// Notes that `context` is shown something new.
    pub(in crate::filter) fn turn_the_page(&self, context: u32) {
        if let Some(mailbox) = self.mailboxes.get(&context) {
            mailbox.turn_the_page();
        }
    }

    /// Delivers what the guest wished in the callback that is over.
    pub(in crate::filter) fn deliver(&mut self) {
        while let Some((context, wish)) = self.letters.pop_first() {
            if let Some(mailbox) = self.mailboxes.get(&context) {
                mailbox.post(wish);
            }
        }
    }
}

impl Drop for Residents {
    fn drop(&mut self) {
        self.mailboxes.values().for_each(|mailbox| mailbox.close());
    }
}
