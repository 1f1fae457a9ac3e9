//! What a web edge is asked for: many objects by Zipf's law, some of them once only, some again soon, and tastes change.
//!
//! Every object and the order of all requests follow from one seed. Scaled down, numbers of objects, ranks and requests
//! shrink alike, so that hit ratios stay comparable where memory and disk shrink with them.

use std::rc::Rc;

use crate::ask::{Ask, Form};
use crate::mix::{Ladder, SEED, size};
use crate::object::{DAY_SECONDS, Nature, Object, Variant};

/// Objects of the full profile.
const OBJECTS: usize = 1_000_000;
/// The share of requests for an object that is never asked for again, and of those for one of the last `RECENT` again.
const ONCE_SHARE: f64 = 0.10;
const AGAIN_SHARE: f64 = 0.30;
const RECENT: usize = 10_000;
/// A minute swaps this share of the highest `RANKS_MOVING` ranks with others.
const MOVING_SHARE: f64 = 0.01;
const RANKS_MOVING: usize = 10_000;

/// Of objects, each in percent; the others are plain.
const PRIVATE: usize = 3;
const GONE: usize = 2;
const VARIED: usize = 40;
/// Lifetimes in seconds, and up to which percent of objects.
const LIFETIMES: [(usize, u32); 4] = [(10, 10), (40, 300), (80, 3_600), (100, DAY_SECONDS)];
/// Of clients, up to which percent.
const ENCODINGS: [(usize, Variant); 3] = [(70, Variant::Brotli), (95, Variant::Gzip), (100, Variant::Identity)];
/// Of requests, up to which percent.
const FORMS: [(usize, Form); 3] = [(4, Form::Conditional), (6, Form::Head), (100, Form::Get)];

/// The requests, one after the other, without end.
pub struct Profile {
    random: fastrand::Rng,
    ladder: Ladder,
    /// Object numbers by rank.
    ranks: Vec<u32>,
    recent: Vec<u32>,
    recent_max: usize,
    moving: usize,
    per_minute: usize,
    asked: usize,
    once: u32,
}

/// How much of the profile.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// The full profile's objects, ranks and requests, divided by this.
    pub divisor: usize,
    /// What a minute is, in requests.
    pub per_minute: usize,
}

impl Profile {
    pub fn new(extent: Extent) -> Self {
        let objects = OBJECTS / extent.divisor;
        let moving = RANKS_MOVING / extent.divisor;
        Self {
            random: fastrand::Rng::with_seed(SEED),
            ladder: Ladder::new(objects),
            ranks: (0..objects as u32).collect(),
            recent: Vec::new(),
            recent_max: RECENT / extent.divisor,
            moving,
            per_minute: extent.per_minute,
            asked: 0,
            once: objects as u32,
        }
    }

    /// The next requests, until their answers have so many bytes of bodies.
    pub fn asks(&mut self, bytes: u64) -> impl Iterator<Item = Rc<Ask>> {
        let mut asked = 0;
        std::iter::from_fn(move || {
            let ask = (asked < bytes).then(|| self.ask())?;
            asked += if ask.form == Form::Get { ask.object.bytes as u64 } else { 0 };
            Some(Rc::new(ask))
        })
    }

    fn ask(&mut self) -> Ask {
        let number = self.draw();
        self.remember(number);
        let object = object(number);
        let variant = pick(&ENCODINGS, self.random.usize(..100));
        let form = match object.nature {
            Nature::Plain | Nature::Varied => pick(&FORMS, self.random.usize(..100)),
            Nature::Private | Nature::Gone => Form::Get,
        };
        Ask::new(object, form, variant)
    }

    fn draw(&mut self) -> u32 {
        let share = self.random.f64();
        if share < ONCE_SHARE {
            self.once += 1;
            return self.once - 1;
        }
        if share < ONCE_SHARE + AGAIN_SHARE
            && let Some(&number) = self.random.choice(&self.recent)
        {
            return number;
        }
        self.ranks[self.ladder.draw(&mut self.random)]
    }

    fn remember(&mut self, number: u32) {
        if self.recent.len() < self.recent_max {
            self.recent.push(number);
        } else {
            let oldest = self.asked % self.recent_max;
            self.recent[oldest] = number;
        }
        self.asked += 1;
        if self.asked.is_multiple_of(self.per_minute) {
            self.move_ranks();
        }
    }

    fn move_ranks(&mut self) {
        for _ in 0..(self.moving as f64 * MOVING_SHARE) as usize {
            let (high, any) = (self.random.usize(..self.moving), self.random.usize(..self.ranks.len()));
            self.ranks.swap(high, any);
        }
    }
}

/// An object of the profile, by its number alone.
pub fn object(number: u32) -> Object {
    let mut random = fastrand::Rng::with_seed(SEED ^ u64::from(number) << 32);
    let bytes = size(&mut random);
    let nature = match random.usize(..100) {
        percent if percent < PRIVATE => Nature::Private,
        percent if percent < PRIVATE + GONE => Nature::Gone,
        percent if percent < PRIVATE + GONE + VARIED => Nature::Varied,
        _ => Nature::Plain,
    };
    Object { number, bytes, nature, lifetime_seconds: pick(&LIFETIMES, random.usize(..100)) }
}

fn pick<T: Copy>(shares: &[(usize, T)], percent: usize) -> T {
    let at = shares.partition_point(|&(end, _)| end <= percent);
    shares[at].1
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const EXTENT: Extent = Extent { divisor: 100, per_minute: 10_000 };
    const BYTES: u64 = 1 << 30;

    #[test]
    fn every_run_asks_the_same() {
        let asks = || -> Vec<_> { Profile::new(EXTENT).asks(100 << 20).map(|ask| ask.request.clone()).collect() };
        assert_eq!(asks(), asks());
    }

    #[test]
    fn shares_are_those_of_the_profile() {
        let mut asked = HashMap::new();
        let (mut bytes, mut heads) = (0, 0);
        for ask in Profile::new(EXTENT).asks(BYTES) {
            *asked.entry(ask.object.number).or_insert(0) += 1;
            bytes += if ask.form == Form::Get { ask.object.bytes as u64 } else { 0 };
            heads += usize::from(ask.form == Form::Head);
        }
        let all: usize = asked.values().sum();
        let near = |found: usize, share: f64| {
            let found = found as f64 / all as f64;
            assert!((found / share - 1.0).abs() < 0.2, "{found} instead of {share}");
        };
        let once = asked.keys().filter(|&&number| number >= (OBJECTS / EXTENT.divisor) as u32).count();
        near(once, ONCE_SHARE * 0.97);
        near(heads, 0.02 * 0.95);
        assert!((BYTES..BYTES + (8 << 20)).contains(&bytes), "{bytes}");
    }

    #[test]
    fn natures_and_lifetimes_are_spread_over_the_objects() {
        let objects: Vec<Object> = (0..100_000).map(object).collect();
        let count = |is: fn(&Object) -> bool| objects.iter().filter(|object| is(object)).count() / 1_000;
        assert!((39..=41).contains(&count(|object| object.nature == Nature::Varied)));
        assert!((2..=3).contains(&count(|object| object.nature == Nature::Private)));
        assert!((39..=41).contains(&count(|object| object.lifetime_seconds == 3_600)));
    }
}
