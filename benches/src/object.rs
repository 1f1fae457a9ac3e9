//! One object of a benchmark. Its path says all of it, so that the origin can make it and the client can check it.
//!
//! Bodies are windows of one pool of random bytes, as incompressible as pictures are: making one costs the origin
//! nothing, and a body of another object, another variant or another place in the same object differs at once.

use std::sync::LazyLock;

use anyhow::{Context, Result};

/// No object is larger: the end of the published distribution of sizes.
pub const BYTES_MAX: usize = 4_176_255;
pub const DAY_SECONDS: u32 = 86_400;

/// Windows begin anywhere in so many bytes.
const WINDOWS: usize = 8 << 20;
const POOL_SEED: u64 = 0x5eed;

static POOL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut pool = vec![0; WINDOWS + BYTES_MAX];
    fastrand::Rng::with_seed(POOL_SEED).fill(&mut pool);
    pool
});

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    pub number: u32,
    pub bytes: usize,
    pub nature: Nature,
    /// `max-age`.
    pub lifetime_seconds: u32,
}

/// How an origin answers for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    Plain,
    /// `Vary: Accept-Encoding`, and another body for each encoding.
    Varied,
    /// `no-store`.
    Private,
    /// 404, and that may be stored.
    Gone,
}

/// Which answer of a varied object: what the client's `Accept-Encoding` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    Brotli,
    Gzip,
    Identity,
}

impl Object {
    /// To be stored for a day.
    pub fn plain(number: u32, bytes: usize) -> Self {
        Self { number, bytes, nature: Nature::Plain, lifetime_seconds: DAY_SECONDS }
    }

    pub fn path(&self) -> String {
        format!("/{}/{}/{}/{}", self.nature.word(), self.number, self.bytes, self.lifetime_seconds)
    }

    /// The reverse of `path`.
    pub fn parse(path: &str) -> Result<Self> {
        let mut parts = path.trim_start_matches('/').split('/');
        let mut next = || parts.next().with_context(|| format!("a path of four parts: {path}"));
        let nature = Nature::parse(next()?)?;
        Ok(Self { nature, number: next()?.parse()?, bytes: next()?.parse()?, lifetime_seconds: next()?.parse()? })
    }

    /// What the origin makes of the variant that is asked for.
    pub fn variant(&self, asked: Variant) -> Variant {
        if self.nature == Nature::Varied { asked } else { Variant::Identity }
    }

    /// With its quotes.
    pub fn etag(&self, asked: Variant) -> String {
        format!("\"{}-{}\"", self.number, self.variant(asked) as u8)
    }

    pub fn body(&self, asked: Variant) -> &'static [u8] {
        let seed = u64::from(self.number) << 2 | self.variant(asked) as u64;
        let start = fastrand::Rng::with_seed(seed).usize(..WINDOWS);
        &POOL[start..start + self.bytes]
    }
}

impl Nature {
    pub const ALL: [Self; 4] = [Self::Plain, Self::Varied, Self::Private, Self::Gone];

    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Varied => "varied",
            Self::Private => "private",
            Self::Gone => "gone",
        }
    }

    fn parse(word: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|nature| nature.word() == word).with_context(|| format!("no nature: {word}"))
    }
}

impl Variant {
    /// A value of `Accept-Encoding`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Brotli => "gzip, br",
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }

    /// However a cache in between has written the field anew.
    pub fn accepted(encodings: &str) -> Self {
        match (encodings.contains("br"), encodings.contains("gzip")) {
            (true, _) => Self::Brotli,
            (false, true) => Self::Gzip,
            (false, false) => Self::Identity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_all() {
        for nature in Nature::ALL {
            let object = Object { number: 7, bytes: 1_024, nature, lifetime_seconds: 10 };
            assert_eq!(Object::parse(&object.path()).unwrap(), object);
        }
        for path in ["/", "/plain/7/1024", "/odd/7/1024/10", "/plain/x/1024/10"] {
            assert!(Object::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn bodies_of_objects_and_variants_differ() {
        let varied = Object { nature: Nature::Varied, ..Object::plain(7, 64) };
        assert_ne!(varied.body(Variant::Gzip), varied.body(Variant::Brotli));
        assert_ne!(varied.etag(Variant::Gzip), varied.etag(Variant::Brotli));
        let plain = Object::plain(7, 64);
        assert_eq!(plain.body(Variant::Gzip), plain.body(Variant::Brotli));
        assert_ne!(plain.body(Variant::Gzip), Object::plain(8, 64).body(Variant::Gzip));
        assert_eq!(Object::plain(7, BYTES_MAX).body(Variant::Gzip).len(), BYTES_MAX);
    }

    #[test]
    fn an_encoding_is_known_in_any_spelling() {
        for variant in [Variant::Brotli, Variant::Gzip, Variant::Identity] {
            assert_eq!(Variant::accepted(variant.word()), variant);
        }
        assert_eq!(Variant::accepted("br,gzip"), Variant::Brotli);
        assert_eq!(Variant::accepted(""), Variant::Identity);
    }
}
