//! What a guest asked for in a callback, done when the callback is over.

use super::super::verdict::LocalReply;

#[derive(Debug, Default)]
pub(in crate::filter) struct Wish {
    pub(in crate::filter) reply: Option<Box<LocalReply>>,
    pub(in crate::filter) close: bool,
    pub(in crate::filter) resume: bool,
    pub(in crate::filter) done: bool,
}

impl Wish {
    pub(in crate::filter) fn is_none(&self) -> bool {
        self.reply.is_none() && !self.close && !self.resume && !self.done
    }

    /// Adds what was wished later. Of two replies the first stands: its exchange is answered.
    pub(in crate::filter) fn add(&mut self, later: Self) {
        let Self { reply, close, resume, done } = later;
        self.reply = self.reply.take().or(reply);
        self.close |= close;
        self.resume |= resume;
        self.done |= done;
    }
}
