//! May this response be stored by a shared cache, and for how long (RFC 9111 section 3)?
//!
//! One question, one answer: `Verdict`. Its refusals carry the stable words that the log, the metrics and
//! `Cache-Status; detail` use. Asked once per response from an origin.

mod lifetime;

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};
use http::{Method, StatusCode};

use super::cache_control::CacheControl;
use super::policy::{Overrides, Policy};
use super::targeted::Targets;
use super::{fields, freshness};
use crate::clock::Timestamp;
pub use lifetime::LifetimeSource;

/// What a shared cache may do with a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Store(Freshness),
    Refuse(Refusal),
}

/// The terms on which a stored response may be used. It is fresh while its age is below its lifetime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freshness {
    pub lifetime: Duration,
    /// Its age at the moment it arrived.
    pub initial_age: Duration,
    /// The origin is asked before every use (`no-cache`).
    pub validate_always: bool,
    /// It is never used stale (`must-revalidate`, `proxy-revalidate`, `s-maxage`: sections 5.2.2.2, 5.2.2.8, 5.2.2.10).
    pub never_stale: bool,
    /// How long after its lifetime it may be used while it is fetched anew (RFC 5861 section 3).
    pub while_revalidate: Duration,
    /// How long after its lifetime it may stand in for an origin that fails (RFC 5861 section 4).
    pub if_error: Duration,
    /// It does not change while it is fresh (RFC 8246).
    pub immutable: bool,
    /// What the lifetime was read from.
    pub source: LifetimeSource,
}

impl Freshness {
    /// Nobody but the one who fetched it may use it unasked.
    pub fn for_one_use(&self) -> bool {
        self.validate_always || self.lifetime <= self.initial_age
    }

    /// May it be used stale at all?
    fn ever_stale(&self) -> bool {
        !self.validate_always && !self.never_stale && !self.while_revalidate.max(self.if_error).is_zero()
    }
}

/// Were the directives meant for caches like this one?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Targeted {
    Yes,
    No,
}

/// Why a response is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Method,
    Status,
    NoStore,
    /// `no-cache`, and nothing by which the origin could be asked whether it is still good.
    NoCache,
    Private,
    Authorization,
    VaryStar,
    /// It varies by a field that this node writes anew for each client.
    VaryClient,
    SetCookie,
    NoFreshness,
    Expired,
    Partial,
    TooLarge,
    /// A filter at the origin's side wants it for one request only.
    Filter,
}

impl Refusal {
    /// The stable word for logs, metrics and `Cache-Status` details.
    pub fn word(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Status => "status",
            Self::NoStore => "no_store",
            Self::NoCache => "no_cache",
            Self::Private => "private",
            Self::Authorization => "authorization",
            Self::VaryStar => "vary_star",
            Self::VaryClient => "vary_client",
            Self::SetCookie => "set_cookie",
            Self::NoFreshness => "no_freshness",
            Self::Expired => "expired",
            Self::Partial => "partial",
            Self::TooLarge => "too_large",
            Self::Filter => "filter",
        }
    }
}

/// A response and what it answers, as far as storing it is concerned.
pub struct Candidate<'a> {
    pub method: &'a Method,
    pub request: &'a HeaderMap,
    pub status: StatusCode,
    pub response: &'a HeaderMap,
    pub requested: Timestamp,
    pub received: Timestamp,
    /// The fields that speak to this node before `Cache-Control` does.
    pub targets: &'a Targets,
    /// What counts where the origin says nothing.
    pub policy: &'a Policy,
    /// What counts whatever the origin says.
    pub overrides: Overrides,
}

