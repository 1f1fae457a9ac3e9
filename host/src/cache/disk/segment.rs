//! One file of the log: a header that names it, records, and, once it is full, a footer that lists them.
//!
//! ```text
//! header, 64 bytes:  0 "FBSEGMNT"  8 version  12 zero  16 store  24 number  32 first sequence  40 zero  56 checksum
//! footer:            32 bytes for each record, in their order
//! trailer, 32 bytes: 0 "FBFOOTER"  8 count  12 zero  16 checksum of the footer  24 checksum of these 24 bytes
//! ```
//!
//! A start reads footers only; where one is missing or damaged, the records are walked.

use std::io::{self, IoSlice};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::device::DeviceFile;
use super::index::Place;
use super::record::{ALIGNMENT, Header, KeyHash, Kind};

/// The version of everything in a segment. Another one is refused, not guessed at.
pub(super) const VERSION: u32 = 1;

/// Bytes of a segment's header.
pub(super) const SEGMENT_HEADER_BYTES: u64 = 64;

const SEGMENT_MAGIC: [u8; 8] = *b"FBSEGMNT";
const FOOTER_MAGIC: [u8; 8] = *b"FBFOOTER";
const LINE_BYTES: usize = 32;
const TRAILER_BYTES: usize = 32;

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
        format!("{:010}.segment", self.number)
    }

    /// The number in a file's name; `None` where it is no segment's.
    pub(super) fn number_of(file_name: &str) -> Option<u32> {
        let digits = file_name.strip_suffix(".segment").filter(|digits| digits.len() == 10)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    }
}

/// Why a file is no segment of this store.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSegment {
    #[error("the format version is {0}, this program reads {VERSION}")]
    Version(u32),
    #[error("the header is damaged, or of another store")]
    Header,
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub(super) fn encode_header(name: SegmentName, first_sequence: u64) -> [u8; SEGMENT_HEADER_BYTES as usize] {
    let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
    bytes[..8].copy_from_slice(&SEGMENT_MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&name.store.to_le_bytes());
    bytes[24..32].copy_from_slice(&u64::from(name.number).to_le_bytes());
    bytes[32..40].copy_from_slice(&first_sequence.to_le_bytes());
    let sum = xxh3_64(&bytes[..56]);
    bytes[56..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The first sequence of the segment that a file holds.
pub(super) fn decode_header(bytes: &[u8], name: SegmentName) -> Result<u64, NoSegment> {
    if bytes.len() < SEGMENT_HEADER_BYTES as usize || bytes[..8] != SEGMENT_MAGIC {
        return Err(NoSegment::Header);
    }
    let version = number(&bytes[8..12]) as u32;
    if version != VERSION {
        return Err(NoSegment::Version(version));
    }
    if number(&bytes[56..64]) != xxh3_64(&bytes[..56]) {
        return Err(NoSegment::Header);
    }
    if number(&bytes[16..24]) != name.store || number(&bytes[24..32]) != u64::from(name.number) {
        return Err(NoSegment::Header);
    }
    Ok(number(&bytes[32..40]))
}

/// One line of a footer: a record and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) kind: Kind,
    pub(super) sequence: u64,
    pub(super) key: KeyHash,
    pub(super) position: u64,
    pub(super) length: u64,
}

impl Line {
    pub(super) fn new(header: &Header, position: u64) -> Self {
        let Header { kind, sequence, key, .. } = *header;
        Self { kind, sequence, key, position, length: header.record_bytes() }
    }

    pub(super) fn place(&self, segment: u32) -> Place {
        Place { segment, position: self.position, length: self.length }
    }

    fn encode(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.key.0.to_le_bytes());
        into.extend_from_slice(&(self.sequence << 2 | u64::from(self.kind.code())).to_le_bytes());
        into.extend_from_slice(&((self.position / ALIGNMENT) as u32).to_le_bytes());
        into.extend_from_slice(&((self.length / ALIGNMENT) as u32).to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let half = |at: usize| u128::from(number(&bytes[at..at + 8]));
        let order = number(&bytes[16..24]);
        Some(Self {
            kind: Kind::of((order & 3) as u8)?,
            sequence: order >> 2,
            key: KeyHash(half(0) | half(8) << 64),
            position: number(&bytes[24..28]) * ALIGNMENT,
            length: number(&bytes[28..32]) * ALIGNMENT,
        })
    }
}

/// Ends a segment at `position` with the list of its records.
pub(super) fn write_footer(file: &impl DeviceFile, position: u64, lines: &[Line], seal: u64) -> io::Result<u64> {
    let mut footer = Vec::with_capacity(lines.len() * LINE_BYTES);
    lines.iter().for_each(|line| line.encode(&mut footer));
    let mut trailer = [0; TRAILER_BYTES];
    trailer[..8].copy_from_slice(&FOOTER_MAGIC);
    trailer[8..12].copy_from_slice(&(lines.len() as u32).to_le_bytes());
    trailer[16..24].copy_from_slice(&xxh3_64_with_seed(&footer, seal).to_le_bytes());
    let sum = xxh3_64_with_seed(&trailer[..24], seal);
    trailer[24..].copy_from_slice(&sum.to_le_bytes());
    file.write_at(position, &[IoSlice::new(&footer), IoSlice::new(&trailer)])?;
    Ok((footer.len() + TRAILER_BYTES) as u64)
}

/// The list at the end of a segment's file, if a whole and undamaged one is there.
pub(super) fn read_footer(file: &impl DeviceFile, seal: u64) -> io::Result<Option<Vec<Line>>> {
    let length = file.length()?;
    let mut trailer = [0; TRAILER_BYTES];
    let Some(trailer_at) = length.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
    let read = file.read_at(trailer_at, &mut trailer)?;
    let whole = read == TRAILER_BYTES && trailer[..8] == FOOTER_MAGIC;
    if !whole || number(&trailer[24..32]) != xxh3_64_with_seed(&trailer[..24], seal) {
        return Ok(None);
    }
    let bytes = number(&trailer[8..12]) as usize * LINE_BYTES;
    let Some(footer_at) = trailer_at.checked_sub(bytes as u64).filter(|at| *at >= SEGMENT_HEADER_BYTES) else {
        return Ok(None);
    };
    let mut footer = vec![0; bytes];
    let read = file.read_at(footer_at, &mut footer)?;
    if read != bytes || number(&trailer[16..24]) != xxh3_64_with_seed(&footer, seal) {
        return Ok(None);
    }
    Ok(footer.chunks_exact(LINE_BYTES).map(Line::decode).collect())
}

/// A little-endian number of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
