//! The duty to bring a body to its end: to those who read it, to memory where it is small enough, to disk where it is not.
//!
//! What has no place in memory spills: it goes to the disk tier slice by slice as it comes, so bodies of any size pass in
//! bounded memory, late readers included. Where the disk tier does not take it, its readers alone set the pace.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;

use super::duty::Duty;
use crate::body::BodyError;
use crate::cache::content::Content;
use crate::cache::entry::{Entry, Head};
use crate::cache::flight::Phase;
use crate::cache::parts::Parts;
use crate::cache::tier::{INLINE_BYTES_MAX, Pressure, Spill};
use crate::semantics::{ContentRange, Refusal};

/// So many bytes are fetched to the end of a body although nobody waits for them: seconds of a fast line.
const REST_BYTES_MAX: u64 = 64 << 20;

/// The duty to bring a body to its end. Dropped, it breaks the body off for everybody.
pub struct Filling {
    duty: Duty,
    head: Arc<Head>,
    /// Where the body belongs, if it is a part.
    place: Option<ContentRange>,
    received: u64,
    storable: bool,
    /// Writes the body to disk as it comes.
    spill: Option<Spill>,
}

/// Nobody reads the body any more, and it will not be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwanted;

impl Filling {
    pub(super) fn new(duty: Duty, head: Arc<Head>, place: Option<ContentRange>) -> Self {
        let inline = head.length.is_some_and(|length| length <= INLINE_BYTES_MAX);
        let spill = if place.is_some() || inline { None } else { duty.shelf.spill() };
        let mut filling = Self { duty, head, place, received: 0, storable: true, spill };
        filling.find_place(0);
        filling
    }

    /// Passes a piece of the body on. Waits for disk where the body is too large for memory, and for its slowest reader
    /// where it is not stored at all.
    pub async fn push(&mut self, chunk: Bytes) -> Result<(), Unwanted> {
        let before = self.size();
        self.received += chunk.len() as u64;
        self.find_place(before);
        self.duty.flight.add(chunk.clone());
        self.spill(chunk).await;
        if self.is_given_up() {
            return Err(Unwanted);
        }
        let flight = &self.duty.flight;
        if poll_fn(|cx| flight.poll_room(cx)).await { Ok(()) } else { Err(Unwanted) }
    }

    /// Finds another place for a body that turns out to be larger than it was known to be before.
    fn find_place(&mut self, before: u64) {
        let passes = |bytes: u64| before <= bytes && bytes < self.size();
        let shelf = &self.duty.shelf;
        let (inline, memory, all) =
            (passes(INLINE_BYTES_MAX), passes(shelf.object_bytes_max), passes(self.bytes_max()));
        if inline && self.spill.is_some() && !shelf.admits_early(&self.duty.key, &self.head) {
            self.spill = None;
        }
        match &self.spill {
            _ if all => self.store_nothing(),
            Some(spill) if memory => self.duty.flight.spill_to(spill.slices()),
            None if memory => {
                if self.place.is_none() {
                    shelf.remember_request(&self.duty.key);
                }
                self.store_nothing();
            }
            _ => {}
        }
    }

    /// The bytes that it has at least.
    fn size(&self) -> u64 {
        self.received.max(self.head.length.unwrap_or(0))
    }

    /// Has it no place in memory?
    fn is_large(&self) -> bool {
        self.size() > self.duty.shelf.object_bytes_max
    }

    /// Where it has no place in memory, disk is the one to wait for.
    fn pressure(&self) -> Pressure {
        if self.is_large() { Pressure::Wait } else { Pressure::Skip }
    }

    fn bytes_max(&self) -> u64 {
        let shelf = &self.duty.shelf;
        if self.place.is_some() { shelf.object_bytes_max } else { shelf.body_bytes_max() }
    }

    /// It is for those who read it now.
    fn store_nothing(&mut self) {
        self.storable = false;
        self.spill = None;
        if self.size() > self.bytes_max() {
            self.too_large();
        }
        self.duty.give_up_replaced();
        let Duty { key, flight, shelf, .. } = &self.duty;
        shelf.close(key, flight);
        flight.narrow();
    }

    async fn spill(&mut self, chunk: Bytes) {
        let pressure = self.pressure();
        let Some(spill) = &mut self.spill else { return };
        match spill.push(chunk, pressure).await {
            Ok(written) => self.duty.flight.spilled(written),
            Err(_) if pressure == Pressure::Wait => self.store_nothing(),
            Err(_) => self.spill = None,
        }
    }

    /// Has everybody left, and is too much missing to go on for those who may come? Then nobody can join it any more.
    fn is_given_up(&self) -> bool {
        let Duty { key, flight, shelf, .. } = &self.duty;
        let left = self.head.length.map(|length| length.saturating_sub(self.received));
        let worth = left.is_some_and(|left| left <= self.received.max(REST_BYTES_MAX));
        self.storable && self.is_large() && !worth && shelf.close_deserted(key, flight)
    }

    /// The body is whole: stores it, unless it grew too large. A body that is not as long as its head said is broken.
    pub async fn finish(mut self) {
        if self.head.length.is_some_and(|length| length != self.received) {
            return self.fail(BodyError::Incomplete);
        }
        if self.storable {
            self.store().await;
        }
        let alone = self.head.freshness.for_one_use();
        self.duty.land(if alone { Phase::AloneComplete } else { Phase::Complete });
    }

    async fn store(&mut self) {
        let content = self.content().await;
        let Duty { key, flight, shelf, .. } = &self.duty;
        match (&self.place, content) {
            (None, Some(content)) => {
                self.duty.store(Arc::new(Entry::new(self.head.clone(), content, flight.began)));
            }
            (Some(place), Some(Content::Here(bytes))) if place.length() == self.received && self.duty.stands() => {
                shelf.store_part(key, flight, &Parts::new(&self.head, place, bytes, flight.began));
            }
            // Disk did not take the end of it. It is another one all the same.
            (None, None) => self.duty.give_up_replaced(),
            // A part of unknown length was not as long as its place, or a purge concerned what it builds on.
            _ => {}
        }
    }

    /// The body, where it is now; `None` where that is nowhere.
    async fn content(&mut self) -> Option<Content> {
        let pressure = self.pressure();
        let sliced = match self.spill.take() {
            Some(spill) if self.received > INLINE_BYTES_MAX => spill.finish(pressure).await.ok().map(Arc::new),
            _ => None,
        };
        match (self.is_large(), sliced) {
            (true, sliced) => sliced.map(Content::Sliced),
            (false, Some(sliced)) => Some(Content::Both(self.duty.flight.whole(), sliced)),
            (false, None) => Some(Content::Here(self.duty.flight.whole())),
        }
    }

    fn too_large(&self) {
        let Duty { key, flight, shelf, .. } = &self.duty;
        match self.place {
            None => shelf.remember_uncacheable(key, Refusal::TooLarge, flight.began),
            Some(_) => shelf.remember_refusal(key, flight, Refusal::TooLarge),
        }
    }

    /// The body broke off: nothing is stored, and every reader learns it.
    pub fn fail(mut self, error: BodyError) {
        self.duty.land(Phase::Broken(error));
    }
}
