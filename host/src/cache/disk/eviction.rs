//! What goes when the budget is used up: the oldest segment, but for a part of it that is worth writing again.
//!
//! Worth it are records that were read since they were written, and slices of bodies that are being read or written now. A
//! segment's file goes first and what is kept is read from it while it is still open, so nothing waits for readers, none of
//! them is broken, and the budget holds at every moment.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use bytes::BytesMut;

use super::device::{Device, DeviceFile};
use super::draft::Draft;
use super::footer::{self, Line, footer_bytes};
use super::index::{Place, Standing};
use super::limits::SEGMENTS_MAX;
use super::log::{Log, WriteError};
use super::read::{self, Record};
use super::record::Kind;
use super::segment::SEGMENT_HEADER_BYTES;
use super::segments::Segment;
use super::tally::{Reason, Tally};
use super::walk::walk;

/// Of a segment, at most one part in this many is kept because it was read.
const READ_SHARE: u64 = 4;

/// Where more than half of the store would be carried along, at least one part in this many of a segment goes, even if all
/// of it is needed: a store that is all slices in use must not write everything again for each new record.
const GONE_SHARE: u64 = 4;

/// One part in this many of the budget is spare, up to so many bytes: several slices and footers.
const SPARE_SHARE: u64 = 32;
const SPARE_BYTES_MAX: u64 = 4 << 20;

/// How much of a segment may still be kept.
struct Allowance {
    reads: u64,
    all: u64,
}

impl<D: Device> Log<D> {
    /// Changes the budget, and evicts what is beyond it.
    pub(super) fn set_bytes_max(&mut self, bytes_max: u64) -> Result<(), WriteError> {
        let before = std::mem::replace(&mut self.limits.bytes_max, bytes_max);
        // Where something cannot be removed the old one stands, by which it is seen that there is more to do.
        self.make_room(0).inspect_err(|_| self.limits.bytes_max = before)
    }

    /// What was evicted since the last call.
    pub(super) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Removes everything, the files too.
    pub(super) fn remove_all(&mut self) -> io::Result<()> {
        self.contents.index.clear();
        self.active = None;
        while let Some(oldest) = self.contents.segments.oldest() {
            self.remove_file(&oldest)?;
            self.contents.segments.remove(oldest.name.number);
        }
        Ok(())
    }

    /// Evicts until a record of this length fits into the budget.
    pub(super) fn make_room(&mut self, length: u64) -> Result<(), WriteError> {
        if SEGMENT_HEADER_BYTES + length + footer_bytes(1) > self.limits.bytes_max && length > 0 {
            return Err(WriteError::TooLarge(length));
        }
        loop {
            let reason = if self.contents.segments.len() >= SEGMENTS_MAX {
                Reason::Files
            } else if !self.has_room(length + self.spare()) {
                Reason::Size
            } else {
                return Ok(());
            };
            if !self.evict_oldest(reason, length)? {
                return Ok(());
            }
        }
    }

    /// Evicts because the disk is full. What is read from a removed file takes up the space that is wanted, so nothing is
    /// kept. `false` where there is nothing left to evict.
    pub(super) fn evict_for_space(&mut self) -> io::Result<bool> {
        let empty = self.active.as_ref().is_some_and(|active| active.lines.is_empty());
        if empty && self.contents.segments.len() == 1 {
            // The next try would only begin it again.
            return Ok(false);
        }
        self.evict_oldest(Reason::NoSpace, 0)
    }

    /// Does the budget hold with one more record, and with the footers that are to come?
    pub(super) fn has_room(&self, length: u64) -> bool {
        let lines = self.active.as_ref().map_or(0, |active| active.lines.len());
        // At worst this segment ends, and the next one begins with the record.
        let more = footer_bytes(lines + 1) + SEGMENT_HEADER_BYTES + length + footer_bytes(1);
        self.contents.segments.bytes() + more <= self.limits.bytes_max
    }

