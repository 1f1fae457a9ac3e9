//! How many instances of a filter there are.
//!
//! Each reserves as much address space as its memory could ever address, and exchanges that wait in instances of their own
//! are as many as clients like. So they are counted, and beyond a bound there are no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Held by an instance as long as it lives.
pub(in crate::filter) struct Live(Arc<AtomicUsize>);

impl Live {
    /// `None` where there are `max` of them.
    pub(in crate::filter) fn count(live: &Arc<AtomicUsize>, max: usize) -> Option<Self> {
        let room = |count: usize| (count < max).then_some(count + 1);
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
        let mut all: Vec<Live> = (0..4).map_while(|_| Live::count(&live, 3)).collect();
        assert_eq!(all.len(), 3);
        assert!(Live::count(&live, 3).is_none());
        all.pop();
        assert!(Live::count(&live, 3).is_some());
    }
}
