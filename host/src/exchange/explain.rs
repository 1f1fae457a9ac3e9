//! How a request would be answered, without answering it.
//!
//! The request goes the real way: it is normalised, routed, and shown to the route's filters, so that its key is the true
//! one. Only the lookup is replaced by a look. What filters do besides (metrics, logs of their own), they do here too.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};
use http::request;
use prometheus::Registry;

use super::edge::Edge;
use super::explanation::{Explanation, FreshnessNote, PartsNote, PurgeNote, VariantNote};
use super::failure::Failure;
use super::look;
use super::mailbox::Mailbox;
use super::metrics::Metrics;
use super::peer::{Peer, PurgeRight};
use super::record::Book;
use super::serve::passed_by;
use super::target::{self, BadUrl};
use super::visit::Visit;
use crate::cache::{Ask, Concern, Entry, Inspection, KeyShape, Parts, PassReason, StaleUse, Standing, Variant};
use crate::clock::Timestamp;
use crate::filter::EndOfStream;
use crate::semantics::{CacheStatus, Forwarded, Outcome, Reuse, http_date, usable_on_error};

impl Edge {
    /// Explains what a GET for this URL with these fields would meet.
    pub fn explain(self: &Arc<Self>, url: &str, headers: HeaderMap) -> Result<Explanation, BadUrl> {
        let (parts, scheme) = target::request_for(url, headers)?;
        let unspecified = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let peer = Peer {
            connection: 0,
            remote: unspecified,
            local: unspecified,
            scheme,
            trusted: false,
            body_timeout: Duration::ZERO,
            mailbox: Mailbox::default(),
            purge: PurgeRight::Nobody,
        };
        let now = self.clock.now();
        let mut told =
            Explanation { url: url.to_owned(), now: date(now), epoch: self.cache.epoch(), ..Explanation::default() };
        let Some(book) = silent_book(self) else { return Ok(told) };
        let mut visit = Visit::in_book(&book, self, &peer, &parts);
        let status = match self.follow(&mut visit, parts, &mut told) {
            Ok(status) => status,
            Err(failure) => {
                told.failure = Some(format!("{}: {failure}", failure.word()));
                CacheStatus { detail: Some(failure.word()), ..CacheStatus::new(Outcome::Synthetic) }
            }
        };
        if visit.passage().is_ok() {
            told.route = Some(visit.record.route.to_string());
        }
        told.origin = visit.record.origin.as_ref().map(ToString::to_string);
        told.verdict = String::from_utf8_lossy(status.member(&self.name).as_bytes()).into_owned();
        Ok(told)
    }

    /// The steps of `serve`, up to the lookup.
    fn follow(
        self: &Arc<Self>,
        visit: &mut Visit<'_>,
        parts: request::Parts,
        told: &mut Explanation,
    ) -> Result<CacheStatus, Failure> {
        visit.admit(parts, EndOfStream::Yes)?;
        if let Some(reply) = visit.filter_request()? {
            told.filter_reply = Some(reply.status().as_u16());
            return Ok(CacheStatus::new(Outcome::Synthetic));
        }
        visit.hear_wishes();
        let (origin, chosen) = visit.origin()?;
        let passage = visit.passage()?;
        let shape = KeyShape { rules: &passage.route.key_rules, origin: chosen.then(|| &**origin.name()) };
        let key = self.cache.key(&passage.head, &shape);
        let now = self.clock.now();
        let standing = look::standing(visit, &origin, &key, now)?;
        let ask = Ask { headers: &passage.head.headers, wishes: passage.wishes, standing: &standing };
        let inspection = self.cache.inspect(&key, &ask, now);
        told.key = Some(key.as_str().to_owned());
        told.fetching = inspection.fetching;
        told.refusal = inspection.uncacheable.map(|refusal| refusal.word());
        told.purges = inspection.purges.iter().map(purge_note).collect();
        told.parts = inspection.parts.as_deref().map(|parts| parts_note(parts, now));
        let selected = inspection.found.as_ref().ok().map(|(entry, _)| entry);
        told.variants = inspection.variants.iter().map(|variant| variant_note(variant, selected, now)).collect();
        if let Some(reason) = passed_by(passage) {
            told.passed = Some(reason.word());
            if visit.only_if_cached() {
                return Err(Failure::OnlyIfCached);
            }
            return Ok(passing(reason));
        }
        let status = lookup_status(&inspection, &standing, now);
        if status.outcome != Outcome::Hit && visit.only_if_cached() {
            return Err(Failure::OnlyIfCached);
        }
        Ok(status)
    }
}

/// Records of explanations are counted and logged nowhere.
fn silent_book(edge: &Edge) -> Option<Arc<Book>> {
    let metrics = Metrics::register(&Registry::new()).ok()?;
    Some(Arc::new(Book { metrics, access: None, clock: edge.clock.clone() }))
}

