//! One record of the log: a header that checks itself, metadata, a body, each with a checksum of its own.
//!
//! ```text
//!  0 magic "FBR"  3 kind  4 sequence  12 hash of the key  28 length of meta  32 length of body
//! 36 checksum of meta  44 checksum of body  52 zero  56 checksum of the header, bound to store and segment
//! 64 meta ...  body ...  zeros to the next multiple of 8
//! ```
//!
//! All numbers are little-endian. The header's checksum is seeded with the segment it stands in, so bytes that were copied
//! or left over from elsewhere are no record here.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 64;

/// Records start at multiples of this.
pub(super) const ALIGNMENT: u64 = 8;

const MAGIC: [u8; 3] = *b"FBR";

/// The keyed hash of a key: which record it is, and where in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::cache) struct KeyHash(pub(super) u128);

impl KeyHash {
    /// For whoever needs random digits that belong to the key.
    pub(in crate::cache) fn digits(self) -> u128 {
        self.0
    }

    #[cfg(test)]
    pub(in crate::cache) fn of_digits(digits: u128) -> Self {
        Self(digits)
    }

    /// What tables find it by. The hash is keyed, so any half of it is as good as random; the low one is equal for all slices
    /// of a body.
    pub(super) fn half(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// Of which body a slice is, where the key is a slice's.
    pub(super) fn generation(self) -> u64 {
        self.0 as u64
    }
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) enum Kind {
    /// A stored response with its whole body, or the head of a sliced one.
    Entry,
    /// One slice of a large body.
    Slice,
    /// The key was given up: older records of it are void.
    Removal,
    /// By which request fields the variants of a key are told apart.
    Spec,
}

impl Kind {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Spec => 0,
            Self::Entry => 1,
            Self::Slice => 2,
            Self::Removal => 3,
        }
    }

    pub(super) fn of(code: u8) -> Option<Self> {
        [Self::Spec, Self::Entry, Self::Slice, Self::Removal].into_iter().find(|kind| kind.code() == code)
    }
}

/// A record's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// The order in which records were written, over all segments.
    pub(super) sequence: u64,
    pub(super) key: KeyHash,
    pub(super) meta_bytes: u32,
    pub(super) body_bytes: u32,
    meta_sum: u64,
    body_sum: u64,
}

/// The bytes of a record are not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("the header of a record is damaged")]
    Header,
    #[error("the metadata of a record is damaged")]
    Meta,
    #[error("the body of a record is damaged")]
    Body,
    #[error("a record is cut off")]
    Length,
}

impl Header {
    pub(super) fn new(kind: Kind, sequence: u64, key: KeyHash, (meta, body): (&[u8], &[u8])) -> Option<Self> {
        Some(Self {
            kind,
            sequence,
            key,
            meta_bytes: u32::try_from(meta.len()).ok()?,
            body_bytes: u32::try_from(body.len()).ok()?,
            meta_sum: xxh3_64(meta),
            body_sum: xxh3_64(body),
        })
    }

    /// The same record, written again.
    pub(super) fn again(self, sequence: u64) -> Self {
        Self { sequence, ..self }
    }

