//! What a plugin has asked for beyond a callback: ticks, news of its queues, time to end.
//!
//! One set per plugin, whichever of its instances asked; host calls write it, the plugin's `keeper` reads it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(in crate::filter) struct Orders {
    standing: Mutex<Standing>,
    news: Notify,
    over: Notify,
}

#[derive(Debug, Default)]
struct Standing {
    /// Between two ticks.
    period: Option<Duration>,
    /// Queues with messages that the plugin was not told of yet.
    ready: BTreeSet<u32>,
    /// Contexts that ended by asking for time.
    parting: usize,
}

impl Orders {
    /// Ticks from now on; zero ends them.
    pub(in crate::filter) fn tick_every(&self, period: Duration) {
        self.standing().period = (!period.is_zero()).then_some(period);
        self.news.notify_one();
    }

    pub(in crate::filter) fn period(&self) -> Option<Duration> {
        self.standing().period
    }

    /// Has the plugin told of a queue's messages.
    pub(in crate::filter) fn ring(&self, queue: u32) {
        self.standing().ready.insert(queue);
        self.news.notify_one();
    }

    pub(in crate::filter) fn take_ready(&self) -> Option<u32> {
        self.standing().ready.pop_first()
    }

    /// Returns when an order may have changed.
    pub(in crate::filter) async fn news(&self) {
        self.news.notified().await;
    }

    /// So many contexts end when they say so.
    pub(in crate::filter) fn await_parting(&self, contexts: usize) {
        self.standing().parting = contexts;
    }

    /// A context says that it is done; false where none was waited for.
    pub(in crate::filter) fn part(&self) -> bool {
        let mut standing = self.standing();
        let Some(left) = standing.parting.checked_sub(1) else { return false };
        standing.parting = left;
        if left == 0 {
            self.over.notify_one();
        }
        true
    }

    /// Returns when the last context that was waited for is done.
    pub(in crate::filter) async fn parted(&self) {
        while self.standing().parting > 0 {
            self.over.notified().await;
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_of_zero_ends_ticks() {
        let orders = Orders::default();
        assert_eq!(orders.period(), None);
        orders.tick_every(Duration::from_millis(7));
        assert_eq!(orders.period(), Some(Duration::from_millis(7)));
        orders.tick_every(Duration::ZERO);
        assert_eq!(orders.period(), None);
    }

    #[test]
    fn a_queue_is_told_of_once_however_often_it_rings() {
        let orders = Orders::default();
        for queue in [2, 1, 2] {
            orders.ring(queue);
        }
        assert_eq!([orders.take_ready(), orders.take_ready(), orders.take_ready()], [Some(1), Some(2), None]);
    }

    #[tokio::test]
    async fn only_contexts_that_are_waited_for_can_be_done() {
        let orders = Orders::default();
        assert!(!orders.part());
        orders.parted().await;
        orders.await_parting(2);
        assert_eq!([orders.part(), orders.part(), orders.part()], [true, true, false]);
        orders.parted().await;
    }
}