fn passing(reason: PassReason) -> CacheStatus {
    CacheStatus { detail: Some(reason.word()), ..CacheStatus::forward(reason.forwarded()) }
}

/// What a lookup would come to.
fn lookup_status(inspection: &Inspection, standing: &dyn Fn(StaleUse) -> Standing, now: Timestamp) -> CacheStatus {
    let stale = |entry: &Entry, cause: StaleUse| {
        let cause = if standing(cause) == Standing::Resting { StaleUse::BackOff } else { cause };
        CacheStatus { detail: Some(cause.word()), ..CacheStatus::hit(entry.ttl(now)) }
    };
    match &inspection.found {
        Ok((entry, Reuse::Fresh | Reuse::Stale)) => CacheStatus::hit(entry.ttl(now)),
        Ok((entry, Reuse::StaleWhileRevalidate)) => stale(entry, StaleUse::WhileRevalidate),
        Ok((entry, Reuse::Validate(Forwarded::Stale)))
            if usable_on_error(&entry.terms(), entry.head.age(now))
                && standing(StaleUse::IfError) != Standing::Well =>
        {
            stale(entry, StaleUse::IfError)
        }
        Ok((_, Reuse::Validate(why))) => CacheStatus { collapsed: inspection.fetching, ..CacheStatus::forward(*why) },
        Err(_) if inspection.covered => {
            CacheStatus::hit(inspection.parts.as_ref().map_or(0, |parts| parts.head.ttl(now)))
        }
        Err(_) if inspection.uncacheable.is_some() => passing(PassReason::Uncacheable),
        Err(why) => CacheStatus { collapsed: inspection.fetching, ..CacheStatus::forward(*why) },
    }
}

fn purge_note(concern: &Concern) -> PurgeNote {
    PurgeNote { scope: concern.scope, value: concern.text.clone(), epoch: concern.epoch }
}

fn parts_note(parts: &Parts, now: Timestamp) -> PartsNote {
    // The last byte is named, as in ranges.
    let pieces = parts.pieces().iter().map(|piece| format!("{}-{}", piece.start, piece.end - 1)).collect();
    PartsNote { pieces, total_bytes: parts.total(), ttl: parts.head.ttl(now) }
}

fn variant_note(variant: &Variant, selected: Option<&Arc<Entry>>, now: Timestamp) -> VariantNote {
    let (entry, tags) = (&variant.entry, &variant.entry.head.aside.tags);
    let texts = |names: &[Box<str>]| names.iter().map(ToString::to_string).collect();
    let readable = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let vary = entry.head.selection.fields().map(|(name, value)| (name.to_string(), value.map(readable)));
    VariantNote {
        selected: selected.is_some_and(|selected| Arc::ptr_eq(selected, entry)),
        purged: variant.purged,
        tier: "memory",
        status: entry.head.status.as_u16(),
        body_bytes: entry.body.len(),
        vary: vary.collect(),
        freshness: freshness_note(entry, now),
        tags: texts(&tags.names()[..tags.names().len() - tags.groups().len()]),
        groups: texts(tags.groups()),
        tags_cut: tags.are_cut(),
        epoch: entry.validity.epoch(),
        purges: variant.purges.iter().map(purge_note).collect(),
    }
}

fn freshness_note(entry: &Entry, now: Timestamp) -> FreshnessNote {
    let (head, terms) = (&entry.head, &entry.head.freshness);
    let field =
        |name: &HeaderName| head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into());
    let dated = head.headers.get(header::DATE).and_then(http_date);
    // An age that nobody knows is the longest there is.
    let known = |age: Duration| (terms.initial_age != Duration::MAX).then_some(age.as_secs());
    FreshnessNote {
        received: date(head.received),
        date: field(&header::DATE),
        age_field: field(&header::AGE),
        apparent_age: dated.map_or(0, |dated| head.received.since(dated).as_secs()),
        initial_age: known(terms.initial_age),
        resident_time: resident_time(entry, now).as_secs(),
        age: known(head.age(now)),
        lifetime: terms.lifetime.as_secs(),
        lifetime_source: terms.source.word(),
        soft_purged: entry.validity.ends().map(date),
        lifetime_in_force: entry.terms().lifetime.as_secs(),
        ttl: entry.ttl(now),
        stale_while_revalidate: terms.while_revalidate.as_secs(),
        stale_if_error: terms.if_error.as_secs(),
        validate_always: terms.validate_always,
        never_stale: terms.never_stale,
    }
}

/// The rest of the age, in whole seconds of both, so that the sum comes out as it is written.
fn resident_time(entry: &Entry, now: Timestamp) -> Duration {
    match entry.head.freshness.initial_age {
        Duration::MAX => now.since(entry.head.received),
        initial => Duration::from_secs(entry.head.age(now).as_secs().saturating_sub(initial.as_secs())),
    }
}

fn date(at: Timestamp) -> String {
    httpdate::fmt_http_date(at.system_time())
}