    /// What is left free for eviction itself: where all of a segment is needed, it is written again with other footers.
    pub(super) fn spare(&self) -> u64 {
        (self.limits.bytes_max / SPARE_SHARE).min(SPARE_BYTES_MAX)
    }

    /// Removes the oldest segment, for a record of `wanted` bytes. `false` where there is none.
    fn evict_oldest(&mut self, reason: Reason, wanted: u64) -> io::Result<bool> {
        let Some(oldest) = self.contents.segments.oldest() else { return Ok(false) };
        self.remove_file(&oldest)?;
        let bytes = oldest.bytes();
        oldest.set_bytes(0);
        let share = |part: u64| if reason == Reason::NoSpace { 0 } else { part };
        let gone = if self.carried + bytes <= self.limits.bytes_max / 2 { 0 } else { bytes / GONE_SHARE };
        let all = share(bytes - gone);
        let mut allowance = Allowance { reads: share(bytes / READ_SHARE), all };
        let active = self.active.take_if(|active| active.segment.name == oldest.name);
        for line in active.map_or_else(|| self.lines(&oldest, bytes), |active| active.lines) {
            let place = line.place(oldest.name.number);
            let Some(standing) = self.contents.index.find(line.key).filter(|standing| standing.place == place) else {
                continue;
            };
            if self.keep(&oldest, &line, (standing, wanted), &mut allowance).is_some() {
                self.tally.kept.add(line.length);
            } else if self.contents.index.remove_at(line.key, place).is_ok() {
                self.tally.remove(reason, line.length);
            }
        }
        self.contents.segments.remove(oldest.name.number);
        let kept = all - allowance.all;
        self.carried = (self.carried + kept).saturating_sub(bytes.saturating_sub(kept));
        Ok(true)
    }

    /// Writes a record of a removed segment again, if it is worth it.
    fn keep(
        &mut self,
        from: &Segment<D::File>,
        line: &Line,
        (standing, wanted): (Standing, u64),
        allowance: &mut Allowance,
    ) -> Option<()> {
        let needed = line.kind == Kind::Slice && self.contents.generations.need(line.key);
        let read = standing.reads > 0 && line.length <= allowance.reads;
        let beside = if needed { 0 } else { wanted + self.spare() };
        if !(needed || read) || line.length > allowance.all || !self.has_room(line.length + beside) {
            return None;
        }
        let Record { header, meta, body } = read_back(from, standing.place)?;
        let place = self.append_once(&Draft { header, meta: &meta, body: &body }).ok()?;
        allowance.all -= line.length;
        allowance.reads = allowance.reads.saturating_sub(line.length);
        // Where it was removed meanwhile, the copy is never found; the removal comes after it in the log.
        self.contents.index.shift(line.key, standing.place, place).ok()
    }

    /// The records of a segment that is not being written any more.
    fn lines(&self, segment: &Segment<D::File>, length: u64) -> Vec<Line> {
        if let Ok(Some(lines)) = footer::read(&segment.file, segment.seal) {
            return lines;
        }
        let walk = walk(&segment.file, length, segment.seal);
        let seen: HashSet<u64> = walk.lines.iter().map(|line| line.position).collect();
        // What the walk cannot see any more is found by its place, in a look at everything.
        self.contents.index.retain(|place| place.segment != segment.name.number || seen.contains(&place.position));
        walk.lines
    }

    fn remove_file(&self, segment: &Arc<Segment<D::File>>) -> io::Result<()> {
        match self.device.remove(&segment.name.file_name()) {
            // Somebody was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

fn read_back<F: DeviceFile>(segment: &Segment<F>, place: Place) -> Option<Record> {
    let mut bytes = BytesMut::zeroed(usize::try_from(place.length).ok()?);
    let read = segment.file.read_at(place.position, &mut bytes).ok()?;
    bytes.truncate(read);
    read::check(&bytes.freeze(), segment.seal).ok()
}

#[cfg(test)]
mod tests;
