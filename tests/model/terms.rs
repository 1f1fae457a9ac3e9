//! What an origin says of a response as far as caches are concerned, as data: the model reads the data, the node reads the
//! fields that are made of it.

use std::fmt;

use fastrand::Rng;

use crate::purge::Tags;

/// Seconds that lifetimes, windows and ages are made of. The clock steps by the same, so that limits are met exactly.
pub(crate) const SECONDS: [u64; 9] = [0, 1, 5, 10, 11, 60, 61, 300, 3_600];

/// The directives of `Cache-Control` or `CDN-Cache-Control`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) private: bool,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) max_age: Option<u64>,
    pub(crate) s_maxage: Option<u64>,
    pub(crate) while_revalidate: Option<u64>,
    pub(crate) if_error: Option<u64>,
}

/// Which request fields a response was selected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vary {
    Nothing,
    Tier,
    Language,
    Both,
    Star,
}

/// Everything that is said apart from status and content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) control: Option<Directives>,
    /// `CDN-Cache-Control`.
    pub(crate) targeted: Option<Directives>,
    /// `Expires`, in seconds from now.
    pub(crate) expires: Option<i64>,
    /// How many seconds `Date` is behind; `None` where there is no `Date`.
    pub(crate) behind: Option<u64>,
    pub(crate) age: Option<u64>,
    pub(crate) tags: Tags,
}

pub(crate) fn seconds(rng: &mut Rng) -> u64 {
    rng.choice(SECONDS).expect("the list has members")
}

/// True so many times in a hundred.
pub(crate) fn percent(rng: &mut Rng, chance: u8) -> bool {
    rng.u8(..100) < chance
}

/// `Some` so many times in a hundred.
pub(crate) fn sometimes<T>(rng: &mut Rng, chance: u8, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    percent(rng, chance).then(|| make(rng))
}

impl Directives {
    fn random(rng: &mut Rng) -> Self {
        Self {
            no_store: percent(rng, 4),
            no_cache: percent(rng, 7),
            private: percent(rng, 5),
            public: percent(rng, 15),
            must_revalidate: percent(rng, 8),
            proxy_revalidate: percent(rng, 5),
            max_age: sometimes(rng, 80, seconds),
            s_maxage: sometimes(rng, 15, seconds),
            while_revalidate: sometimes(rng, 25, seconds),
            if_error: sometimes(rng, 25, seconds),
        }
    }

    /// As a field's value; empty where nothing is said.
    pub(crate) fn value(&self) -> String {
        let flags = [
            (self.no_store, "no-store"),
            (self.no_cache, "no-cache"),
            (self.private, "private"),
            (self.public, "public"),
            (self.must_revalidate, "must-revalidate"),
            (self.proxy_revalidate, "proxy-revalidate"),
        ];
        let times = [
            ("max-age", self.max_age),
            ("s-maxage", self.s_maxage),
            ("stale-while-revalidate", self.while_revalidate),
            ("stale-if-error", self.if_error),
        ];
        let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_owned());
        let times = times.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        flags.chain(times).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Debug for Directives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.value())
    }
}

impl Terms {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        Self {
            control: sometimes(rng, 85, Directives::random).filter(|said| *said != Directives::default()),
            targeted: sometimes(rng, 12, Directives::random).filter(|said| *said != Directives::default()),
            expires: sometimes(rng, 15, |rng| i64::try_from(seconds(rng)).unwrap_or(0) - 5),
            behind: sometimes(rng, 85, |rng| if percent(rng, 80) { 0 } else { seconds(rng) }),
            age: sometimes(rng, 15, seconds),
            tags: Tags::random(rng),
        }
    }
}

impl Vary {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        let common = [Self::Nothing, Self::Nothing, Self::Nothing, Self::Tier, Self::Tier, Self::Language, Self::Both];
        if percent(rng, 3) { Self::Star } else { rng.choice(common).expect("the list has members") }
    }

    pub(crate) fn by_tier(self) -> bool {
        matches!(self, Self::Tier | Self::Both)
    }

    pub(crate) fn by_language(self) -> bool {
        matches!(self, Self::Language | Self::Both)
    }

    pub(crate) fn value(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Tier => Some("X-Tier"),
            Self::Language => Some("Accept-Language"),
            Self::Both => Some("accept-language, x-tier"),
            Self::Star => Some("*"),
        }
    }
}
