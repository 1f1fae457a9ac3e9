//! The log: records appended to the newest segment.
//!
//! Driven by one thread, so the order of records is the order of writes. Readers meet it only in the contents. What goes to
//! make room is decided in `eviction`.

use std::io::{self, IoSlice};
use std::sync::Arc;

use super::contents::Contents;
use super::device::{Device, DeviceFile, is_full};
use super::draft::{self, Draft};
use super::footer::{self, Line, footer_bytes};
use super::index::Place;
use super::limits::Limits;
use super::record::{Header, KeyHash, Kind};
use super::segment::{self, SEGMENT_HEADER_BYTES, SegmentName};
use super::segments::Segment;
use super::tally::Tally;

/// What is written under a key.
pub(super) struct Content<'a> {
    pub(super) kind: Kind,
    pub(super) key: KeyHash,
    pub(super) meta: &'a [u8],
    pub(super) body: &'a [u8],
}

impl<'a> Content<'a> {
    fn draft(&self, sequence: u64) -> Option<Draft<'a>> {
        let Content { kind, key, meta, body } = *self;
        Some(Draft { header: Header::new(kind, sequence, key, (meta, body))?, meta, body })
    }
}

/// Why a record was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// No segment, and so no budget, has room for it.
    #[error("a record with {0} bytes does not fit into a segment")]
    TooLarge(u64),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The segment that is being written.
pub(super) struct Active<F> {
    pub(super) segment: Arc<Segment<F>>,
    /// Where the next record goes.
    pub(super) position: u64,
    pub(super) lines: Vec<Line>,
    pub(super) tail: Tail,
}

/// What the file holds from the position on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    Nothing,
    /// A footer, or what is left of a write that failed: it must go before anything else is written, lest a torn write be
    /// taken for damage, or a record that failed for one that was written.
    Leftover,
}

/// A log that `recover` opened.
pub(super) struct Log<D: Device> {
    pub(super) device: Arc<D>,
    pub(super) contents: Arc<Contents<D::File>>,
    pub(super) store: u64,
    pub(super) limits: Limits,
    pub(super) active: Option<Active<D::File>>,
    /// The number of the next segment.
    pub(super) next: u32,
    /// The sequence of the next record.
    pub(super) sequence: u64,
    pub(super) tally: Tally,
    /// Bytes that eviction has written again beyond what it has freed.
    pub(super) carried: u64,
}

impl<D: Device> Log<D> {
    /// Writes a record and makes it the newest of its key. After an error the key has none, but the disk may still hold
    /// older ones, which a restart would find.
    pub(super) fn write(&mut self, content: &Content<'_>) -> Result<Place, WriteError> {
        let written = self.append(content);
        match &written {
            Ok(place) => self.settle(content, *place),
            Err(_) => _ = self.contents.index.remove(content.key),
        }
        written
    }