    /// The header as it stands in a segment; `seal` is that segment's.
    pub(super) fn encode(&self, seal: u64) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..3].copy_from_slice(&MAGIC);
        bytes[3] = self.kind.code();
        bytes[4..12].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[12..28].copy_from_slice(&self.key.0.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.meta_bytes.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes[36..44].copy_from_slice(&self.meta_sum.to_le_bytes());
        bytes[44..52].copy_from_slice(&self.body_sum.to_le_bytes());
        let sum = xxh3_64_with_seed(&bytes[..56], seal);
        bytes[56..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The header at the start of `bytes`.
    pub(super) fn decode(bytes: &[u8], seal: u64) -> Result<Self, Damage> {
        let bytes: &[u8; HEADER_BYTES] =
            bytes.get(..HEADER_BYTES).and_then(|bytes| bytes.try_into().ok()).ok_or(Damage::Header)?;
        let kind = Kind::of(bytes[3]).ok_or(Damage::Header)?;
        if bytes[..3] != MAGIC || u64_at(bytes, 56) != xxh3_64_with_seed(&bytes[..56], seal) {
            return Err(Damage::Header);
        }
        let half = |at| u128::from(u64_at(bytes, at));
        Ok(Self {
            kind,
            sequence: u64_at(bytes, 4),
            key: KeyHash(half(12) | half(20) << 64),
            meta_bytes: u32_at(bytes, 28),
            body_bytes: u32_at(bytes, 32),
            meta_sum: u64_at(bytes, 36),
            body_sum: u64_at(bytes, 44),
        })
    }

    /// The header that `bytes` were before one of their bits flipped, if that is all that happened to them.
    pub(super) fn repair(bytes: &[u8], seal: u64) -> Option<Self> {
        let mut bytes: [u8; HEADER_BYTES] = bytes.get(..HEADER_BYTES)?.try_into().ok()?;
        (0..HEADER_BYTES * 8).find_map(|bit| {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let found = Self::decode(&bytes, seal).ok();
            bytes[bit / 8] ^= 1 << (bit % 8);
            found
        })
    }

    /// Bytes from the start of this record to the start of the next.
    pub(super) fn record_bytes(&self) -> u64 {
        let whole = HEADER_BYTES as u64 + u64::from(self.meta_bytes) + u64::from(self.body_bytes);
        whole.next_multiple_of(ALIGNMENT)
    }

    pub(super) fn check_meta(&self, meta: &[u8]) -> Result<(), Damage> {
        if xxh3_64(meta) == self.meta_sum { Ok(()) } else { Err(Damage::Meta) }
    }

    pub(super) fn check_body(&self, body: &[u8]) -> Result<(), Damage> {
        if xxh3_64(body) == self.body_sum { Ok(()) } else { Err(Damage::Body) }
    }
}

fn u64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

fn u32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEAL: u64 = 7;

    fn header(meta: &[u8], body: &[u8]) -> Header {
        Header::new(Kind::Entry, 42, KeyHash(1 << 100 | 3), (meta, body)).expect("small parts")
    }

    #[test]
    fn records_are_aligned() {
        assert_eq!(header(b"", b"").record_bytes(), 64);
        assert_eq!(header(b"a", b"").record_bytes(), 72);
        assert_eq!(header(b"12345678", b"12345678").record_bytes(), 80);
    }

    #[test]
    fn a_record_of_another_segment_is_none_here() {
        let bytes = header(b"m", b"b").encode(SEAL);
        assert_eq!(Header::decode(&bytes, SEAL), Ok(header(b"m", b"b")));
        assert_eq!(Header::decode(&bytes, SEAL + 1), Err(Damage::Header));
    }

    proptest! {
        #[test]
        fn written_and_read_again_it_is_the_same(
            sequence in any::<u64>(), key in any::<u128>(),
            meta in proptest::collection::vec(any::<u8>(), 0..64), body in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            for kind in [Kind::Entry, Kind::Slice, Kind::Removal] {
                let header = Header::new(kind, sequence, KeyHash(key), (&meta, &body)).expect("small parts");
                prop_assert_eq!(Header::decode(&header.encode(SEAL), SEAL), Ok(header));
                prop_assert_eq!(header.check_meta(&meta), Ok(()));
                prop_assert_eq!(header.check_body(&body), Ok(()));
            }
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            prop_assert_eq!(Header::decode(&bytes, SEAL), Err(Damage::Header));
        }

        #[test]
        fn a_flipped_bit_is_noticed(
            meta in proptest::collection::vec(any::<u8>(), 1..64), body in proptest::collection::vec(any::<u8>(), 1..64),
            bit in any::<proptest::sample::Index>(),
        ) {
            let whole = header(&meta, &body);
            let mut bytes = [whole.encode(SEAL).to_vec(), meta.clone(), body.clone()].concat();
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let noticed = Header::decode(&bytes, SEAL).and_then(|header| {
                header.check_meta(&bytes[HEADER_BYTES..HEADER_BYTES + meta.len()])?;
                header.check_body(&bytes[HEADER_BYTES + meta.len()..])
            });
            prop_assert!(noticed.is_err());
        }
    }
}
