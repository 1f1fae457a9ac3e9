//! What can happen to a node: a request, time, a change at the origin, trouble at the origin.
//!
//! An event holds all of its chance, so that a sequence can be repeated, and cut down, without a generator.

use fastrand::Rng;

use crate::purge::{Purge, Tags};
use crate::span::Span;
use crate::terms::{Terms, Vary, percent, seconds, sometimes};

/// What is asked for; the index is the resource everywhere else. Its validators are in `site`.
pub(crate) const TARGETS: [&str; 5] = ["/a", "/a?x=1", "/b", "/c", "/d/e?y"];
/// The host of each.
pub(crate) const HOSTS: [&str; 5] = ["test.example", "test.example", "test.example", "test.example", "other.example"];

#[derive(Debug, Clone)]
pub(crate) enum Event {
    Ask(Ask),
    Advance(u64),
    /// The origin has new content, or says something else of the same.
    Change(Change),
    Trouble(usize, Trouble),
    Purge(Purge),
    /// The node ends in good order and starts again.
    Restart,
}

/// One request of a client.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) target: usize,
    pub(crate) method: &'static str,
    pub(crate) tier: Option<&'static str>,
    pub(crate) language: Option<&'static str>,
    pub(crate) authorized: bool,
    pub(crate) wishes: Wishes,
    pub(crate) condition: Condition,
    pub(crate) span: Option<Span>,
    pub(crate) if_range: IfRange,
    /// What an unsafe request is answered.
    pub(crate) effect: Effect,
    /// This is purged while the origin is being asked.
    pub(crate) meanwhile: Option<Purge>,
}

/// The request directives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    pub(crate) no_cache: bool,
    pub(crate) no_store: bool,
    pub(crate) only_if_cached: bool,
    pub(crate) max_age: Option<u64>,
    pub(crate) min_fresh: Option<u64>,
    /// `Some(None)`: however stale.
    pub(crate) max_stale: Option<Option<u64>>,
}

/// The client's own precondition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    None,
    /// The entity tag that its variant had so many versions ago, with `W/` or without.
    NoneMatch {
        ago: u32,
        weak: bool,
    },
    Any,
    /// When the resource of so many versions ago was modified.
    SinceVersion(u32),
    /// So many seconds ago.
    SinceSeconds(u64),
    /// `If-Match`, which is for origins.
    Match,
}

/// By what a range is to be of the same representation: that of so many versions ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfRange {
    None,
    Tag(u32),
    Date(u32),
}

/// What becomes of an unsafe request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effect {
    pub(crate) status: u16,
    /// Another resource that the answer names in `Location` or `Content-Location`.
    pub(crate) names: Option<(&'static str, usize)>,
    /// The groups in `Cache-Group-Invalidation`.
    pub(crate) groups: Tags,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) target: usize,
    pub(crate) terms: Terms,
    /// New content comes with these; without, the content stays.
    pub(crate) content: Option<(u16, Vary)>,
    pub(crate) ranges: Ranges,
}

/// Does the resource's origin know ranges?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ranges {
    Honoured,
    Ignored,
}

impl Ranges {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        if percent(rng, 15) { Self::Ignored } else { Self::Honoured }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Over,
    HangsUp,
    Fails(u16),
}

impl Event {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        match rng.u8(..100) {
            0..64 => Self::Ask(Ask::random(rng)),
            64..80 => Self::Advance(seconds(rng)),
            80..91 => Self::Change(Change::random(rng)),
            91..94 => Self::Purge(Purge::random(rng)),
            94..97 => Self::Trouble(target(rng), Trouble::Over),
            97 => Self::Trouble(target(rng), Trouble::HangsUp),
            _ => Self::Trouble(target(rng), Trouble::Fails(rng.choice([500, 502, 503, 504]).expect("not empty"))),
        }
    }
}

impl Change {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        let statuses = [200, 200, 200, 200, 200, 200, 203, 204, 301, 302, 404, 410, 418, 500, 503];
        let content = |rng: &mut Rng| (rng.choice(statuses).expect("the list has members"), Vary::random(rng));
        let content = sometimes(rng, 65, content);
        Self { target: target(rng), terms: Terms::random(rng), content, ranges: Ranges::random(rng) }
    }
}

impl Ask {
    fn random(rng: &mut Rng) -> Self {
        let methods = ["POST", "PUT", "DELETE", "PATCH"];
        let method = match rng.u8(..100) {
            0..84 => "GET",
            84..94 => "HEAD",
            _ => rng.choice(methods).expect("the list has members"),
        };
        let value = |rng: &mut Rng| rng.choice([None, Some("a"), Some("b")]).expect("the list has members");
        Self {
            target: target(rng),
            method,
            tier: value(rng),
            language: value(rng),
            authorized: percent(rng, 8),
            wishes: if percent(rng, 30) { Wishes::random(rng) } else { Wishes::default() },
            condition: if percent(rng, 25) { Condition::random(rng) } else { Condition::None },
            span: sometimes(rng, 30, Span::random).filter(|_| matches!(method, "GET" | "HEAD")),
            if_range: IfRange::random(rng),
            effect: Effect::random(rng),
            meanwhile: sometimes(rng, 6, Purge::random),
        }
    }
}

impl Wishes {
    fn random(rng: &mut Rng) -> Self {
        Self {
            no_cache: percent(rng, 20),
            no_store: percent(rng, 8),
            only_if_cached: percent(rng, 20),
            max_age: sometimes(rng, 30, seconds),
            min_fresh: sometimes(rng, 20, seconds),
            max_stale: sometimes(rng, 35, |rng| sometimes(rng, 70, seconds)),
        }
    }

    /// As a field's value; empty where nothing is wished.
    pub(crate) fn value(&self) -> String {
        let flags = [(self.no_cache, "no-cache"), (self.no_store, "no-store"), (self.only_if_cached, "only-if-cached")];
        let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_owned());
        let times = [("max-age", self.max_age), ("min-fresh", self.min_fresh)];
        let times = times.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        let stale = self.max_stale.map(|most| most.map_or("max-stale".to_owned(), |most| format!("max-stale={most}")));
        flags.chain(times).chain(stale).collect::<Vec<_>>().join(", ")
    }
}

impl Condition {
    fn random(rng: &mut Rng) -> Self {
        match rng.u8(..20) {
            0..9 => Self::NoneMatch { ago: u32::from(percent(rng, 30)), weak: rng.bool() },
            9 => Self::Any,
            10..15 => Self::SinceVersion(u32::from(percent(rng, 30))),
            15..19 => Self::SinceSeconds(seconds(rng)),
            _ => Self::Match,
        }
    }
}

impl IfRange {
    fn random(rng: &mut Rng) -> Self {
        let ago = u32::from(percent(rng, 30));
        rng.choice([Self::None, Self::None, Self::None, Self::Tag(ago), Self::Date(ago)]).expect("not empty")
    }
}

impl Effect {
    fn random(rng: &mut Rng) -> Self {
        let status = rng.choice([200, 201, 204, 303, 400, 403, 500]).expect("the list has members");
        let names = sometimes(rng, 30, |rng| {
            (rng.choice(["Location", "Content-Location"]).expect("the list has members"), target(rng))
        });
        let groups = if percent(rng, 40) { Tags::random_groups(rng) } else { Tags::default() };
        Self { status, names, groups }
    }
}

/// The first ones most often, so that something is stored when it is asked for again.
pub(crate) fn target(rng: &mut Rng) -> usize {
    rng.usize(..TARGETS.len()).min(rng.usize(..TARGETS.len()))
}
