//! The queues by which filters hand messages to each other, first in, first out.
//!
//! A queue belongs to the virtual machine that registered it and has a number that any filter may use. Its messages count
//! into that machine's bytes. Who registered it last is told of messages: `ready` says when.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::super::abi::Status;
use super::vm::Vm;
use crate::config::FilterLimits;

/// Bytes that a queue costs beside its name, and a message beside itself.
const OVERHEAD: usize = 64;

#[derive(Debug, Default)]
pub(in crate::filter) struct SharedQueues {
    table: Mutex<Table>,
    news: Notify,
}

/// A queue that messages were put into, and the filter that is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::filter) struct ReadyQueue {
    pub(in crate::filter) filter: Arc<str>,
    /// The queue's number, as guests know it.
    pub(in crate::filter) queue: u32,
}

#[derive(Debug, Default)]
struct Table {
    /// By virtual machine and name.
    numbers: HashMap<(Arc<str>, Box<[u8]>), u32>,
    /// Their numbers begin at 1.
    queues: Vec<Queue>,
    /// Queues that messages came into since they were last told of.
    ready: BTreeSet<u32>,
}

#[derive(Debug)]
struct Queue {
    vm: Arc<Vm>,
    /// The filter that registered it last.
    registrant: Arc<str>,
    messages: VecDeque<Box<[u8]>>,
    /// Messages taken out so far.
    taken: u64,
}

impl SharedQueues {
    /// The number of a queue, made now where it is missing. From here on `filter` is told of its messages.
    pub(in crate::filter) fn register(
        &self,
        vm: &Arc<Vm>,
        name: &[u8],
        filter: &Arc<str>,
        limits: &FilterLimits,
    ) -> Result<u32, Status> {
        let mut table = self.table();
        let key = (vm.name.clone(), name.into());
        if let Some(number) = table.numbers.get(&key).copied() {
            let queue = table.queue(number)?;
            queue.registrant = filter.clone();
            if !queue.messages.is_empty() {
                table.ready.insert(number);
                self.news.notify_one();
            }
            return Ok(number);
        }
        vm.take(name.len() + OVERHEAD, limits.shared_data_bytes_max)?;
        table.queues.push(Queue { vm: vm.clone(), registrant: filter.clone(), messages: VecDeque::new(), taken: 0 });
        let number = u32::try_from(table.queues.len()).map_err(|_| Status::InternalFailure)?;
        table.numbers.insert(key, number);
        Ok(number)
    }

    /// The number of a queue of any virtual machine.
    pub(in crate::filter) fn resolve(&self, vm: &str, name: &[u8]) -> Result<u32, Status> {
        self.table().numbers.get(&(vm.into(), name.into())).copied().ok_or(Status::NotFound)
    }

    /// Puts a message at the end; `InternalFailure` where the queue is full.
    pub(in crate::filter) fn enqueue(&self, number: u32, message: &[u8], limits: &FilterLimits) -> Result<(), Status> {
        let mut table = self.table();
        let queue = table.queue(number)?;
        if queue.messages.len() >= limits.queue_length_max {
            return Err(Status::InternalFailure);
        }
        queue.vm.take(message.len() + OVERHEAD, limits.shared_data_bytes_max)?;
        queue.messages.push_back(message.into());
        table.ready.insert(number);
        drop(table);
        self.news.notify_one();
        Ok(())
    }

    /// Takes the first message out.
    pub(in crate::filter) fn dequeue(&self, number: u32) -> Result<Box<[u8]>, Status> {
        let mut table = self.table();
        let queue = table.queue(number)?;
        let message = queue.messages.pop_front().ok_or(Status::Empty)?;
        queue.vm.give_back(message.len() + OVERHEAD);
        queue.taken += 1;
        Ok(message)
    }

    /// Whether there is nothing in it.
    pub(in crate::filter) fn is_empty(&self, number: u32) -> bool {
        self.table().queue(number).map_or(true, |queue| queue.messages.is_empty())
    }

    /// How many messages were ever taken out.
    pub(in crate::filter) fn taken(&self, number: u32) -> u64 {
        self.table().queue(number).map_or(0, |queue| queue.taken)
    }

    /// Tells of all messages there are once more: there may be others to be told.
    pub(in crate::filter) fn remind(&self) {
        let mut table = self.table();
        let waiting = (1..).zip(&table.queues).filter(|(_, queue)| !queue.messages.is_empty());
        let waiting: Vec<u32> = waiting.map(|(number, _)| number).collect();
        table.ready.extend(waiting);
        self.news.notify_one();
    }

    /// Waits for messages; tells each queue once, however many came.
    pub(in crate::filter) async fn ready(&self) -> Vec<ReadyQueue> {
        loop {
            let ready = self.take_ready();
            if !ready.is_empty() {
                return ready;
            }
            self.news.notified().await;
        }
    }

