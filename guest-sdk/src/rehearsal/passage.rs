//! A body on its way through a filter: what is to come, what the filter holds, and what it let go.

use std::collections::VecDeque;

use crate::body::End;

#[derive(Debug)]
pub(crate) struct Passage {
    ahead: VecDeque<Vec<u8>>,
    pub(crate) held: Vec<u8>,
    pub(crate) sent: Vec<u8>,
    last: End,
}

impl Passage {
    /// A body in pieces; `last` says whether its last piece ends the message.
    pub(crate) fn of(pieces: Vec<Vec<u8>>, last: End) -> Self {
        Self { ahead: pieces.into(), held: Vec::new(), sent: Vec::new(), last }
    }

    /// Brings the next piece to what is held: how much that is, and whether it is the end.
    pub(crate) fn next(&mut self) -> Option<(usize, bool)> {
        self.held.extend(self.ahead.pop_front()?);
        Some((self.held.len(), self.ahead.is_empty() && self.last == End::Reached))
    }

    /// Everything that was let go, with what is still held where the message goes on.
    pub(crate) fn into_sent(mut self) -> Vec<u8> {
        self.sent.append(&mut self.held);
        self.sent
    }
}
