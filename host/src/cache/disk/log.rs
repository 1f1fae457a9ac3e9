//! The log: records appended to the newest segment, the oldest one removed when the budget is used up.
//!
//! Driven by one thread, so the order of records is the order of writes. Readers meet it only in the index and in the table
//! of segments.

use std::io::{self, IoSlice};
use std::sync::Arc;

use super::device::{Device, DeviceFile};
use super::index::{Index, Place};
use super::record::{ALIGNMENT, HEADER_BYTES, Header, KeyHash, Kind};
use super::segment::{self, Line, SEGMENT_HEADER_BYTES, SegmentName};
use super::segments::{Segment, Segments};

/// How much there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// A segment is sealed before it grows beyond this.
    pub(super) segment_bytes: u64,
    /// All files together.
    pub(super) bytes_max: u64,
}

/// Of an evicted segment, at most one part in this many is written again because it was read.
const KEPT_SHARE: u64 = 4;

/// Bytes that a footer takes for one record, and for itself.
const FOOTER_LINE_BYTES: u64 = 32;

/// What is written under a key.
pub(super) struct Content<'a> {
    pub(super) kind: Kind,
    pub(super) key: KeyHash,
    pub(super) meta: &'a [u8],
    pub(super) body: &'a [u8],
}

/// Why a record was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// No segment, and so no budget, has room for it.
    #[error("a record of {0} bytes does not fit into a segment")]
    TooLarge(u64),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A record read back whole.
struct Copy {
    kind: Kind,
    key: KeyHash,
    meta: Vec<u8>,
    body: Vec<u8>,
}

/// The segment that is being written.
pub(super) struct Active<F> {
    pub(super) segment: Arc<Segment<F>>,
    pub(super) position: u64,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Log<D: Device> {
    pub(super) device: Arc<D>,
    pub(super) store: u64,
    pub(super) limits: Limits,
    pub(super) index: Arc<Index>,
    pub(super) segments: Arc<Segments<D::File>>,
    pub(super) active: Option<Active<D::File>>,
    /// The number of the next segment.
    pub(super) next: u32,
    /// The sequence of the next record.
    pub(super) sequence: u64,
}

impl<D: Device> Log<D> {
    /// Writes a record and makes it the newest of its key. After an error the key has none.
    pub(super) fn write(&mut self, content: &Content<'_>) -> Result<Place, WriteError> {
        let written = self.append(content);
        match &written {
            Ok(place) if content.kind != Kind::Removal => {
                if self.index.insert(content.key, *place).is_none() {
                    self.index.remove(content.key);
                }
            }
            _ => {
                self.index.remove(content.key);
            }
        }
        written
    }

    /// Ends the newest segment with its footer, so that the next start need not walk it.
    pub(super) fn seal(&mut self) {
        let Some(active) = self.active.take() else { return };
        let segment = &active.segment;
        // Without a footer the segment is walked, so a full disk only costs the next start some time.
        if let Ok(bytes) = segment::write_footer(&segment.file, active.position, &active.lines, segment.seal) {
            segment.set_bytes(active.position + bytes);
        } else {
            _ = segment.file.truncate(active.position);
        }
    }

    fn append(&mut self, content: &Content<'_>) -> Result<Place, WriteError> {
        let parts = (content.meta, content.body);
        let sequence = self.sequence;
        let too_large = || WriteError::TooLarge(content.meta.len() as u64 + content.body.len() as u64);
        let header = Header::new(content.kind, sequence, content.key, parts).ok_or_else(too_large)?;
        let length = header.record_bytes();
        if SEGMENT_HEADER_BYTES + length + 2 * FOOTER_LINE_BYTES > self.limits.segment_bytes {
            return Err(too_large());
        }
        self.make_room(length);
        loop {
            match self.append_once(&header, parts) {
                // The disk is smaller than the budget: what is oldest goes, and the write is tried again.
                Err(error) if error.kind() == io::ErrorKind::StorageFull && self.segments.len() > 1 => {
                    self.evict_oldest(0);
                }
                Err(error) => return Err(error.into()),
                Ok(place) => {
                    self.sequence += 1;
                    return Ok(place);
                }
            }
        }
    }

    fn append_once(&mut self, header: &Header, (meta, body): (&[u8], &[u8])) -> io::Result<Place> {
        let length = header.record_bytes();
        let active = self.segment_for(length)?;
        let head = header.encode(active.segment.seal);
        let padding = [0; ALIGNMENT as usize];
        let used = HEADER_BYTES + meta.len() + body.len();
        let rest = &padding[..(length - used as u64) as usize];
        let parts = [IoSlice::new(&head), IoSlice::new(meta), IoSlice::new(body), IoSlice::new(rest)];
        let position = active.position;
        if let Err(error) = active.segment.file.write_at(position, &parts) {
            // What is left of it is overwritten by the next record, or found torn.
            _ = active.segment.file.truncate(position);
            return Err(error);
        }
        active.position += length;
        active.segment.set_bytes(active.position);
        active.lines.push(Line::new(header, position));
        Ok(Place { segment: active.segment.name.number, position, length })
    }

