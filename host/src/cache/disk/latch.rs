//! Something that happens once, and the threads that wait for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Latch {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Latch {
    pub(super) fn open(&self) {
        *self.lock() = true;
        self.opened.notify_all();
    }

    /// Whether it was open before the time was over.
    pub(super) fn wait(&self, at_most: Duration) -> bool {
        let waited = self.opened.wait_timeout_while(self.lock(), at_most, |open| !*open);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_open_and_nobody_waits_for_longer_than_they_said() {
        let latch = Latch::default();
        assert!(!latch.wait(Duration::ZERO));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| latch.wait(Duration::MAX));
            latch.open();
            assert!(waiter.join().expect("no panic"));
        });
        assert!(latch.wait(Duration::ZERO));
    }
}
