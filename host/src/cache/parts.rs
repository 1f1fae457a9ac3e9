//! Stored parts of one response whose whole is not here: which bytes there are, and which are missing.
//!
//! Made by a fill that brought a 206, put together on the shelf. Like entries, parts never change; a newcomer makes a new
//! value that shares the old bytes. Bytes are joined under the same strong validator and total length only (RFC 9111
//! section 3.4).

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{self, HeaderValue};

use super::entry::{Entry, Head, OVERHEAD};
use super::purging::Validity;
use crate::clock::Timestamp;
use crate::semantics::{ContentRange, Freshness, StrongValidator, forget_content_digests};

/// Pieces of one whole, at most, for clients that ask for crumbs all over a file. A player that jumps about leaves fewer.
const PIECES_MAX: usize = 16;
/// Neighbours whose bytes together are no more than this lie in one buffer. It bounds the buffers of a file that is read
/// through in small ranges, and the bytes that are copied when one more arrives.
const JOINED_BYTES_MAX: usize = 256 << 10;

/// Some of the bytes of one representation.
#[derive(Debug, Clone)]
pub struct Parts {
    /// As a response with the whole would have it.
    pub head: Arc<Head>,
    total: u64,
    validator: Option<StrongValidator>,
    /// What purges have made of it, since the oldest of its bytes was looked for.
    pub validity: Validity,
    /// Sorted, none empty, none over another. Those that touch are one piece.
    chunks: Vec<Chunk>,
}

#[derive(Debug, Clone)]
struct Chunk {
    start: u64,
    bytes: Bytes,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn slice(&self, range: &Range<u64>) -> Option<Bytes> {
        let (start, end) = (range.start.max(self.start), range.end.min(self.end()));
        // Both lie within a buffer in memory, so they fit.
        let at = |position: u64| usize::try_from(position - self.start).unwrap_or(usize::MAX);
        (start < end).then(|| self.bytes.slice(at(start)..at(end)))
    }
}

