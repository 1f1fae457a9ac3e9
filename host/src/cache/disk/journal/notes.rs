//! What is to be written into the journal, on its way to the one who writes.
//!
//! Noting never waits for the disk, and the order of notes is the order of records. The queue is bounded: where a disk is
//! too slow for it, its notes are dropped for one instruction, to write down how everything stands.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::ticket::{Durability, Ticket};

/// Bytes that wait, at most: some ten thousand notes, and less than the journal of a busy node.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// The way to the journal. Cloning shares it.
#[derive(Clone, Default)]
pub(in crate::cache) struct Notes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    came: Condvar,
}

#[derive(Default)]
struct Queue {
    batch: Batch,
    state: State,
}

#[derive(Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// What is there is written, and then no more.
    Closing,
    /// Nobody writes any more.
    Abandoned,
}

/// Notes that are written together.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) payloads: Vec<Vec<u8>>,
    bytes: usize,
    /// Notes were dropped: how everything stands is to be written instead.
    pub(super) spilled: bool,
    /// Those who wait until it is durable.
    waiting: Vec<oneshot::Sender<Durability>>,
}

impl Batch {
    pub(super) fn is_awaited(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn answer(self, durability: &Durability) {
        for sender in self.waiting {
            // Who does not wait any more need not know.
            _ = sender.send(durability.clone());
        }
    }

    fn add(&mut self, payload: Vec<u8>) {
        self.bytes += payload.len();
        self.spilled |= self.bytes > WAITING_BYTES_MAX;
        if self.spilled {
            self.payloads = Vec::new();
        } else {
            self.payloads.push(payload);
        }
    }
}

impl Notes {
    /// Notes what nobody waits for.
    pub(in crate::cache) fn note(&self, payload: Vec<u8>) {
        self.add(payload, None);
    }

    /// Notes what is to be durable.
    pub(in crate::cache) fn note_durably(&self, payload: Vec<u8>) -> Ticket {
        let (sender, ticket) = Ticket::pair();
        self.add(payload, Some(sender));
        ticket
    }

    fn add(&self, payload: Vec<u8>, sender: Option<oneshot::Sender<Durability>>) {
        let mut queue = self.lock();
        // A sender that is dropped here tells its ticket.
        if queue.state != State::Abandoned {
            queue.batch.add(payload);
            queue.batch.waiting.extend(sender);
            drop(queue);
            self.0.came.notify_one();
        }
    }

    /// Everything noted so far, as soon as there is something, or nothing after `patience`. `None` once the queue is
    /// closed and empty.
    pub(super) fn take(&self, patience: Option<Duration>) -> Option<Batch> {
        let mut queue = self.lock();
        let idle = |queue: &mut Queue| queue.batch.is_empty() && queue.state == State::Open;
        queue = match patience {
            None => self.0.came.wait_while(queue, idle).unwrap_or_else(PoisonError::into_inner),
            Some(time) => self.0.came.wait_timeout_while(queue, time, idle).unwrap_or_else(PoisonError::into_inner).0,
        };
        let batch = std::mem::take(&mut queue.batch);
        if batch.is_empty() && queue.state != State::Open { None } else { Some(batch) }
    }

    /// What has been noted is still written.
    pub(super) fn close(&self) {
        self.lock().state = State::Closing;
        self.0.came.notify_one();
    }

    /// Nothing is written any more.
    pub(super) fn abandon(&self) {
        *self.lock() = Queue { batch: Batch::default(), state: State::Abandoned };
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.payloads.is_empty() && !self.spilled && self.waiting.is_empty()
    }
}