    /// The newest segment if the record and the footer still fit, else a new one.
    fn segment_for(&mut self, length: u64) -> io::Result<&mut Active<D::File>> {
        let full = |active: &Active<D::File>| {
            let footer = (active.lines.len() as u64 + 2) * FOOTER_LINE_BYTES;
            active.position + length + footer > self.limits.segment_bytes
        };
        if self.active.as_ref().is_some_and(full) {
            self.seal();
        }
        match &mut self.active {
            Some(active) => Ok(active),
            none => {
                let name = SegmentName { store: self.store, number: self.next };
                let file = self.device.create(&name.file_name())?;
                self.next += 1;
                let header = segment::encode_header(name, self.sequence);
                if let Err(error) = file.write_at(0, &[IoSlice::new(&header)]) {
                    _ = self.device.remove(&name.file_name());
                    self.next -= 1;
                    return Err(error);
                }
                let segment = Segment::new(name, file, SEGMENT_HEADER_BYTES);
                self.segments.add(segment.clone());
                Ok(none.insert(Active { segment, position: SEGMENT_HEADER_BYTES, lines: Vec::new() }))
            }
        }
    }

    /// Evicts until one more record fits into the budget, with the footer that its segment will have.
    fn make_room(&mut self, length: u64) {
        let lines = self.active.as_ref().map_or(0, |active| active.lines.len() as u64);
        let wanted = length + SEGMENT_HEADER_BYTES + (lines + 4) * FOOTER_LINE_BYTES;
        while self.segments.bytes() + wanted > self.limits.bytes_max && self.segments.len() > 1 {
            self.evict_oldest(self.limits.segment_bytes / KEPT_SHARE);
        }
    }

    /// Removes the oldest segment. Of its records that were read since they were written, up to `kept_bytes` are written
    /// again.
    fn evict_oldest(&mut self, kept_bytes: u64) {
        let Some(oldest) = self.segments.oldest() else { return };
        if self.active.as_ref().is_some_and(|active| active.segment.name == oldest.name) {
            self.seal();
        }
        let kept = self.forget(&oldest, kept_bytes);
        self.segments.remove(oldest.name.number);
        // A file that cannot be removed is found again at the next start, older than everything else.
        if self.device.remove(&oldest.name.file_name()).is_err() {
            _ = oldest.file.truncate(0);
        }
        for copy in kept {
            let Copy { kind, key, meta, body } = &copy;
            // What cannot be written is forgotten, as it would have been anyway.
            if let Ok(place) = self.append(&Content { kind: *kind, key: *key, meta, body }) {
                self.index.insert(*key, place);
            }
        }
    }

    /// Takes a segment's records out of the index; the ones worth keeping are given back.
    fn forget(&self, segment: &Segment<D::File>, kept_bytes: u64) -> Vec<Copy> {
        let Ok(Some(lines)) = segment::read_footer(&segment.file, segment.seal) else {
            // No list says which keys these are, so they are found by their place.
            self.index.remove_segment(segment.name.number);
            return Vec::new();
        };
        let (mut kept, mut bytes) = (Vec::new(), 0);
        for line in &lines {
            let place = line.place(segment.name.number);
            let read = self.index.reads_at(line.key, place).is_some_and(|reads| reads > 0);
            if read
                && bytes + line.length <= kept_bytes
                && let Some(copy) = read_back(segment, line)
            {
                bytes += line.length;
                kept.push(copy);
            }
            _ = self.index.remove_at(line.key, place);
        }
        kept
    }
}

fn read_back<F: DeviceFile>(segment: &Segment<F>, line: &Line) -> Option<Copy> {
    let mut bytes = vec![0; usize::try_from(line.length).ok()?];
    let read = segment.file.read_at(line.position, &mut bytes).ok()?;
    let header = Header::decode(bytes.get(..read)?, segment.seal).ok()?;
    let meta_end = HEADER_BYTES + header.meta_bytes as usize;
    let meta = bytes.get(HEADER_BYTES..meta_end)?.to_vec();
    let body = bytes.get(meta_end..meta_end + header.body_bytes as usize)?.to_vec();
    header.check_meta(&meta).and(header.check_body(&body)).ok()?;
    Some(Copy { kind: header.kind, key: header.key, meta, body })
}
