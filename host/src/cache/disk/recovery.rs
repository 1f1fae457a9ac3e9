//! Finding the log again: the index is rebuilt from the footers of sealed segments and a walk through those without one.
//!
//! What may be stale is not believed. The sequences of records have no gaps, so a gap shows that records were lost, and
//! they may have replaced any older one; so everything before a gap is given up. At the end of the log no gap can show, so
//! damage there gives up everything.
//!
//! Files are removed last and in their order, so that a start that dies leaves the next one the same reasons.

use std::io;
use std::sync::Arc;

use super::contents::Contents;
use super::device::{Device, DeviceFile, read_whole};
use super::footer::{self, Line};
use super::limits::Limits;
use super::log::{Active, Log, Tail};
use super::record::Kind;
use super::segment::{self, Origin, SEGMENT_HEADER_BYTES, SegmentName};
use super::segments::Segment;
use super::tally::Tally;
use super::walk::{End, Walk, walk};

/// What a start found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// Segments whose records are in the index now.
    pub(super) segments: usize,
    /// Segments without a usable footer.
    pub(super) walked: usize,
    /// Segments that were given up, because what they hold may be stale or is damaged.
    pub(super) given_up: usize,
}

/// Opens the log that is in the folder; an empty folder is an empty log. What `contents` held before is forgotten. An
/// error is the disk's, and another try may find more.
pub(super) fn recover<D: Device>(
    device: Arc<D>,
    contents: Arc<Contents<D::File>>,
    store: u64,
    limits: Limits,
) -> io::Result<(Log<D>, Found)> {
    contents.clear();
    let mut numbers: Vec<u32> = device.list()?.iter().filter_map(|name| SegmentName::number_of(name)).collect();
    numbers.sort_unstable();
    let mut past = Past {
        device: &*device,
        contents: &contents,
        store,
        next: None,
        uncertain: false,
        newest: None,
        doomed: Vec::new(),
        found: Found::default(),
    };
    for number in numbers {
        past.take(number)?;
    }
    past.settle()?;
    let Past { next, newest, mut found, .. } = past;
    found.segments = contents.segments.len();
    let number = contents.segments.newest().map_or(1, |segment| segment.name.number.saturating_add(1));
    let (sequence, tally) = (next.unwrap_or(1), Tally::default());
    Ok((Log { device, contents, store, limits, active: newest, next: number, sequence, tally, carried: 0 }, found))
}

/// The segments so far, from the oldest on.
struct Past<'a, D: Device> {
    device: &'a D,
    contents: &'a Contents<D::File>,
    store: u64,
    /// The sequence that the next record must have; `None` before the first one.
    next: Option<u64>,
    /// Was something lost whose place in the order is not known yet?
    uncertain: bool,
    /// The last segment, where the log may go on in it.
    newest: Option<Active<D::File>>,
    /// Files that must go.
    doomed: Vec<u32>,
    found: Found,
}

impl<D: Device> Past<'_, D> {
    /// Adds the next segment.
    fn take(&mut self, number: u32) -> io::Result<()> {
        let name = SegmentName { store: self.store, number };
        let file = match self.device.open(&name.file_name()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.uncertain = true;
                return Ok(());
            }
            file => file?,
        };
        let length = file.length()?;
        if length < SEGMENT_HEADER_BYTES {
            // A writer that was killed at its very first write leaves this, and nothing was in it.
            self.doomed.push(number);
            return Ok(());
        }
        let mut header = [0; SEGMENT_HEADER_BYTES as usize];
        let origin =
            read_whole(&file, 0, &mut header).map_or(Origin::Damaged, |()| segment::decode_header(&header, name));
        if origin == Origin::Foreign {
            self.doomed.push(number);
            return Ok(());
        }
        let segment = Segment::new(name, file, length);
        let Walk { lines, end } = self.lines(&segment);
        self.add(segment, origin, lines, end);
        Ok(())
    }

    fn lines(&mut self, segment: &Segment<D::File>) -> Walk {
        match footer::read(&segment.file, segment.seal) {
            Ok(Some(lines)) => Walk { lines, end: End::Whole },
            // Bytes that cannot be read are as good as damaged ones.
            _ => {
                self.found.walked += 1;
                walk(&segment.file, segment.bytes(), segment.seal)
            }
        }
    }

    fn add(&mut self, segment: Arc<Segment<D::File>>, origin: Origin, lines: Vec<Line>, end: End) {
        let number = segment.name.number;
        self.newest = None;
        if let Origin::Own(first) = origin {
            self.expect(first);
        }
        for line in &lines {
            self.expect(line.sequence);
            self.next = Some(line.sequence + 1);
            self.apply(line, number);
        }
        let known = !lines.is_empty() || origin != Origin::Damaged;
        self.uncertain = end == End::Damaged || !known;
        if !known {
            self.doomed.push(number);
            return;
        }
        self.contents.segments.add(segment.clone());
        if !self.uncertain
            && let Origin::Own(first) = origin
        {
            self.newest = go_on(segment, first, lines);
        }
    }

    /// The next record has this sequence: was anything lost before it?
    fn expect(&mut self, sequence: u64) {
        if self.next.is_some_and(|next| next != sequence) {
            self.give_up();
        }
        self.uncertain = false;
        self.next = Some(sequence);
    }

    fn apply(&self, line: &Line, segment: u32) {
        match line.kind {
            Kind::Removal => {
                self.contents.index.remove(line.key);
            }
            kind => self.contents.index.insert(line.key, kind, line.place(segment)),
        }
    }

    /// Nothing so far is believed.
    fn give_up(&mut self) {
        self.contents.index.clear();
        for number in self.contents.segments.numbers() {
            self.contents.segments.remove(number);
            self.doomed.push(number);
            self.found.given_up += 1;
        }
        self.newest = None;
    }

    fn settle(&mut self) -> io::Result<()> {
        if self.uncertain {
            self.give_up();
        }
        self.doomed.sort_unstable();
        for number in self.doomed.drain(..) {
            match self.device.remove(&SegmentName { store: self.store, number }.file_name()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The log goes on in its last segment, so that many restarts do not make many small ones.
fn go_on<F: DeviceFile>(segment: Arc<Segment<F>>, first: u64, lines: Vec<Line>) -> Option<Active<F>> {
    let position = lines.last().map_or(SEGMENT_HEADER_BYTES, Line::end);
    let whole = lines.first().is_none_or(|line| line.sequence == first) && footer::are_plausible(&lines, position);
    let tail = if segment.bytes() > position { Tail::Leftover } else { Tail::Nothing };
    whole.then_some(Active { segment, position, lines, tail })
}

#[cfg(test)]
mod tests;
