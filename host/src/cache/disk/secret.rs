//! What makes hashes of keys unpredictable to those who choose keys, and the hashes.
//!
//! Drawn once per store and kept in its superblock. A process has one for its life: what was hashed stays hashed.

use std::hash::{BuildHasher, RandomState};

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

use super::record::KeyHash;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Secret(pub(super) [u8; 16]);

/// What sets slices apart from keys in parts; no list of parts is written like this.
const SLICE: u64 = u64::MAX;

impl Secret {
    pub(super) fn draw() -> Self {
        let halves = u128::from(random()) << 64 | u128::from(random());
        Self(halves.to_le_bytes())
    }

    /// The hash of a key in parts. Each part stands behind its length, so no two lists run into each other.
    pub(super) fn hash(&self, parts: &[&[u8]]) -> KeyHash {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        for part in parts {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        KeyHash(hasher.finish128().into())
    }

    /// The key of a slice: the low half is its body's generation, by which eviction knows whose slice it is.
    pub(super) fn slice_key(&self, generation: u64, number: u32) -> KeyHash {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(&SLICE.to_le_bytes());
        hasher.write(&generation.to_le_bytes());
        hasher.write(&number.to_le_bytes());
        KeyHash(u128::from(hasher.finish128().h1) << 64 | u128::from(generation))
    }
}

/// A number nobody can guess: the system's randomness, behind a keyed hash.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(std::time::SystemTime::now())
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let secret = Secret([7; 16]);
        let lists: [&[&[u8]]; 6] = [&[], &[b""], &[b"ab"], &[b"a", b"b"], &[b"ab", b""], &[b"", b"ab"]];
        let hashes = lists.map(|parts| secret.hash(parts));
        assert!(hashes.iter().enumerate().all(|(at, hash)| !hashes[..at].contains(hash)), "{hashes:?}");
    }

    #[test]
    fn another_secret_makes_other_hashes() {
        let (one, other) = (Secret::draw(), Secret::draw());
        assert_ne!(one.0, other.0);
        assert_ne!(one.hash(&[b"a"]), other.hash(&[b"a"]));
        assert_eq!(one.hash(&[b"a"]), one.hash(&[b"a"]));
    }

    #[test]
    fn a_slices_key_names_its_body_and_differs_by_number() {
        let secret = Secret([7; 16]);
        let (first, second, other) = (secret.slice_key(5, 0), secret.slice_key(5, 1), secret.slice_key(6, 0));
        assert_eq!((first.generation(), second.generation(), other.generation()), (5, 5, 6));
        assert!(first.0 >> 64 != second.0 >> 64 && first.0 >> 64 != other.0 >> 64);
    }
}
