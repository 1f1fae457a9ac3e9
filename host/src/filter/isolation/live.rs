//! How many instances of a filter there are.
//!
//! Each reserves as much address space as its memory could ever address, and exchanges that wait in instances of their own
//! are as many as clients like. So they are counted, and beyond a bound there are no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Instances of one filter. Each takes 4 GiB of address space of the 128 TiB that a process has: 32 filters can have as
/// many.
pub(in crate::filter) const LIVE_MAX: usize = 1000;

/// Held by an instance as long as it lives.
pub(in crate::filter) struct Live(Arc<AtomicUsize>);

impl Live {
    /// `None` where there are as many as may be.
    pub(in crate::filter) fn count(live: &Arc<AtomicUsize>) -> Option<Self> {
        let room = |count: usize| (count < LIVE_MAX).then_some(count + 1);
        live.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        Some(Self(live.clone()))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instance_more_than_may_be_is_refused_until_another_goes() {
        let live = Arc::default();
        let mut all: Vec<Live> = (0..LIVE_MAX).map_while(|_| Live::count(&live)).collect();
        assert_eq!(all.len(), LIVE_MAX);
        assert!(Live::count(&live).is_none());
        all.pop();
        assert!(Live::count(&live).is_some());
    }
}
