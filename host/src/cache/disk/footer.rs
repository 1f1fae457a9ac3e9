//! The list of a segment's records, at its end, so that a start need not look at each of them.
//!
//! ```text
//! mark, 32 bytes:  0 "FBFOOTER"  8 count  12 zero  16 checksum of the lines  24 checksum of these 24 bytes
//! lines, 32 bytes: 0 hash of the key  16 sequence and kind  24 position / 8  28 length / 8
//! the same mark again
//! ```
//!
//! The last mark is how a footer is found; the first one tells a walk that the records end there, whatever became of the rest.

use std::io::{self, IoSlice};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::device::{DeviceFile, read_whole};
use super::index::Place;
use super::record::{ALIGNMENT, Header, KeyHash, Kind};
use super::segment::{SEGMENT_HEADER_BYTES, number};

/// Bytes of a mark.
pub(super) const MARK_BYTES: usize = 32;

const LINE_BYTES: usize = 32;
const MAGIC: [u8; 8] = *b"FBFOOTER";

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

    /// Where the next record stands.
    pub(super) fn end(&self) -> u64 {
        self.position + self.length
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

/// What stands before and after the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) count: u32,
    sum: u64,
}

impl Mark {
    fn encode(self, seal: u64) -> [u8; MARK_BYTES] {
        let mut bytes = [0; MARK_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.count.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sum.to_le_bytes());
        let sum = xxh3_64_with_seed(&bytes[..24], seal);
        bytes[24..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The mark at the start of `bytes`, if one is there.
    pub(super) fn decode(bytes: &[u8], seal: u64) -> Option<Self> {
        let bytes = bytes.get(..MARK_BYTES).filter(|bytes| bytes.starts_with(&MAGIC))?;
        let whole = number(&bytes[24..32]) == xxh3_64_with_seed(&bytes[..24], seal);
        whole.then(|| Self { count: number(&bytes[8..12]) as u32, sum: number(&bytes[16..24]) })
    }
}

/// Bytes of a footer with so many lines.
pub(super) fn footer_bytes(lines: usize) -> u64 {
    (2 * MARK_BYTES + lines * LINE_BYTES) as u64
}

/// Ends a segment at `position` with the list of its records.
pub(super) fn write(file: &impl DeviceFile, position: u64, lines: &[Line], seal: u64) -> io::Result<()> {
    let mut list = Vec::with_capacity(lines.len() * LINE_BYTES);
    lines.iter().for_each(|line| line.encode(&mut list));
    let mark = Mark { count: lines.len() as u32, sum: xxh3_64_with_seed(&list, seal) }.encode(seal);
    file.write_at(position, &[IoSlice::new(&mark), IoSlice::new(&list), IoSlice::new(&mark)])
}

/// The list at the end of a segment's file, if a whole and undamaged one is there. An error is the disk's.
pub(super) fn read(file: &impl DeviceFile, seal: u64) -> io::Result<Option<Vec<Line>>> {
    let length = file.length()?;
    let Some(last) = length.checked_sub(MARK_BYTES as u64) else { return Ok(None) };
    let mut mark = [0; MARK_BYTES];
    read_whole(file, last, &mut mark)?;
    let Some(mark) = Mark::decode(&mark, seal) else { return Ok(None) };
    let start = length.checked_sub(footer_bytes(mark.count as usize)).filter(|start| *start >= SEGMENT_HEADER_BYTES);
    let Some(start) = start else { return Ok(None) };
    let mut list = vec![0; mark.count as usize * LINE_BYTES];
    read_whole(file, start + MARK_BYTES as u64, &mut list)?;
    if xxh3_64_with_seed(&list, seal) != mark.sum {
        return Ok(None);
    }
    let lines: Option<Vec<Line>> = list.chunks_exact(LINE_BYTES).map(Line::decode).collect();
    Ok(lines.filter(|lines| are_plausible(lines, start)))
}

/// Do the records follow each other, between the segment's header and `end`?
pub(super) fn are_plausible(lines: &[Line], end: u64) -> bool {
    let mut at = SEGMENT_HEADER_BYTES;
    let mut follow = |line: &Line| std::mem::replace(&mut at, line.end()) == line.position;
    let in_place = lines.iter().all(|line| line.length > 0 && follow(line));
    let in_order = lines.is_sorted_by(|a, b| a.sequence.checked_add(1) == Some(b.sequence));
    in_place && in_order && at == end
}

#[cfg(test)]
mod tests;
