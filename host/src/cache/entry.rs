//! A stored response: its head, with what freshness needs, and its whole content.
//!
//! Entries never change, but for what purges have made of them. They are made by a finished fill, shared by every hit, and
//! die with their last reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::content::Content;
use super::forms::Forms;
use super::purging::Validity;
use super::tier::Recalled;
use crate::clock::Timestamp;
use crate::semantics::{Freshness, Selection, SurrogateFields, Tags};

/// The head of a response as it is kept and passed on: hop-by-hop fields are gone, the node's own lasting fields are in.
#[derive(Debug, Clone)]
pub struct Head {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub freshness: Freshness,
    /// When it arrived.
    pub received: Timestamp,
    /// The request fields it was selected by.
    pub selection: Selection,
    /// The body's length where the origin said it.
    pub length: Option<u64>,
    /// Where the body may be sent with a content coding: its coded forms.
    pub forms: Option<Arc<Forms>>,
    /// What the cache itself reads off the fields and sets apart; empty until then.
    pub aside: Aside,
}

/// What is kept beside the fields of a head.
#[derive(Debug, Clone, Default)]
pub struct Aside {
    /// Fields that browsers do not get.
    pub surrogate: SurrogateFields,
    /// The names by which it is purged.
    pub tags: Tags,
}

/// What a field takes in a header map beside its text: 104 bytes for name, value, hash and links, as much again by half for
/// the room that the map keeps free, and its place in the index.
const FIELD_BYTES: usize = 160;

/// 2^31 seconds, 68 years: what an age or a lifetime is where it is larger or nobody knows it.
const SECONDS_MAX: u64 = 1 << 31;

impl Head {
    /// `current_age` of RFC 9111 section 4.2.3.
    pub fn age(&self, now: Timestamp) -> Duration {
        self.freshness.initial_age.saturating_add(now.since(self.received))
    }

    /// The same as `Age` says it: in whole seconds, at most the largest number of them that HTTP counts (section 1.2.2).
    pub fn age_seconds(&self, now: Timestamp) -> u64 {
        self.age(now).as_secs().min(SECONDS_MAX)
    }

    /// Seconds of freshness left, rounded down; negative once stale.
    pub fn ttl(&self, now: Timestamp) -> i64 {
        left(self.freshness.lifetime, self.age_seconds(now))
    }

    /// The terms that purges have left of it.
    pub fn terms(&self, validity: &Validity) -> Freshness {
        match validity.ends() {
            None => self.freshness,
            Some(at) => Freshness { lifetime: self.freshness.lifetime.min(self.age(at)), ..self.freshness },
        }
    }

    /// Seconds of freshness left on those terms, rounded down; negative once stale.
    pub fn ttl_by(&self, validity: &Validity, now: Timestamp) -> i64 {
        left(self.terms(validity).lifetime, self.age_seconds(now))
    }

    /// Bytes held.
    pub(super) fn weight(&self) -> u64 {
        let field = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + FIELD_BYTES;
        let headers: usize = self.headers.iter().map(field).sum();
        (headers + self.selection.weight() + self.aside.surrogate.weight() + self.aside.tags.weight()) as u64
    }

    /// All fields as they came, those for surrogates among them.
    pub fn whole(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        self.aside.surrogate.put_into(&mut headers);
        headers
    }

    /// As it is kept: tags read, fields for surrogates apart, all values in memory of their own.
    pub(super) fn settled(self) -> Self {
        self.sorted().compacted()
    }

    /// Tags read, fields for surrogates apart.
    pub(super) fn sorted(mut self) -> Self {
        let tags = Tags::of(&self.headers);
        let surrogate = SurrogateFields::take_from(&mut self.headers);
        Self { aside: Aside { surrogate, tags }, ..self }
    }

    /// All values in memory of their own.
    pub(super) fn compacted(self) -> Self {
        let Aside { surrogate, tags } = self.aside;
        let aside = Aside { surrogate: surrogate.compacted(compact), tags };
        Self { headers: compact(&self.headers), aside, ..self }
    }
}

fn left(lifetime: Duration, age_seconds: u64) -> i64 {
    let seconds = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    seconds(lifetime.as_secs()).saturating_sub(seconds(age_seconds))
}

/// The same fields in memory of their own. As they arrive, values are slices of the connection's read buffer, and one small
/// header would keep all of it alive: 1.7 GB held for 0.7 GB of entries, measured on a site of 50,000 pages.
fn compact(headers: &HeaderMap) -> HeaderMap {
    let mut values = BytesMut::with_capacity(headers.values().map(HeaderValue::len).sum());
    let mut own = HeaderMap::with_capacity(headers.keys_len());
    headers.values().for_each(|value| values.extend_from_slice(value.as_bytes()));
    let mut values = values.freeze();
    for (name, value) in headers {
        // What was a value is a value still.
        if let Ok(value) = HeaderValue::from_maybe_shared(values.split_to(value.len())) {
            own.append(name, value);
        }
    }
    own
}

/// A whole stored response.
#[derive(Debug)]
pub struct Entry {
    pub head: Arc<Head>,
    pub content: Content,
    /// What purges have made of it.
    pub validity: Validity,
    /// Where it was read, if it is not from memory.
    pub(super) recalled: Option<Recalled>,
    /// Is the next request for it to offer it to the disk tier again?
    offered_again: AtomicBool,
}

/// Bookkeeping per entry beside its bytes: this struct and its head, the tier's own nodes, sketches and counters (moka takes
/// 150 to 185 bytes), the list of variants, counts of references, and what the allocator rounds up.
pub(super) const OVERHEAD: usize = size_of::<Entry>() + size_of::<Head>() + 384;