    fn take_ready(&self) -> Vec<ReadyQueue> {
        let mut table = self.table();
        let numbers = mem::take(&mut table.ready);
        let told =
            |number: u32| Some(ReadyQueue { filter: table.queue(number).ok()?.registrant.clone(), queue: number });
        numbers.into_iter().filter_map(told).collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn queue(&mut self, number: u32) -> Result<&mut Queue, Status> {
        let index = (number as usize).checked_sub(1).ok_or(Status::NotFound)?;
        self.queues.get_mut(index).ok_or(Status::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::limits;
    use super::super::commons::Commons;
    use super::*;

    struct House {
        commons: Commons,
        limits: FilterLimits,
    }

    impl House {
        /// Room for three messages of a byte in each queue.
        fn new() -> Self {
            Self { commons: Commons::default(), limits: limits() }
        }

        fn register(&self, vm: &str, name: &str, filter: &str) -> Result<u32, Status> {
            let vm = self.commons.vm(vm);
            self.commons.queues.register(&vm, name.as_bytes(), &filter.into(), &self.limits)
        }

        fn enqueue(&self, number: u32, message: &str) -> Result<(), Status> {
            self.commons.queues.enqueue(number, message.as_bytes(), &self.limits)
        }

        fn dequeue(&self, number: u32) -> Result<String, Status> {
            self.commons.queues.dequeue(number).map(|message| String::from_utf8(message.into()).unwrap())
        }
    }

    #[test]
    fn messages_come_out_in_the_order_they_went_in() {
        let house = House::new();
        let number = house.register("v", "jobs", "a").unwrap();
        assert_eq!(house.register("v", "jobs", "b"), Ok(number));
        assert_ne!(house.register("w", "jobs", "a"), Ok(number));
        assert_eq!(house.commons.queues.resolve("v", b"jobs"), Ok(number));
        assert_eq!(house.commons.queues.resolve("v", b"other"), Err(Status::NotFound));
        assert_eq!(house.dequeue(number), Err(Status::Empty));
        assert_eq!((house.enqueue(number, "1"), house.enqueue(number, "")), (Ok(()), Ok(())));
        assert_eq!((house.dequeue(number), house.dequeue(number)), (Ok("1".to_owned()), Ok(String::new())));
        for unknown in [0, 3, u32::MAX] {
            assert_eq!(house.enqueue(unknown, "1"), Err(Status::NotFound));
            assert_eq!(house.dequeue(unknown), Err(Status::NotFound));
        }
    }

    #[test]
    fn a_full_queue_refuses_and_has_room_again() {
        let house = House::new();
        let number = house.register("v", "jobs", "a").unwrap();
        for _ in 0..3 {
            house.enqueue(number, "1").unwrap();
        }
        assert_eq!(house.enqueue(number, "1"), Err(Status::InternalFailure));
        house.dequeue(number).unwrap();
        assert_eq!(house.enqueue(number, "1"), Ok(()));
    }

    #[test]
    fn bytes_of_messages_are_bounded_and_push_data_out() {
        let house = House::new();
        let vm = house.commons.vm("v");
        let number = house.register("v", "jobs", "a").unwrap();
        let now = crate::clock::Timestamp::from_unix(std::time::Duration::ZERO);
        vm.data.set((b"key", b"value"), 0, now, vm.room(4000)).unwrap();
        assert_eq!(house.enqueue(number, &"x".repeat(4000)), Err(Status::InternalFailure));
        assert!(vm.data.get(b"key", now, &mut Vec::new()).is_ok());
        assert_eq!(house.enqueue(number, &"x".repeat(3800)), Ok(()));
        assert_eq!(vm.data.get(b"key", now, &mut Vec::new()), Err(Status::NotFound));
        house.dequeue(number).unwrap();
        assert_eq!(house.enqueue(number, &"x".repeat(3800)), Ok(()), "what was taken out is given back");
        let names = (0..100).map(|name| house.register("v", &name.to_string(), "a"));
        assert_eq!(names.last(), Some(Err(Status::InternalFailure)), "queues themselves have no end otherwise");
    }

    #[tokio::test]
    async fn the_last_who_registered_is_told_once() {
        let house = House::new();
        let number = house.register("v", "jobs", "a").unwrap();
        house.register("v", "jobs", "b").unwrap();
        house.enqueue(number, "1").unwrap();
        house.enqueue(number, "2").unwrap();
        assert_eq!(house.commons.queues.ready().await, [ReadyQueue { filter: "b".into(), queue: number }]);
        let told = house.commons.queues.ready();
        let (ready, ()) = tokio::join!(told, async { house.enqueue(number, "3").unwrap() });
        assert_eq!(ready.len(), 1);
    }
}
