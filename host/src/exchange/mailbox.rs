//! Where interim responses wait for a client's connection: posted by the fetch that its request caused, taken by the
//! listener between two messages.
//!
//! A mailbox belongs to one connection and serves one exchange after another. Nothing is in it, and nobody looks, until an
//! exchange takes a `Slip`; `close` ends that with the final response. What comes later, or too much, is dropped: an
//! interim response is a hint.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use bytes::{Bytes, BytesMut};

/// Bytes of one exchange's interim responses, at most: twice what nginx allows the head of a final one. Browsers heed the
/// first `103` only.
const BYTES_MAX: usize = 16 * 1024;

/// One connection's mailbox. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Mailbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Read and written by the connection's own task only, so that an exchange that fetches nothing costs no lock.
    in_use: AtomicBool,
    mail: Mutex<Mail>,
}

#[derive(Debug, Default)]
struct Mail {
    /// Which exchange it is for.
    turn: u64,
    /// No final response yet.
    open: bool,
    /// Bytes posted so far.
    posted: usize,
    waiting: BytesMut,
    reader: Option<Waker>,
}

/// The right to post for one exchange.
#[derive(Debug)]
pub struct Slip {
    mailbox: Mailbox,
    turn: u64,
}

/// What the listener finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// These bytes, perhaps none, and there may be more.
    Open(Bytes),
    /// These bytes are the last before the final response.
    Closed(Bytes),
}

impl Mailbox {
    /// For the exchange that is under way. Taken twice, it is the same.
    pub fn slip(&self) -> Slip {
        let mut mail = self.mail();
        if !mail.open {
            *mail = Mail { turn: mail.turn + 1, open: true, reader: mail.reader.take(), ..Mail::default() };
        }
        self.0.in_use.store(true, Ordering::Relaxed);
        Slip { mailbox: self.clone(), turn: mail.turn }
    }

    /// The final response is there: nothing is posted after it. What waits may still be taken, once.
    pub fn close(&self) {
        if self.in_use() {
            self.mail().open = false;
        }
    }

    /// Is there anything to look for?
    pub fn in_use(&self) -> bool {
        self.0.in_use.load(Ordering::Relaxed)
    }

    /// Takes all that waits. While the mailbox is open, `cx` is woken when more comes.
    pub fn take(&self, cx: &Context<'_>) -> Found {
        let mut mail = self.mail();
        let bytes = mail.waiting.split().freeze();
        if !mail.open {
            self.0.in_use.store(false, Ordering::Relaxed);
            return Found::Closed(bytes);
        }
        match &mut mail.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Found::Open(bytes)
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.0.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slip {
    /// Leaves a serialised head, unless its exchange has its final response, or has had its share.
    pub fn post(&self, head: &[u8]) {
        let mut mail = self.mailbox.mail();
        let late = !mail.open || mail.turn != self.turn;
        if late || mail.posted + head.len() > BYTES_MAX {
            return;
        }
        mail.posted += head.len();
        mail.waiting.extend_from_slice(head);
        let reader = mail.reader.clone();
        drop(mail);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(mailbox: &Mailbox) -> Found {
        mailbox.take(&Context::from_waker(Waker::noop()))
    }

    fn open(bytes: &'static str) -> Found {
        Found::Open(Bytes::from_static(bytes.as_bytes()))
    }

    fn closed(bytes: &'static str) -> Found {
        Found::Closed(Bytes::from_static(bytes.as_bytes()))
    }

    #[test]
    fn what_is_posted_before_the_final_response_is_found_once() {
        let mailbox = Mailbox::default();
        assert!(!mailbox.in_use());
        let slip = mailbox.slip();
        slip.post(b"a");
        mailbox.slip().post(b"b");
        assert_eq!(take(&mailbox), open("ab"));
        slip.post(b"c");
        mailbox.close();
        slip.post(b"late");
        assert_eq!((take(&mailbox), mailbox.in_use()), (closed("c"), false));
    }

    #[test]
    fn a_slip_is_good_for_its_own_exchange_only() {
        let mailbox = Mailbox::default();
        let first = mailbox.slip();
        first.post(b"never taken");
        mailbox.close();
        let second = mailbox.slip();
        first.post(b"late");
        assert_eq!(take(&mailbox), open(""));
        second.post(b"mine");
        assert_eq!(take(&mailbox), open("mine"));
    }

    #[test]
    fn there_is_an_end_to_what_may_be_posted() {
        let mailbox = Mailbox::default();
        let slip = mailbox.slip();
        slip.post(&[b'x'; BYTES_MAX - 1]);
        assert!(matches!(take(&mailbox), Found::Open(bytes) if bytes.len() == BYTES_MAX - 1));
        slip.post(b"yy");
        slip.post(b"y");
        assert_eq!(take(&mailbox), open("y"));
        mailbox.close();
        mailbox.slip().post(b"the next exchange has its own share");
        assert_eq!(take(&mailbox), open("the next exchange has its own share"));
    }
}
