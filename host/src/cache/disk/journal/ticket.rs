//! A promise that something was written down: kept, or broken with the reason.
//!
//! Whoever holds one may wait for it in a task or on a thread, or drop it; what it is about is written all the same.

use std::sync::Arc;

use tokio::sync::oneshot;

/// What was to be written down is not, and a restart may undo it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotDurable(Arc<str>);

impl NotDurable {
    pub(super) fn because(why: &dyn std::fmt::Display) -> Self {
        Self(why.to_string().into())
    }
}

/// What became of it.
pub(super) type Durability = Result<(), NotDurable>;

/// Tells when something is written down for good.
#[derive(Debug)]
pub struct Ticket(Option<oneshot::Receiver<Durability>>);

impl Ticket {
    /// There is nothing to wait for.
    pub(in crate::cache) fn settled() -> Self {
        Self(None)
    }

    pub(super) fn pair() -> (oneshot::Sender<Durability>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(Some(receiver)))
    }

    /// Returns once it outlasts a power cut, or once it is known that it may not.
    pub async fn durable(self) -> Result<(), NotDurable> {
        match self.0 {
            None => Ok(()),
            Some(receiver) => receiver.await.unwrap_or_else(|_| Err(NotDurable::because(&"nobody writes any more"))),
        }
    }
}
