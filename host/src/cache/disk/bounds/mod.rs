//! What holds everybody back: bytes written per second, reads that wait at the same time, what waits to be written.

mod budget;
mod pool;
mod queue;

pub(super) use budget::Budget;
pub(super) use pool::Pool;
pub(in crate::cache) use queue::Room;
pub(super) use queue::{Op, Queue, Task, Turn};
