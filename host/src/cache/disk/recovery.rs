//! Finding the log again: the index is rebuilt from the footers of sealed segments and a walk through the last one.
//!
//! What may be stale is not believed: where a damaged place or a missing file could have held a newer record of any key,
//! everything older is given up.

use std::io;
use std::sync::Arc;

use super::device::{Device, DeviceFile};
use super::index::Index;
use super::log::{Limits, Log};
use super::record::Kind;
use super::segment::{self, Line, NoSegment, SEGMENT_HEADER_BYTES, SegmentName};
use super::segments::{Segment, Segments};
use super::walk::{self, End, Walk};

/// What a start found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) segments: usize,
    /// Segments without a usable footer.
    pub(super) walked: usize,
    /// Segments whose records were given up, in whole or in part, because of damage.
    pub(super) doubted: usize,
}

/// Opens the log that is in the folder; an empty folder is an empty log.
pub(super) fn recover<D: Device>(device: Arc<D>, store: u64, limits: Limits) -> Result<(Log<D>, Found), NoSegment> {
    let (index, segments) = (Arc::new(Index::new()), Arc::new(Segments::new()));
    let mut log = Log { device: device.clone(), store, limits, index, segments, active: None, next: 1, sequence: 1 };
    let mut found = Found::default();
    let mut numbers: Vec<u32> = device.list()?.iter().filter_map(|name| SegmentName::number_of(name)).collect();
    numbers.sort_unstable();
    for number in numbers {
        let missing = number != log.next && log.segments.len() > 0;
        log.next = number + 1;
        if missing {
            found.doubted += give_up(&log)?;
        }
        found.segments += 1;
        if !take_in(&mut log, SegmentName { store, number }, &mut found)? {
            found.doubted += 1 + give_up(&log)?;
            device.remove(&SegmentName { store, number }.file_name())?;
        }
    }
    Ok((log, found))
}

/// Adds one segment's records to the index; `false` where nobody knows what they were.
fn take_in<D: Device>(log: &mut Log<D>, name: SegmentName, found: &mut Found) -> Result<bool, NoSegment> {
    let file = log.device.open(&name.file_name())?;
    let mut header = [0; SEGMENT_HEADER_BYTES as usize];
    let read = file.read_at(0, &mut header)?;
    if read < header.len() && file.length()? < SEGMENT_HEADER_BYTES {
        // A writer that was killed at its very first write leaves this, and nothing was in it.
        log.device.remove(&name.file_name())?;
        return Ok(true);
    }
    let first = match segment::decode_header(&header[..read], name) {
        Ok(first) => first,
        Err(NoSegment::Header) => return Ok(false),
        Err(other) => return Err(other),
    };
    if first < log.sequence {
        return Ok(false);
    }
    let segment = Segment::new(name, file, 0);
    let lines = match segment::read_footer(&segment.file, segment.seal)? {
        Some(lines) => lines,
        None => {
            found.walked += 1;
            let walk = walk::walk(&segment.file, segment.seal)?;
            if walk.doubtful > 0 || (walk.lines.is_empty() && walk.end == End::Whole) {
                found.doubted += 1;
            }
            finish(log, &segment, walk)?
        }
    };
    segment.set_bytes(segment.file.length()?);
    for line in &lines {
        apply(&log.index, line, name.number);
    }
    log.sequence = log.sequence.max(lines.last().map_or(first, |line| line.sequence + 1));
    log.segments.add(segment);
    Ok(true)
}

/// Puts a walked segment in order: what cannot be believed is given up, and a footer is written, so that the next start
/// need not walk it again. The lines that count.
fn finish<D: Device>(log: &Log<D>, segment: &Segment<D::File>, walk: Walk) -> io::Result<Vec<Line>> {
    let mut lines = walk.lines;
    if walk.doubtful > 0 || damaged_throughout(&lines, segment, walk.end)? {
        give_up(log)?;
        lines.drain(..walk.doubtful);
    }
    if let End::Torn(Some(key)) = walk.end {
        log.index.remove(key);
        lines.retain(|line| line.key != key);
    }
    segment.file.truncate(walk.position)?;
    // Without it, the next start walks again.
    if segment::write_footer(&segment.file, walk.position, &lines, segment.seal).is_err() {
        _ = segment.file.truncate(walk.position);
    }
    Ok(lines)
}

/// Bytes after the header, and no record among them?
fn damaged_throughout(lines: &[Line], segment: &Segment<impl DeviceFile>, end: End) -> io::Result<bool> {
    Ok(lines.is_empty() && end == End::Whole && segment.file.length()? > SEGMENT_HEADER_BYTES)
}

fn apply(index: &Index, line: &Line, segment: u32) {
    match line.kind {
        Kind::Removal => {
            index.remove(line.key);
        }
        Kind::Entry | Kind::Slice | Kind::Spec => {
            if index.insert(line.key, line.place(segment)).is_none() {
                index.remove(line.key);
            }
        }
    }
}

/// Removes every segment so far; how many.
fn give_up<D: Device>(log: &Log<D>) -> io::Result<usize> {
    let mut count = 0;
    log.index.clear();
    while let Some(oldest) = log.segments.oldest() {
        log.segments.remove(oldest.name.number);
        log.device.remove(&oldest.name.file_name())?;
        count += 1;
    }
    Ok(count)
}
