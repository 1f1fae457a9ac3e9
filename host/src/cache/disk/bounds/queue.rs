//! What waits to be written: bounded in bytes, drained by the one writer, removals before everything else.
//!
//! Room is taken before something is put and given back when it is written or superseded. At most half of it is for those
//! who wait for it (slices of large bodies), so that they never crowd out those who cannot wait.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cache::disk::record::KeyHash;

/// What an operation takes beside its bytes: its places in the queue and in the map of what is pending.
const OPERATION_BYTES: usize = 192;

/// Something to write. The bytes are in the map of what is pending, under the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache::disk) struct Op {
    pub(in crate::cache::disk) key: KeyHash,
    pub(in crate::cache::disk) number: u64,
    pub(in crate::cache::disk) task: Task,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache::disk) enum Task {
    Put,
    Remove,
}

/// Room in the queue, given back when this is dropped.
#[derive(Debug)]
pub(in crate::cache) struct Room {
    bytes: usize,
    of_all: OwnedSemaphorePermit,
    _of_patient: Option<OwnedSemaphorePermit>,
}

/// What an operation takes until its turn comes, also where something newer took its place long before.
#[derive(Debug)]
pub(in crate::cache::disk) struct Turn {
    _of_all: OwnedSemaphorePermit,
}

impl Room {
    pub(in crate::cache::disk) fn holds(&self, bytes: usize) -> bool {
        bytes <= self.bytes
    }

    /// The part for the operation itself, once.
    pub(in crate::cache::disk) fn turn(&mut self) -> Option<Turn> {
        self.of_all.split(OPERATION_BYTES).map(|of_all| Turn { _of_all: of_all })
    }
}

pub(in crate::cache::disk) struct Queue {
    inner: Mutex<Inner>,
    /// The writer waits here.
    wake: Condvar,
    /// Tests wait here until nothing is left to write.
    #[cfg(test)]
    quiet: Condvar,
    room: Arc<Semaphore>,
    /// The share of those who wait.
    patient: Arc<Semaphore>,
    bytes_max: usize,
}

#[derive(Default)]
struct Inner {
    removals: VecDeque<Op>,
    puts: VecDeque<(Op, Option<Turn>)>,
    asleep: bool,
    nudged: bool,
    /// The writer has something that it took.
    busy: bool,
    /// Nothing more comes, and what is there is to be written before this.
    closing: Option<Instant>,
}

impl Queue {
    pub(in crate::cache::disk) fn new(bytes_max: usize) -> Self {
        let bytes_max = bytes_max.min(u32::MAX as usize);
        let (room, patient) = (Semaphore::new(bytes_max), Semaphore::new(bytes_max / 2));
        Self {
            inner: Mutex::default(),
            wake: Condvar::new(),
            #[cfg(test)]
            quiet: Condvar::new(),
            room: room.into(),
            patient: patient.into(),
            bytes_max,
        }
    }

    /// Room for so many bytes, if there is any now. What is larger than the whole queue has it to itself.
    pub(in crate::cache::disk) fn try_room(&self, bytes: usize) -> Option<Room> {
        let permits = bytes.saturating_add(OPERATION_BYTES).min(self.bytes_max) as u32;
        let of_all = self.room.clone().try_acquire_many_owned(permits).ok()?;
        Some(Room { bytes, of_all, _of_patient: None })
    }

    /// The same, as soon as there is any; those who wait are served in their order.
    pub(in crate::cache::disk) async fn room(&self, bytes: usize) -> Option<Room> {
        let permits = bytes.saturating_add(OPERATION_BYTES).min(self.bytes_max / 2) as u32;
        let of_patient = self.patient.clone().acquire_many_owned(permits).await.ok()?;
        let of_all = self.room.clone().acquire_many_owned(permits).await.ok()?;
        Some(Room { bytes, of_all, _of_patient: Some(of_patient) })
    }

    /// How many removals wait now; `None` where the queue is closed. Removals are bounded by those who count them.
    pub(in crate::cache::disk) fn push(&self, op: Op, turn: Option<Turn>) -> Option<usize> {
        let mut inner = self.lock();
        if inner.closing.is_some() {
            return None;
        }
        match op.task {
            Task::Put => inner.puts.push_back((op, turn)),
            Task::Remove => inner.removals.push_back(op),
        }
        let removals = inner.removals.len();
        self.wake_up(inner);
        Some(removals)
    }

    /// What could not be written is the next thing to try again.
    pub(in crate::cache::disk) fn push_back_first(&self, removal: Op) {
        self.lock().removals.push_front(removal);
    }

    /// What is to be written next, with its turn. Waits for it for a while.
    pub(in crate::cache::disk) fn take(&self, patience: Duration) -> Option<(Op, Option<Turn>)> {
        let mut inner = self.sleep(patience, |inner| inner.len() == 0 && inner.closing.is_none());
        let next = inner.pop();
        inner.busy = next.is_some();
        next
    }

    /// What is to be written after it, without waiting, up to so many.
    pub(in crate::cache::disk) fn take_more(&self, count: usize) -> Vec<(Op, Option<Turn>)> {
        let mut inner = self.lock();
        std::iter::from_fn(|| inner.pop()).take(count).collect()
    }

    /// Waits, whatever comes, unless the queue is closed or the writer is nudged.
    pub(in crate::cache::disk) fn pause(&self, at_most: Duration) {
        drop(self.sleep(at_most, |inner| inner.closing.is_none()));
    }

    /// Makes the writer look around.
    pub(in crate::cache::disk) fn nudge(&self) {
        let mut inner = self.lock();
        inner.nudged = true;
        self.wake_up(inner);
    }