impl Entry {
    /// `began` is the last purge that was in force when the lookup began.
    pub(super) fn new(head: Arc<Head>, content: Content, began: u64) -> Self {
        Self { head, content, validity: Validity::since(began), recalled: None, offered_again: AtomicBool::new(false) }
    }

    /// As it was read from disk.
    pub(super) fn recalled(head: Head, content: Content, (began, recalled): (u64, Recalled)) -> Self {
        Self { recalled: Some(recalled), ..Self::new(Arc::new(head), content, began) }
    }

    /// The same content under another head.
    pub(super) fn with_head(&self, head: Head, began: u64) -> Self {
        Self::new(Arc::new(head), self.own_content(), began)
    }

    /// As it is kept in memory after it was read from disk.
    pub(super) fn promoted(&self) -> Self {
        Self::new(Arc::new(Head::clone(&self.head).compacted()), self.own_content(), self.validity.epoch())
    }

    /// The same with another content.
    pub(super) fn with_content(&self, content: Content) -> Self {
        Self::new(self.head.clone(), content, self.validity.epoch())
    }

    /// What was read from disk is a slice of the whole record, which it would keep alive.
    fn own_content(&self) -> Content {
        match &self.content {
            Content::Here(bytes) if self.recalled.is_some() => Content::Here(Bytes::copy_from_slice(bytes)),
            content => content.clone(),
        }
    }

    /// Is it the other one, or what memory took of that when it was read from disk?
    pub(super) fn is(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let taken = || {
            let of = |entry: &Self| (entry.head.received, entry.validity.epoch());
            of(self) == of(other) && self.head.selection == other.head.selection
        };
        Arc::ptr_eq(self, other) || (other.recalled.is_some() && taken())
    }

    /// Says whether the next request for it is to offer it to the disk tier again.
    pub(super) fn offer_at_next_request(&self, offer: bool) {
        self.offered_again.store(offer, Ordering::Relaxed);
    }

    /// Is this the request that offers it again? True for one only.
    pub(super) fn is_offered_again(&self) -> bool {
        self.offered_again.load(Ordering::Relaxed) && self.offered_again.swap(false, Ordering::Relaxed)
    }

    /// Is its body kept in memory, and what is made of it?
    pub fn is_in_memory(&self) -> bool {
        self.recalled.is_none() && self.content.here().is_some()
    }

    /// From which tier its body comes, for metrics.
    pub fn tier(&self) -> &'static str {
        if self.is_in_memory() { "memory" } else { "disk" }
    }

    /// The terms on which it may be used now: a soft purge has ended its lifetime.
    pub fn terms(&self) -> Freshness {
        self.head.terms(&self.validity)
    }

    /// Seconds of freshness left on these terms, rounded down; negative once stale.
    pub fn ttl(&self, now: Timestamp) -> i64 {
        self.head.ttl_by(&self.validity, now)
    }

    /// The bytes it costs to hold, its key included.
    pub fn weight(&self, key: &str) -> u64 {
        let forms = self.head.forms.as_ref().map_or(0, |forms| forms.weight());
        self.head.weight() + (key.len() + self.content.weight() + forms + OVERHEAD) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::{Reuse, Wishes, reuse};

    fn head(lifetime: u64, initial_age: u64) -> Head {
        Head {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            freshness: Freshness {
                lifetime: Duration::from_secs(lifetime),
                initial_age: Duration::from_secs(initial_age),
                ..Freshness::default()
            },
            received: Timestamp::from_unix(Duration::from_secs(1_000)),
            selection: Selection::default(),
            length: None,
            forms: None,
            aside: Aside::default(),
        }
    }

    #[test]
    fn compact_headers_are_equal_and_let_the_read_buffer_go() {
        let mut buffer = BytesMut::from(&b"abcde"[..]);
        let mut headers = HeaderMap::new();
        for value in [buffer.split_to(2), buffer.split_to(3)] {
            headers.append("x-a", HeaderValue::from_maybe_shared(value.freeze()).expect("a test value"));
        }
        headers.append("etag", HeaderValue::from_static("\"1\""));
        let own = compact(&headers);
        assert_eq!(own, headers);
        assert_eq!(own.get_all("x-a").iter().collect::<Vec<_>>(), ["ab", "cde"]);
        let apart = |map: &HeaderMap| map["x-a"].as_bytes().as_ptr();
        assert_ne!(apart(&own), apart(&headers));
    }

    #[test]
    fn an_age_that_nobody_knows_is_the_largest_there_is() {
        let mut head = head(60, 0);
        head.freshness.initial_age = Duration::MAX;
        let now = head.received.plus(Duration::from_secs(5));
        assert_eq!((head.age_seconds(now), head.ttl(now)), (1 << 31, 60 - (1 << 31)));
        head.freshness = Freshness { lifetime: Duration::MAX, ..head.freshness };
        assert_eq!(head.ttl(now), i64::MAX - (1 << 31));
    }

    #[test]
    fn fresh_until_the_age_reaches_the_lifetime() {
        let at = |seconds| Timestamp::from_unix(Duration::from_secs(seconds));
        let head = head(60, 10);
        let wishes = Wishes::default();
        let fresh = |now| reuse(&head.freshness, head.age(now), &wishes) == Reuse::Fresh;
        assert_eq!((head.age(at(1_000)).as_secs(), head.ttl(at(1_000)), fresh(at(1_000))), (10, 50, true));
        assert_eq!((head.ttl(at(1_049)), fresh(at(1_049))), (1, true));
        assert_eq!((head.ttl(at(1_050)), fresh(at(1_050))), (0, false));
        assert_eq!((head.ttl(at(1_060)), fresh(at(1_060))), (-10, false));
    }
}
