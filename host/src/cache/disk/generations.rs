//! Which large bodies are being read or written, so that eviction spares their slices.
//!
//! A body's generation is the low half of the key of each of its slices. Counted, because many can hold one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::KeyHash;

#[derive(Debug, Default)]
pub(super) struct Generations(Mutex<HashMap<u64, usize>>);

/// The slices of one large body are spared by eviction while this is held.
#[derive(Debug)]
pub(in crate::cache) struct Kept {
    generations: Arc<Generations>,
    generation: u64,
}

impl Generations {
    pub(super) fn keep(self: &Arc<Self>, generation: u64) -> Kept {
        *self.lock().entry(generation).or_insert(0) += 1;
        Kept { generations: self.clone(), generation }
    }

    /// Is this the key of a slice that somebody needs?
    pub(super) fn need(&self, key: KeyHash) -> bool {
        self.lock().contains_key(&key.generation())
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut held = self.generations.lock();
        if let Some(count) = held.get_mut(&self.generation) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.generation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_needed_until_the_last_one_lets_go() {
        let generations = Arc::new(Generations::default());
        let slice = KeyHash(1 << 64 | 7);
        let (first, second) = (generations.keep(7), generations.keep(7));
        drop(first);
        assert!(generations.need(slice) && !generations.need(KeyHash(7 << 64 | 1)));
        drop(second);
        assert!(!generations.need(slice));
    }
}
