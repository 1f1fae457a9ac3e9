//! What is asked for: one hot object, or a mix of many with sizes and popularity as an edge sees them.
//!
//! Sizes follow Meta's published CDN distribution (CacheLib `cachebench`, `hit_ratio/cdn`): 19.5 % of objects between
//! 159 and 1,023 bytes, the others log-normal with a median of 19.6 KB. Popularity is Zipf's law. Both are drawn from a
//! fixed seed, so that every run asks the same.

use crate::object::BYTES_MAX;

/// The share of small objects, and their sizes.
const SMALL_SHARE: f64 = 0.195;
const SMALL_BYTES: std::ops::RangeInclusive<usize> = 159..=1_023;
/// The logarithm of the other objects' sizes: mean and standard deviation.
const LOG_MEAN: f64 = 9.884;
const LOG_DEVIATION: f64 = 1.236;
const LARGE_BYTES: (f64, f64) = (1_024.0, BYTES_MAX as f64);

const ZIPF_EXPONENT: f64 = 0.9;
pub(crate) const SEED: u64 = 0x0f0e_beba;

/// A workload: objects by number, and the order in which they are asked for.
pub struct Mix {
    pub name: &'static str,
    /// Body bytes of each object.
    pub sizes: Vec<usize>,
    /// Object numbers, to be repeated from the start at the end.
    pub requests: Vec<usize>,
}

impl Mix {
    /// One object of 1 KiB.
    pub fn hot() -> Self {
        Self { name: "hot 1 KiB", sizes: vec![1_024], requests: vec![0] }
    }

    /// `objects` objects, asked for `requests` times by their popularity.
    pub fn zipf(objects: usize, requests: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(SEED);
        let sizes: Vec<usize> = (0..objects).map(|_| size(&mut random)).collect();
        let ladder = Ladder::new(objects);
        Self { name: "zipf mix", sizes, requests: (0..requests).map(|_| ladder.draw(&mut random)).collect() }
    }

    /// Body bytes of an average request.
    pub fn mean_bytes(&self) -> usize {
        let bytes: usize = self.requests.iter().map(|&object| self.sizes[object]).sum();
        bytes / self.requests.len().max(1)
    }
}

/// Popularity summed up over the ranks.
pub(crate) struct Ladder(Vec<f64>);

impl Ladder {
    pub(crate) fn new(ranks: usize) -> Self {
        let weights = (1..=ranks).map(|rank| (rank as f64).powf(-ZIPF_EXPONENT));
        let add = |sum: &mut f64, weight| {
            *sum += weight;
            Some(*sum)
        };
        Self(weights.scan(0.0, add).collect())
    }

    /// A rank from 0, the first the most often.
    pub(crate) fn draw(&self, random: &mut fastrand::Rng) -> usize {
        let point = random.f64() * self.0.last().copied().unwrap_or_default();
        self.0.partition_point(|&weight| weight < point)
    }
}

/// Body bytes of some object.
pub(crate) fn size(random: &mut fastrand::Rng) -> usize {
    if random.f64() < SMALL_SHARE {
        return random.usize(SMALL_BYTES);
    }
    // Box and Muller: two uniform draws make a normal one.
    let (first, second) = (1.0 - random.f64(), random.f64());
    let normal = (-2.0 * first.ln()).sqrt() * (std::f64::consts::TAU * second).cos();
    (LOG_MEAN + LOG_DEVIATION * normal).exp().clamp(LARGE_BYTES.0, LARGE_BYTES.1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_published_distribution() {
        let mut sizes = Mix::zipf(100_000, 1).sizes;
        sizes.sort_unstable();
        let within = |share: f64, low: usize, high: usize| {
            let found = sizes[(sizes.len() as f64 * share) as usize];
            assert!((low..high).contains(&found), "{share}: {found}");
        };
        within(0.5, 12_000, 15_500);
        within(0.9, 70_000, 90_000);
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((30_000..36_000).contains(&mean), "{mean}");
    }

    #[test]
    fn popularity_follows_zipf() {
        let mix = Mix::zipf(1_000, 200_000);
        let count = |object: usize| mix.requests.iter().filter(|&&asked| asked == object).count() as f64;
        let ratio = count(0) / count(9);
        assert!((7.0..9.0).contains(&ratio), "ten to the power of 0.9 is 7.9: {ratio}");
        assert_eq!(mix.requests, Mix::zipf(1_000, 200_000).requests);
    }
}
