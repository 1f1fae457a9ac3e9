//! One file of the log: a header that names it, records, and, once it is full, a footer that lists them.
//!
//! ```text
//! 0 "FBSEGMNT"  8 version  12 zero  16 store  24 number  32 sequence of the first record  40 zero  56 checksum
//! ```
//!
//! The sequences of the records in a log have no gaps, so whoever reads them in order sees what is missing.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The version of everything in a segment. Files of another one are none of this log's.
pub(super) const VERSION: u32 = 1;

/// Bytes of a segment's header.
pub(super) const SEGMENT_HEADER_BYTES: u64 = 64;

const MAGIC: [u8; 8] = *b"FBSEGMNT";
const SUFFIX: &str = ".segment";
const DIGITS: usize = 10;

/// Which store and which of its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentName {
    pub(super) store: u64,
    pub(super) number: u32,
}

impl SegmentName {
    /// The seed of every checksum in the segment, so that nothing from elsewhere passes for its own.
    pub(super) fn seal(self) -> u64 {
        xxh3_64_with_seed(&self.number.to_le_bytes(), self.store)
    }

    pub(super) fn file_name(self) -> String {
        format!("{:0DIGITS$}{SUFFIX}", self.number)
    }

    /// The number in a file's name; `None` where it is no segment's.
    pub(super) fn number_of(file_name: &str) -> Option<u32> {
        let digits = file_name.strip_suffix(SUFFIX).filter(|digits| digits.len() == DIGITS)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    }
}

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is the segment that its name says, and its first record has this sequence.
    Own(u64),
    /// It is whole, and of another store or version.
    Foreign,
    /// It may be anything.
    Damaged,
}

pub(super) fn encode_header(name: SegmentName, first: u64) -> [u8; SEGMENT_HEADER_BYTES as usize] {
    let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&name.store.to_le_bytes());
    bytes[24..32].copy_from_slice(&u64::from(name.number).to_le_bytes());
    bytes[32..40].copy_from_slice(&first.to_le_bytes());
    let sum = xxh3_64(&bytes[..56]);
    bytes[56..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

pub(super) fn decode_header(bytes: &[u8], name: SegmentName) -> Origin {
    let whole = bytes.len() >= SEGMENT_HEADER_BYTES as usize && bytes[..8] == MAGIC;
    if !whole || number(&bytes[56..64]) != xxh3_64(&bytes[..56]) {
        return Origin::Damaged;
    }
    if number(&bytes[8..12]) != u64::from(VERSION) || number(&bytes[16..24]) != name.store {
        return Origin::Foreign;
    }
    // Under another name, nobody knows what the one was that the name belongs to.
    if number(&bytes[24..32]) != u64::from(name.number) {
        return Origin::Damaged;
    }
    Origin::Own(number(&bytes[32..40]))
}

/// A little-endian number of up to eight bytes.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: SegmentName = SegmentName { store: 77, number: 3 };

    #[test]
    fn only_ten_digits_make_a_name() {
        assert_eq!(NAME.file_name(), "0000000003.segment");
        let rows = [
            ("0000000003.segment", Some(3)),
            ("4294967295.segment", Some(u32::MAX)),
            ("4294967296.segment", None),
            ("3.segment", None),
            ("00000000003.segment", None),
            ("+000000003.segment", None),
            ("000000000\u{663}.segment", None),
            ("0000000003.segment~", None),
            (".segment", None),
            ("journal", None),
        ];
        for (name, number) in rows {
            assert_eq!(SegmentName::number_of(name), number, "{name}");
        }
    }

    #[test]
    fn a_header_says_whose_it_is() {
        let header = encode_header(NAME, 42);
        assert_eq!(decode_header(&header, NAME), Origin::Own(42));
        assert_eq!(decode_header(&header, SegmentName { store: 78, ..NAME }), Origin::Foreign);
        assert_eq!(decode_header(&header, SegmentName { number: 4, ..NAME }), Origin::Damaged);
        assert_eq!(decode_header(&header[..63], NAME), Origin::Damaged);
        let mut later = header;
        later[8] = 2;
        let sum = xxh3_64(&later[..56]);
        later[56..].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(decode_header(&later, NAME), Origin::Foreign);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_damaged_header(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            prop_assert_eq!(decode_header(&bytes, NAME), Origin::Damaged);
        }

        #[test]
        fn a_flipped_bit_damages_a_header(first in any::<u64>(), bit in 0..SEGMENT_HEADER_BYTES as usize * 8) {
            let mut header = encode_header(NAME, first);
            header[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(decode_header(&header, NAME), Origin::Damaged);
        }
    }
}
