//! How long callbacks took: a histogram that every exchange writes to, and that is read now and then.
//!
//! Each worker adds to numbers of its own, which nobody else writes, and a reader adds them up. The `Histogram` of the
//! `prometheus` crate gives a reader all numbers of one moment, by five locked operations for every observation on cache
//! lines that all workers share: more than a short callback costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::Opts;
use prometheus::core::{Metric, MetricVec, MetricVecBuilder};
use prometheus::proto::{self, Bucket, LabelPair, MetricType};

use crate::worker;

/// In nanoseconds. A header filter takes 0.3 to 3 us, a deadline is 10 ms: most observations stop at one of the first.
const BOUNDS: [u64; 12] =
    [500, 1_000, 2_000, 5_000, 10_000, 25_000, 100_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000];
const NANOS_PER_SECOND: f64 = 1e9;

/// The series of one family, by the values of their labels.
pub(in crate::filter) type Timings = MetricVec<Workers>;

/// A family for so many workers.
pub(in crate::filter) fn timings(
    name: &str,
    help: &str,
    labels: &[&str],
    workers: usize,
) -> prometheus::Result<Timings> {
    let names = labels.iter().map(|label| (*label).to_owned()).collect();
    MetricVec::create(MetricType::HISTOGRAM, Workers(workers.max(1)), Opts::new(name, help).variable_labels(names))
}

/// One series.
#[derive(Debug, Clone)]
pub(in crate::filter) struct Timing {
    labels: Arc<[LabelPair]>,
    slots: Arc<[Slot]>,
}

/// What one worker has seen, on cache lines of its own. Readers need no order among the numbers.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Slot {
    nanos: AtomicU64,
    /// By the first bound that is no less; the last are those over all bounds.
    counts: [AtomicU64; BOUNDS.len() + 1],
}

impl Timing {
    pub(in crate::filter) fn observe(&self, spent: Duration) {
        let nanos = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        let place = BOUNDS.iter().position(|bound| nanos <= *bound).unwrap_or(BOUNDS.len());
        // Added, not stored: threads that are no workers share a slot with one.
        let slot = &self.slots[worker::slot(self.slots.len())];
        slot.counts[place].fetch_add(1, Ordering::Relaxed);
        slot.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    fn sum(&self, number: impl Fn(&Slot) -> &AtomicU64) -> u64 {
        self.slots.iter().map(|slot| number(slot).load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }
}

impl Metric for Timing {
    fn metric(&self) -> proto::Metric {
        let mut buckets = Vec::with_capacity(BOUNDS.len());
        let mut count = 0;
        for (place, bound) in BOUNDS.iter().enumerate() {
            count += self.sum(|slot| &slot.counts[place]);
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound as f64 / NANOS_PER_SECOND);
            bucket.set_cumulative_count(count);
            buckets.push(bucket);
        }
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets);
        histogram.set_sample_count(count + self.sum(|slot| &slot.counts[BOUNDS.len()]));
        histogram.set_sample_sum(self.sum(|slot| &slot.nanos) as f64 / NANOS_PER_SECOND);
        let mut metric = proto::Metric::default();
        metric.set_label(self.labels.to_vec());
        metric.set_histogram(histogram);
        metric
    }
}

/// Makes the series of a family for so many workers.
#[derive(Debug, Clone, Copy)]
pub(in crate::filter) struct Workers(usize);

impl MetricVecBuilder for Workers {
    type M = Timing;
    type P = Opts;

    fn build<V: AsRef<str>>(&self, family: &Opts, values: &[V]) -> prometheus::Result<Timing> {
        let pair = |(name, value): (&String, &V)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.clone());
            pair.set_value(value.as_ref().to_owned());
            pair
        };
        let mut labels: Vec<LabelPair> = family.variable_labels.iter().zip(values).map(pair).collect();
        labels.sort_by(|one, other| one.name().cmp(other.name()));
        Ok(Timing { labels: labels.into(), slots: (0..self.0).map(|_| Slot::default()).collect() })
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use prometheus::{Registry, TextEncoder};

    use super::*;

    fn text(family: &Timings) -> String {
        let registry = Registry::new();
        registry.register(Box::new(family.clone())).unwrap();
        TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
    }

    #[test]
    fn a_duration_is_counted_in_every_bucket_that_holds_it() {
        let family = timings("spent", "Spent.", &["who", "at"], 1).unwrap();
        let timing = family.with_label_values(&["a", "b"]);
        for nanos in [0, 500, 501, 10_000_000, 10_000_001] {
            timing.observe(Duration::from_nanos(nanos));
        }
        timing.observe(Duration::from_secs(2));
        let text = text(&family);
        for line in [
            "spent_bucket{at=\"b\",who=\"a\",le=\"0.0000005\"} 2",
            "spent_bucket{at=\"b\",who=\"a\",le=\"0.000001\"} 3",
            "spent_bucket{at=\"b\",who=\"a\",le=\"0.005\"} 3",
            "spent_bucket{at=\"b\",who=\"a\",le=\"0.01\"} 4",
            "spent_bucket{at=\"b\",who=\"a\",le=\"+Inf\"} 6",
            "spent_count{at=\"b\",who=\"a\"} 6",
            "spent_sum{at=\"b\",who=\"a\"} 2.020001002",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn workers_count_apart_and_are_read_together() {
        let family = timings("spent", "Spent.", &[], 2).unwrap();
        let timing = family.with_label_values::<&str>(&[]);
        thread::scope(|scope| {
            for index in 0..4 {
                let timing = &timing;
                scope.spawn(move || {
                    worker::enter(index);
                    (0..1_000).for_each(|_| timing.observe(Duration::from_micros(1)));
                });
            }
        });
        assert!(timing.slots.iter().all(|slot| slot.counts[1].load(Ordering::Relaxed) == 2_000));
        let text = text(&family);
        assert!(text.contains("spent_count 4000\n") && text.contains("spent_sum 0.004\n"), "{text}");
    }
}
