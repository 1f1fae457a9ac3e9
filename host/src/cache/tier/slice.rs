//! Slices of one body: equal pieces, each a record of its own under the body's random generation.
//!
//! A slice says in its meta which one it is, so a record that came to the wrong place is no slice of this body. One that is
//! lost or damaged is given up, and whoever looks for it afterwards learns at once that it is not there.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes, BytesMut};

use crate::cache::disk::{Kept, KeyHash, Kind, Put, Reading, Record, Room, Store};

/// The bytes of one slice, the last one's excepted. A MiB costs least to read and check in pieces of 128 to 256 KiB, and the
/// larger ones take half the index entries (benches/RESULTS.md).
pub(in crate::cache) const SLICE_BYTES: u64 = 256 << 10;

/// A generation, a number and a length.
const META_BYTES: usize = 24;

/// Where the slices of one body lie.
#[derive(Clone)]
pub(in crate::cache) struct Slices {
    pub(super) store: Store,
    pub(super) generation: u64,
}

impl Slices {
    pub(super) fn new(store: &Store, generation: u64) -> Self {
        Self { store: store.clone(), generation }
    }

    /// For a body that is about to be written.
    pub(super) fn begin(store: &Store) -> Self {
        Self::new(store, fastrand::u64(1..))
    }

    /// They stay in the store while this is held.
    pub(in crate::cache) fn keep(&self) -> Kept {
        self.store.keep(self.generation)
    }

    /// Is every slice with bytes of `range` in the store?
    pub(super) fn present(&self, range: &Range<u64>) -> bool {
        let mut numbers = range.start / SLICE_BYTES..range.end.div_ceil(SLICE_BYTES);
        numbers.all(|number| self.store.kind(self.key(number)) == Some(Kind::Slice))
    }

    /// Writes one slice.
    pub(super) fn put(&self, number: u64, bytes: Bytes) -> Put {
        let meta = self.meta(number, bytes.len() as u64);
        self.store.put(self.key(number), Kind::Slice, (meta, bytes))
    }

    /// Room for one slice of so many bytes, as soon as there is some; `None` where the store cannot write.
    pub(super) async fn room(&self, bytes: usize) -> Option<Room> {
        self.store.reserve(bytes + META_BYTES).await
    }

    /// Writes one slice where room was waited for.
    pub(super) fn put_in(&self, room: Room, number: u64, bytes: Bytes) -> Put {
        let meta = self.meta(number, bytes.len() as u64);
        self.store.put_in(room, self.key(number), Kind::Slice, (meta, bytes))
    }

    /// Begins to read one slice, of a body that is written up to `written`.
    fn read(&self, number: u64, written: u64) -> SliceRead {
        let step = match self.store.read(self.key(number)) {
            Reading::Here(record) => Step::Come(Some(record)),
            Reading::Absent => Step::Come(None),
            Reading::Later(later) => {
                let store = self.store.clone();
                Step::Coming(Box::pin(async move { store.wait(later).await }))
            }
        };
        let waited = matches!(step, Step::Coming(_));
        let length = SLICE_BYTES.min(written.saturating_sub(number * SLICE_BYTES));
        SliceRead { number, length, waited, step }
    }

    /// The bytes of a record that was read as slice `number` of `length` bytes, if it is that.
    fn proven(&self, number: u64, length: u64, record: Option<Record>) -> Option<Bytes> {
        let proves = |record: &Record| {
            record.kind == Kind::Slice && record.meta == self.meta(number, length) && record.body.len() as u64 == length
        };
        let bytes = record.filter(proves).map(|record| record.body);
        if bytes.is_none() && self.store.kind(self.key(number)).is_some() {
            self.store.remove(self.key(number));
        }
        bytes
    }

    fn key(&self, number: u64) -> KeyHash {
        // A body of 2^32 slices has 10^15 bytes.
        self.store.slice_key(self.generation, u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn meta(&self, number: u64, length: u64) -> Bytes {
        let mut meta = BytesMut::with_capacity(META_BYTES);
        [self.generation, number, length].iter().for_each(|field| meta.put_u64_le(*field));
        meta.freeze()
    }
}

/// One slice on its way.
struct SliceRead {
    number: u64,
    length: u64,
    /// The disk was not at hand.
    waited: bool,
    step: Step,
}

enum Step {
    Coming(Pin<Box<dyn Future<Output = Option<Record>> + Send>>),
    Come(Option<Record>),
}

impl SliceRead {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Record>> {
        if let Step::Coming(wait) = &mut self.step {
            self.step = Step::Come(ready!(wait.as_mut().poll(cx)));
        }
        let Step::Come(record) = &mut self.step else { return Poll::Pending };
        Poll::Ready(record.take())
    }

    /// Lets what waits for the disk begin to do so.
    fn start(mut self, cx: &mut Context<'_>) -> Self {
        if let Step::Coming(wait) = &mut self.step
            && let Poll::Ready(record) = wait.as_mut().poll(cx)
        {
            self.step = Step::Come(record);
        }
        self
    }
}

/// Reads slices one after the other. Where the disk had to be waited for, the next slice is asked for while this one is
/// sent; where it is at hand, nothing is read before it is wanted.
pub(in crate::cache) struct Reader {
    slices: Slices,
    next: Option<SliceRead>,
    /// Eviction does not take away what is being read.
    _kept: Kept,
}

impl Reader {
    pub(in crate::cache) fn new(slices: Slices) -> Self {
        let kept = slices.keep();
        Self { slices, next: None, _kept: kept }
    }

    /// The bytes of `range` up to the end of the slice that it begins in; `None` where they are lost. The body is written
    /// up to `written`. `range` is not empty and within that.
    pub(in crate::cache) fn poll_read(
        &mut self,
        range: &Range<u64>,
        written: u64,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Bytes>> {
        let number = range.start / SLICE_BYTES;
        let begun = self.next.take().filter(|read| read.number == number);
        let mut read = begun.unwrap_or_else(|| self.slices.read(number, written));
        let Poll::Ready(record) = read.poll(cx) else {
            self.next = Some(read);
            return Poll::Pending;
        };
        let Some(bytes) = self.slices.proven(number, read.length, record) else { return Poll::Ready(None) };
        let first = number * SLICE_BYTES;
        let end = range.end.min(first + bytes.len() as u64);
        if read.waited && end < range.end {
            self.next = Some(self.slices.read(number + 1, written).start(cx));
        }
        // Both lie within a slice, and are in order where the range is within what was written.
        let within = |position: u64| usize::try_from(position.saturating_sub(first)).unwrap_or(usize::MAX);
        Poll::Ready((range.start < end).then(|| bytes.slice(within(range.start)..within(end))))
    }
}
