//! How long answers took.

use std::time::Duration;

/// Microseconds, in the order they came.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<u32>);

impl Times {
    pub fn add(&mut self, took: Duration) {
        self.0.push(took.as_micros().try_into().unwrap_or(u32::MAX));
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The microseconds below which this share of all lies; 0 where there are none.
    pub fn quantile(&self, share: f64) -> u32 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() as f64 * share) as usize;
        sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    pub fn join(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_times() {
        let mut times = Times::default();
        assert_eq!(times.quantile(0.5), 0);
        for micros in (1..=100).rev() {
            times.add(Duration::from_micros(micros));
        }
        assert_eq!((times.quantile(0.5), times.quantile(0.99), times.quantile(1.0)), (51, 100, 100));
    }
}