    /// Nothing more is taken in; the writer has until `deadline`.
    pub(in crate::cache::disk) fn close(&self, deadline: Instant) {
        let mut inner = self.lock();
        inner.closing.get_or_insert(deadline);
        self.wake_up(inner);
        // Nobody waits for room that would be of no use.
        self.patient.close();
        self.room.close();
    }

    pub(in crate::cache::disk) fn is_closing(&self) -> bool {
        self.lock().closing.is_some()
    }

    /// Closed, and nothing left to write or no time for it.
    pub(in crate::cache::disk) fn is_over(&self) -> bool {
        let inner = self.lock();
        inner.closing.is_some_and(|deadline| inner.len() == 0 || Instant::now() >= deadline)
    }

    pub(in crate::cache::disk) fn has_removals(&self) -> bool {
        !self.lock().removals.is_empty()
    }

    /// There is nothing left to remove.
    pub(in crate::cache::disk) fn forget_removals(&self) {
        self.lock().removals = VecDeque::new();
    }

    /// Operations that are not written yet, also the one that is being written now.
    pub(in crate::cache::disk) fn len(&self) -> usize {
        let inner = self.lock();
        inner.len() + usize::from(inner.busy)
    }

    /// Is there nothing to take?
    pub(in crate::cache::disk) fn is_empty(&self) -> bool {
        self.lock().len() == 0
    }

    /// How much room there is in all.
    pub(in crate::cache::disk) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Bytes that are taken.
    pub(in crate::cache::disk) fn bytes(&self) -> usize {
        self.bytes_max - self.room.available_permits()
    }

    /// Waits until everything is written.
    #[cfg(test)]
    pub(in crate::cache::disk) fn wait_until_quiet(&self) {
        drop(
            self.quiet.wait_while(self.lock(), |inner| inner.busy || inner.len() > 0).expect("no panic under the lock"),
        );
    }

    fn sleep(&self, at_most: Duration, mut still: impl FnMut(&Inner) -> bool) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        inner.busy = false;
        #[cfg(test)]
        self.quiet.notify_all();
        let sleeps = |inner: &mut Inner| {
            inner.asleep = still(inner) && !inner.nudged;
            inner.asleep
        };
        let waited = self.wake.wait_timeout_while(inner, at_most, sleeps);
        let mut inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        inner.asleep = false;
        inner.nudged = false;
        inner
    }

    /// Wakes the writer, if nobody else does already.
    fn wake_up(&self, mut inner: MutexGuard<'_, Inner>) {
        let asleep = std::mem::take(&mut inner.asleep);
        drop(inner);
        if asleep {
            self.wake.notify_one();
        }
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn pop(&mut self) -> Option<(Op, Option<Turn>)> {
        self.removals.pop_front().map(|op| (op, None)).or_else(|| self.puts.pop_front())
    }

    fn len(&self) -> usize {
        self.removals.len() + self.puts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(number: u64, task: Task) -> Op {
        Op { key: KeyHash(u128::from(number)), number, task }
    }

    #[test]
    fn removals_come_first_and_everything_else_in_its_order() {
        let queue = Queue::new(1_000);
        for op in [op(1, Task::Put), op(2, Task::Remove), op(3, Task::Put), op(4, Task::Remove)] {
            assert!(queue.push(op, None).is_some());
        }
        queue.push_back_first(op(5, Task::Remove));
        let order: Vec<u64> = std::iter::from_fn(|| queue.take(Duration::ZERO)).map(|(op, _)| op.number).collect();
        assert_eq!(order, [5, 2, 4, 1, 3]);
    }

    #[test]
    fn room_is_bounded_and_comes_back() {
        let queue = Queue::new(1_000);
        let first = queue.try_room(1_000 - OPERATION_BYTES).expect("all of it");
        assert_eq!(queue.bytes(), 1_000);
        assert!(queue.try_room(0).is_none());
        drop(first);
        assert_eq!(queue.bytes(), 0);
        assert!(queue.try_room(usize::MAX).is_some(), "alone, anything has room");
    }

    #[tokio::test]
    async fn those_who_wait_leave_half_to_those_who_cannot() {
        let queue = Arc::new(Queue::new(4_000));
        let first = queue.room(2_000 - OPERATION_BYTES).await.expect("half of it");
        let second = tokio::spawn({
            let queue = queue.clone();
            async move { queue.room(100).await }
        });
        tokio::task::yield_now().await;
        assert!(queue.try_room(2_000 - OPERATION_BYTES).is_some());
        assert!(!second.is_finished());
        drop(first);
        assert!(second.await.expect("no panic").is_some());
    }

    #[tokio::test]
    async fn one_who_stops_waiting_takes_no_room_along() {
        let queue = Arc::new(Queue::new(1_000));
        let all = queue.try_room(1_000).expect("all of it");
        for _ in 0..10 {
            let waiter = tokio::spawn({
                let queue = queue.clone();
                async move { queue.room(100).await }
            });
            tokio::task::yield_now().await;
            waiter.abort();
            assert!(waiter.await.is_err());
        }
        drop(all);
        assert_eq!(queue.bytes(), 0);
        assert!(queue.room(100).await.is_some());
    }

    #[test]
    fn a_closed_queue_takes_nothing_and_gives_what_it_has() {
        let queue = Queue::new(1_000);
        assert!(queue.push(op(1, Task::Put), None).is_some());
        queue.close(Instant::now() + Duration::from_secs(3_600));
        assert!(queue.push(op(2, Task::Put), None).is_none());
        assert!(!queue.is_over());
        assert_eq!(queue.take(Duration::MAX).map(|(op, _)| op.number), Some(1));
        assert!(queue.take(Duration::MAX).is_none());
        assert!(queue.is_over());
    }
}
