//! How a request would be answered, without answering it.
//!
//! The request goes the real way: it is normalised, routed, and shown to the route's filters, so that its key is the true
//! one. Only the lookup is replaced by a look. What filters do besides (metrics, logs of their own), they do here too,
//! but for purges. Those at the origin's side are only named: nothing is fetched.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, request};
use prometheus::Registry;

use super::edge::Edge;
use super::explanation::Explanation;
use super::failure::Failure;
use super::mailbox::Mailbox;
use super::metrics::Metrics;
use super::peer::{Peer, PurgeRight};
use super::record::Book;
use super::serve::passed_by;
use super::target::{self, BadUrl};
use super::visit::Visit;
use super::{compress, head, look, noting};
use crate::cache::{Ask, Inspection, PassReason, Prospect};
use crate::clock::Timestamp;
use crate::filter::EndOfStream;
use crate::semantics::{CacheStatus, Outcome};

impl Edge {
    /// Explains what a request for this URL, with these fields and no body, would meet.
    pub async fn explain(
        self: &Arc<Self>,
        method: Method,
        url: &str,
        headers: HeaderMap,
    ) -> Result<Explanation, BadUrl> {
        let (mut parts, scheme) = target::request_for(url, headers)?;
        parts.method = method;
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
        let mut told = Explanation {
            url: url.to_owned(),
            now: noting::date(now),
            epoch: self.cache.epoch(),
            ..Explanation::default()
        };
        let Some(book) = silent_book(self) else { return Ok(told) };
        let mut visit = Visit::on_trial(&book, self, &peer, &parts);
        let status = match self.follow(&mut visit, parts, &mut told).await {
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
    async fn follow(
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
        let key = look::key(visit, (&origin, chosen))?;
        look::recall(visit, &key).await?;
        let passage = visit.passage()?;
        told.origin_filters = passage.route.origin_chain.names().map(str::to_owned).collect();
        let now = self.clock.now();
        let doubt = self.backoff.doubt(origin.name(), key.as_str(), now);
        let standing = |purpose| look::standing(passage, doubt, purpose);
        let ask =
            Ask { headers: &passage.head.headers, wishes: passage.wishes, standing: &standing, recall: &visit.recall };
        let inspection = self.cache.inspect(&key, &ask, now);
        told.key = Some(key.as_str().to_owned());
        told.doubt = doubt.map(noting::doubt);
        told.purges = inspection.purges.iter().map(noting::purge).collect();
        let prospect = &inspection.prospect;
        told.variants = inspection.variants.iter().map(|variant| noting::whole(variant, prospect, now)).collect();
        told.parts = inspection.parts.iter().map(|parts| noting::parts(parts, prospect, now)).collect();
        let passed = passed_by(passage);
        told.passed = passed.map(PassReason::word);
        let status = match passed {
            Some(reason) => passing(reason),
            None if visit.head_only() => head_prospective(visit, &inspection, now)?,
            None => {
                told.refusal = inspection.uncacheable.map(|refusal| refusal.word());
                told.fetching = inspection.joins;
                told.coding = compress::prospect(passage, prospect);
                told.fetch = fetched(&inspection);
                prospective(&inspection, now)
            }
        };
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

/// What a lookup for GET would come to.
fn prospective(inspection: &Inspection, now: Timestamp) -> CacheStatus {
    match &inspection.prospect {
        Prospect::Hit(entry) => CacheStatus::hit(entry.ttl(now)),
        Prospect::Part(parts, _) => CacheStatus::hit(parts.ttl(now)),
        Prospect::Stale(entry, cause) => CacheStatus { detail: Some(cause.word()), ..CacheStatus::hit(entry.ttl(now)) },
        Prospect::Fetch(errand) => inspection
            .passes
            .map_or(CacheStatus { collapsed: inspection.joins, ..CacheStatus::forward(errand.forwarded) }, passing),
    }
}

/// What a look for HEAD would come to.
fn head_prospective(visit: &Visit<'_>, inspection: &Inspection, now: Timestamp) -> Result<CacheStatus, Failure> {
    if let Some(ttl) = inspection.head_ttl {
        return Ok(CacheStatus::hit(ttl));
    }
    let own = visit.passage()?.head.headers.contains_key(AUTHORIZATION);
    let stored = match &inspection.prospect {
        Prospect::Stale(entry, _) => Some(entry),
        Prospect::Fetch(errand) => errand.stale.as_ref(),
        Prospect::Hit(_) | Prospect::Part(..) => None,
    };
    let passed = passing(PassReason::Head);
    Ok(match stored.filter(|_| !own) {
        Some(entry) => CacheStatus { outcome: Outcome::Forward(head::why(visit, entry, now)?), ..passed },
        None => passed,
    })
}

/// What a fetch that the request leads or joins asks for.
fn fetched(inspection: &Inspection) -> Option<String> {
    match &inspection.prospect {
        Prospect::Fetch(errand) if inspection.passes.is_none() => {
            Some(errand.want.asked().map_or_else(|| "whole".to_owned(), |range| range.to_string()))
        }
        _ => None,
    }
}