impl Candidate<'_> {
    pub fn verdict(&self) -> Verdict {
        let (control, targeted) = self.directives();
        if let Some(refusal) = self.refusal(&control) {
            return Verdict::Refuse(refusal);
        }
        let stated = match targeted {
            Targeted::Yes => control.s_maxage.or(control.max_age),
            Targeted::No => freshness::stated_lifetime(self.response, &control, self.received),
        };
        let guessable = heuristically_cacheable(self.status) || control.public;
        let guess = || self.policy.default_ttl.or_else(|| freshness::heuristic_lifetime(self.response, self.received));
        let implied = self.policy.ttl_of(self.status).or_else(|| if guessable { guess() } else { None });
        let initial_age = freshness::initial_age(self.response, self.requested, self.received);
        let laid_down = self.overrides.ttl.map(|ttl| initial_age.saturating_add(ttl));
        let lifetime = match laid_down.or(stated).or(implied) {
            Some(lifetime) => lifetime,
            None if guessable => Duration::ZERO,
            None => return Verdict::Refuse(Refusal::NoFreshness),
        };
        if self.sets_cookie(&control) && !(self.policy.store_set_cookie && (stated.is_some() || control.public)) {
            return Verdict::Refuse(Refusal::SetCookie);
        }
        let (while_revalidate, if_error) = self.stale_windows(&control, lifetime);
        let freshness = Freshness {
            lifetime,
            initial_age,
            validate_always: control.no_cache,
            never_stale: self.never_stale(&control),
            while_revalidate,
            if_error,
            immutable: control.immutable,
            source: self.source(&control, targeted, (stated, implied)),
        };
        let validators = [header::ETAG, header::LAST_MODIFIED];
        let provable = validators.iter().any(|name| self.response.contains_key(name));
        if freshness.for_one_use() && !provable && !freshness.ever_stale() {
            return Verdict::Refuse(match stated {
                _ if control.no_cache => Refusal::NoCache,
                Some(_) => Refusal::Expired,
                None => Refusal::NoFreshness,
            });
        }
        Verdict::Store(freshness)
    }

    /// `s-maxage` says it by the way (RFC 9111 section 5.2.2.10), so that a filter may say otherwise.
    fn never_stale(&self, control: &CacheControl) -> bool {
        control.must_revalidate || control.proxy_revalidate || (control.s_maxage.is_some() && !self.overrides.any())
    }

    /// What gave the lifetime that was stated, or else implied.
    fn source(
        &self,
        control: &CacheControl,
        targeted: Targeted,
        (stated, implied): (Option<Duration>, Option<Duration>),
    ) -> LifetimeSource {
        match (stated, implied) {
            _ if self.overrides.ttl.is_some() => LifetimeSource::Filter,
            (Some(_), _) if targeted == Targeted::Yes => LifetimeSource::Targeted,
            (Some(_), _) if control.s_maxage.is_some() => LifetimeSource::SMaxage,
            (Some(_), _) if control.max_age.is_some() => LifetimeSource::MaxAge,
            (Some(_), _) => LifetimeSource::Expires,
            (None, Some(_)) if self.policy.ttl_of(self.status).is_some() => LifetimeSource::StatusTtl,
            (None, Some(_)) if self.policy.default_ttl.is_some() => LifetimeSource::DefaultTtl,
            (None, Some(_)) => LifetimeSource::Heuristic,
            (None, None) => LifetimeSource::Nothing,
        }
    }

    /// The fields that must not be stored with the rest.
    pub fn withheld(&self) -> Vec<HeaderName> {
        self.directives().0.withheld
    }

    /// The directives that count here: those of a targeted field where there is one, else `Cache-Control`.
    fn directives(&self) -> (CacheControl, Targeted) {
        match self.targets.directives(self.response) {
            Some(control) => (control, Targeted::Yes),
            None => (CacheControl::of(self.response), Targeted::No),
        }
    }

    /// Would a cookie be stored?
    fn sets_cookie(&self, control: &CacheControl) -> bool {
        self.response.contains_key(header::SET_COOKIE) && !control.withheld.contains(&header::SET_COOKIE)
    }

    /// How long it may be used while it is fetched anew, and in the place of an origin that fails. What the operator adds
    /// is for responses that were fresh once and are no errors themselves: nobody wants an error for longer than it is
    /// there, and `max-age=0` means not without asking.
    fn stale_windows(&self, control: &CacheControl, lifetime: Duration) -> (Duration, Duration) {
        let error = self.status.is_client_error() || self.status.is_server_error();
        let lasting = !lifetime.is_zero() && !error;
        let or = |stated: Option<Duration>, added| stated.unwrap_or(if lasting { added } else { Duration::ZERO });
        let (while_revalidate, if_error) = (self.policy.while_revalidate, self.policy.if_error);
        (
            self.overrides.while_revalidate.unwrap_or_else(|| or(control.stale_while_revalidate, while_revalidate)),
            self.overrides.if_error.unwrap_or_else(|| or(control.stale_if_error, if_error)),
        )
    }

    /// The rules of section 3 in their order.
    fn refusal(&self, control: &CacheControl) -> Option<Refusal> {
        let shared = control.public || control.s_maxage.is_some();
        if *self.method != Method::GET {
            return Some(Refusal::Method);
        }
        if self.status == StatusCode::PARTIAL_CONTENT {
            return Some(Refusal::Partial);
        }
        if self.status.is_informational() || self.status == StatusCode::NOT_MODIFIED {
            return Some(Refusal::Status);
        }
        let overruled = control.must_understand && understood(self.status);
        if control.no_store && !overruled {
            return Some(Refusal::NoStore);
        }
        if control.must_understand && !understood(self.status) {
            return Some(Refusal::Status);
        }
        if control.private {
            return Some(Refusal::Private);
        }
        if self.request.contains_key(header::AUTHORIZATION) && !shared && !control.must_revalidate {
            return Some(Refusal::Authorization);
        }
        // A name that is none could be any.
        if fields::list(self.response, &header::VARY).any(|name| name.parse::<HeaderName>().is_err() || name == "*") {
            return Some(Refusal::VaryStar);
        }
        if fields::list(self.response, &header::VARY).any(|name| is_of_one_client(&name)) {
            return Some(Refusal::VaryClient);
        }
        None
    }
}

/// Request fields that the node writes itself for each client, so that the client's own do not tell what the origin saw.
fn is_of_one_client(name: &str) -> bool {
    ["x-forwarded-for", "x-request-id"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Statuses whose caching rules this cache knows: the final ones of RFC 9110 section 15 (RFC 9111 section 5.2.2.3).
fn understood(status: StatusCode) -> bool {
    !matches!(status.as_u16(), 206 | 304)
        && matches!(status.as_u16(),
        200..=206 | 300..=305 | 307 | 308 | 400..=417 | 421 | 422 | 426 | 428 | 429 | 431 | 451 | 500..=505 | 511)
}

/// Statuses that may be kept without the origin naming a lifetime (RFC 9110 section 15.1).
fn heuristically_cacheable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

#[cfg(test)]
mod tests;