    /// The same for several records in their order, in one call to the disk where that is possible.
    pub(super) fn write_all(&mut self, contents: &[Content<'_>]) -> Vec<Result<Place, WriteError>> {
        let Some(places) = self.append_together(contents) else {
            return contents.iter().map(|content| self.write(content)).collect();
        };
        contents.iter().zip(&places).for_each(|(content, place)| self.settle(content, *place));
        places.into_iter().map(Ok).collect()
    }

    /// What was written is the newest of its key.
    fn settle(&self, content: &Content<'_>, place: Place) {
        let index = &self.contents.index;
        match content.kind {
            Kind::Removal => _ = index.remove(content.key),
            kind => index.insert(content.key, kind, place),
        }
    }

    /// Ends the newest segment with its footer, so that the next start need not walk it.
    pub(super) fn seal(&mut self) {
        let Some(mut active) = self.active.take() else { return };
        // Without a footer the segment is walked, so a full disk only costs the next start some time.
        if active.clean().is_err() {
            return;
        }
        let segment = &active.segment;
        // Until it is known how much of it is there, all of it counts.
        segment.set_bytes(active.position + footer_bytes(active.lines.len()));
        if footer::write(&segment.file, active.position, &active.lines, segment.seal).is_err() {
            active.tail = Tail::Leftover;
            _ = active.clean();
        }
    }

    fn append(&mut self, content: &Content<'_>) -> Result<Place, WriteError> {
        let too_large = || WriteError::TooLarge(content.meta.len() as u64 + content.body.len() as u64);
        let draft = content.draft(self.sequence).ok_or_else(too_large)?;
        let length = draft.header.record_bytes();
        if SEGMENT_HEADER_BYTES + length + footer_bytes(1) > self.limits.segment_bytes() {
            return Err(too_large());
        }
        self.make_room(length)?;
        loop {
            match self.append_once(&draft) {
                // The disk is smaller than the budget: what is oldest goes, and the write is tried again.
                Err(error) if is_full(&error) && self.evict_for_space()? => {}
                result => return Ok(result?),
            }
        }
    }

    /// Writes a record with the next sequence at the end of the log, whichever it has.
    pub(super) fn append_once(&mut self, draft: &Draft<'_>) -> io::Result<Place> {
        // What eviction kept for this record's sake came before it.
        let header = draft.header.again(self.sequence);
        self.segment_for(header.record_bytes())?;
        let places = self.extend(&[Draft { header, ..*draft }])?;
        Ok(*places.first().expect("one place for one record"))
    }

    /// `None` where the records do not all fit into this segment and the budget, or the disk fails. They are tried one by one
    /// then, for which there is a way out of each of that.
    fn append_together(&mut self, contents: &[Content<'_>]) -> Option<Vec<Place>> {
        let numbered = contents.iter().zip(self.sequence..);
        let drafts: Vec<Draft<'_>> =
            numbered.map(|(content, sequence)| content.draft(sequence)).collect::<Option<_>>()?;
        let length = draft::bytes(&drafts);
        let active = self.active.as_ref()?;
        let end = active.position + length + footer_bytes(active.lines.len() + drafts.len());
        let fits =
            end <= self.limits.segment_bytes() && self.has_room(length + footer_bytes(drafts.len()) + self.spare());
        if drafts.len() > 1 && fits { self.extend(&drafts).ok() } else { None }
    }

    /// Writes records with the next sequences behind the last one of the active segment, where they fit.
    fn extend(&mut self, drafts: &[Draft<'_>]) -> io::Result<Vec<Place>> {
        let active = self.active.as_mut().ok_or(io::ErrorKind::NotFound)?;
        active.clean()?;
        let Segment { name, seal, file, .. } = &*active.segment;
        // Until it is known how much of it is there, all of it counts.
        active.segment.set_bytes(active.position + draft::bytes(drafts));
        if let Err(error) = draft::write(file, active.position, *seal, drafts) {
            active.tail = Tail::Leftover;
            _ = active.clean();
            return Err(error);
        }
        let first = active.lines.len();
        for draft in drafts {
            let line = Line::new(&draft.header, active.position);
            active.position = line.end();
            active.lines.push(line);
        }
        self.sequence += drafts.len() as u64;
        Ok(active.lines[first..].iter().map(|line| line.place(name.number)).collect())
    }

    /// Begins a new segment if the record and the footer do not fit into the newest one any more.
    fn segment_for(&mut self, length: u64) -> io::Result<()> {
        let segment_bytes = self.limits.segment_bytes();
        let full =
            |active: &Active<D::File>| active.position + length + footer_bytes(active.lines.len() + 1) > segment_bytes;
        if let Some(active) = self.active.as_mut().filter(|active| full(active)) {
            active.clean()?;
            self.seal();
        }
        if self.active.is_none() {
            self.active = Some(self.create()?);
        }
        Ok(())
    }

    fn create(&mut self) -> io::Result<Active<D::File>> {
        let name = SegmentName { store: self.store, number: self.next };
        // A number is tried once: nobody knows what a creation that failed has left.
        self.next = self.next.checked_add(1).ok_or_else(|| io::Error::other("no numbers are left for segments"))?;
        let file = self.device.create(&name.file_name())?;
        let header = segment::encode_header(name, self.sequence);
        let written = file.write_at(0, &[IoSlice::new(&header)]);
        let segment = Segment::new(name, file, SEGMENT_HEADER_BYTES);
        if let Err(error) = written {
            if self.device.remove(&name.file_name()).is_err() {
                // It counts until eviction gets rid of it.
                self.contents.segments.add(segment);
            }
            return Err(error);
        }
        self.contents.segments.add(segment.clone());
        Ok(Active { segment, position: SEGMENT_HEADER_BYTES, lines: Vec::new(), tail: Tail::Nothing })
    }
}

impl<F: DeviceFile> Active<F> {
    /// Cuts off what must not stand behind the last record.
    fn clean(&mut self) -> io::Result<()> {
        if self.tail == Tail::Leftover {
            self.segment.file.truncate(self.position)?;
            self.segment.set_bytes(self.position);
            self.tail = Tail::Nothing;
        }
        Ok(())
    }
}
