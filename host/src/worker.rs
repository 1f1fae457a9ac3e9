//! Which worker this thread is.
//!
//! A worker is one thread with one runtime. State that is cheapest unshared (idle origin connections, filter instances)
//! is kept in one slot per worker, and the slot is chosen here. A thread that is no worker uses slot 0.

use std::cell::Cell;

thread_local! {
    static INDEX: Cell<usize> = const { Cell::new(0) };
}

/// Names the current thread worker `index`; called once, when the worker starts.
pub fn enter(index: usize) {
    INDEX.set(index);
}

/// The slot of the current thread among `slots`.
pub fn slot(slots: usize) -> usize {
    let index = INDEX.get();
    // A division costs as much as what is found in the slot.
    if index < slots { index } else { index % slots.max(1) }
}