impl Parts {
    /// What a 206 with this head brought: `bytes`, all of `place`.
    /// `began` is the last purge that was in force when the lookup began.
    pub(super) fn new(head: &Head, place: &ContentRange, bytes: Bytes, began: u64) -> Self {
        let validator = StrongValidator::of(&head.headers);
        let mut headers = head.headers.clone();
        headers.remove(header::CONTENT_RANGE);
        forget_content_digests(&mut headers);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(place.total));
        let head = Head {
            status: StatusCode::OK,
            headers,
            freshness: head.freshness,
            received: head.received,
            selection: head.selection.clone(),
            length: Some(place.total),
            forms: None,
            aside: head.aside.clone(),
        };
        let chunks = vec![Chunk { start: place.range.start, bytes }];
        Self { head: Arc::new(head), total: place.total, validator, validity: Validity::since(began), chunks }
    }

    /// The terms on which they may be used now: a soft purge has ended their lifetime.
    pub fn terms(&self) -> Freshness {
        self.head.terms(&self.validity)
    }

    /// Seconds of freshness left on these terms, rounded down; negative once stale.
    pub fn ttl(&self, now: Timestamp) -> i64 {
        self.head.ttl_by(&self.validity, now)
    }

    /// Bytes in the whole.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// By which more of the same representation is recognised; `None` where nothing can be.
    pub fn validator(&self) -> Option<&StrongValidator> {
        self.validator.as_ref()
    }

    /// From the first to the last byte of `wanted` that is not here; empty where all are.
    pub fn missing(&self, wanted: &Range<u64>) -> Range<u64> {
        let (mut first, mut end) = (wanted.start, wanted.end);
        for chunk in &self.chunks {
            if chunk.start <= first && first < chunk.end() {
                first = chunk.end();
            }
        }
        for chunk in self.chunks.iter().rev() {
            if chunk.start < end && end <= chunk.end() {
                end = chunk.start;
            }
        }
        if first < end { first..end } else { wanted.end..wanted.end }
    }

    /// The bytes of `range` that are here, in order.
    pub fn slices(&self, range: &Range<u64>) -> Vec<Bytes> {
        self.chunks.iter().filter_map(|chunk| chunk.slice(range)).collect()
    }

    /// The whole, where nothing is missing.
    pub(super) fn whole(&self) -> Option<Entry> {
        let all = 0..self.total;
        let entry = || Entry::new(self.head.clone(), joined(&self.slices(&all)).into(), self.validity.epoch());
        self.missing(&all).is_empty().then(entry)
    }

    /// These and `newer`, at most so many bytes. Where they are not of one representation, the one that came later.
    pub(super) fn with(&self, newer: &Self, bytes_max: u64) -> Self {
        let newest = if newer.head.received < self.head.received { self } else { newer };
        let same = self.validator.is_some() && self.validator == newer.validator && self.total == newer.total;
        if !same {
            return newest.clone();
        }
        let validity = Validity::since(self.validity.epoch().min(newer.validity.epoch()));
        let mut both = Self { head: newest.head.clone(), validity, ..self.clone() };
        for chunk in &newer.chunks {
            both.add(chunk);
        }
        both.join();
        if let Some(chunk) = newer.chunks.first() {
            both.limit(chunk, bytes_max);
        }
        both
    }

    /// Adds of a chunk what is not here yet.
    fn add(&mut self, new: &Chunk) {
        let mut gaps = Vec::new();
        let mut at = new.start;
        for chunk in self.chunks.iter().filter(|chunk| chunk.end() > new.start && chunk.start < new.end()) {
            gaps.push(at..chunk.start);
            at = chunk.end();
        }
        gaps.push(at..new.end());
        let added: Vec<Chunk> = gaps
            .into_iter()
            .filter_map(|gap| new.slice(&gap).map(|bytes| Chunk { start: gap.start.max(new.start), bytes }))
            .collect();
        let sparse = added.iter().map(|chunk| chunk.bytes.len()).sum::<usize>() < new.bytes.len() / 2;
        // A small slice would keep all of a large buffer alive, which nobody counts.
        let own =
            |chunk: Chunk| if sparse { Chunk { bytes: Bytes::copy_from_slice(&chunk.bytes), ..chunk } } else { chunk };
        self.chunks.extend(added.into_iter().map(own));
        self.chunks.sort_by_key(|chunk| chunk.start);
    }

    /// Puts small neighbours into one buffer.
    fn join(&mut self) {
        let mut chunks: Vec<Chunk> = Vec::with_capacity(self.chunks.len());
        for chunk in self.chunks.drain(..) {
            match chunks.last_mut() {
                Some(last) if last.end() == chunk.start && last.bytes.len() + chunk.bytes.len() <= JOINED_BYTES_MAX => {
                    last.bytes = joined(&[std::mem::take(&mut last.bytes), chunk.bytes]);
                }
                _ => chunks.push(chunk),
            }
        }
        self.chunks = chunks;
    }

    /// Gives up the pieces farthest from what is `new`, until there are few enough and little enough.
    fn limit(&mut self, new: &Chunk, bytes_max: u64) {
        let mut pieces = self.pieces();
        while pieces.len() > PIECES_MAX || self.held() > bytes_max {
            let distance =
                |piece: &Range<u64>| piece.start.saturating_sub(new.end()).max(new.start.saturating_sub(piece.end));
            let farthest = pieces.iter().max_by_key(|piece| distance(piece)).cloned();
            match farthest.filter(|_| pieces.len() > 1) {
                Some(farthest) => self.chunks.retain(|chunk| !farthest.contains(&chunk.start)),
                // One piece that has outgrown the limit: it begins anew.
                None => {
                    self.chunks = vec![new.clone()];
                    return;
                }
            }
            pieces = self.pieces();
        }
    }

    /// Which bytes are here, in order.
    pub fn pieces(&self) -> Vec<Range<u64>> {
        let mut pieces: Vec<Range<u64>> = Vec::new();
        for chunk in &self.chunks {
            match pieces.last_mut() {
                Some(last) if last.end == chunk.start => last.end = chunk.end(),
                _ => pieces.push(chunk.start..chunk.end()),
            }
        }
        pieces
    }

    fn held(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum()
    }

    /// The bytes it costs to hold, its key included.
    pub(super) fn weight(&self, key: &str) -> u64 {
        let chunks = self.chunks.len() * size_of::<Chunk>();
        self.head.weight() + self.held() + (key.len() + chunks + OVERHEAD) as u64
    }
}

fn joined(chunks: &[Bytes]) -> Bytes {
    if let [one] = chunks {
        return one.clone();
    }
    let mut whole = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    chunks.iter().for_each(|chunk| whole.extend_from_slice(chunk));
    whole.freeze()
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "lists of pieces, of which there may be one")]
mod tests;
