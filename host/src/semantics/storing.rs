//! May this response be stored by a shared cache, and for how long (RFC 9111 section 3)?
//!
//! One question, one answer: `Verdict`. Its refusals carry the stable words that the log, the metrics and
//! `Cache-Status; detail` use. Asked once per response from an origin.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};
use http::{Method, StatusCode};

use super::cache_control::CacheControl;
use super::{fields, freshness};
use crate::clock::Timestamp;

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
}

impl Freshness {
    /// Nobody but the one who fetched it may use it unasked.
    pub fn for_one_use(&self) -> bool {
        self.validate_always || self.lifetime <= self.initial_age
    }
}

/// Fields that speak to caches in front of an origin and not to browsers, in their order of weight. `CDN-Cache-Control` is
/// RFC 9213's, `Surrogate-Control` the older one of the Edge Architecture note.
const TARGETED_FIELDS: [HeaderName; 2] =
    [HeaderName::from_static("cdn-cache-control"), HeaderName::from_static("surrogate-control")];

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
    SetCookie,
    NoFreshness,
    Expired,
    Partial,
    TooLarge,
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
            Self::SetCookie => "set_cookie",
            Self::NoFreshness => "no_freshness",
            Self::Expired => "expired",
            Self::Partial => "partial",
            Self::TooLarge => "too_large",
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
    /// This node, as a `Surrogate-Control` may name it.
    pub node: &'a str,
    /// The lifetime where the origin states none.
    pub default_ttl: Option<Duration>,
}

impl Candidate<'_> {
    pub fn verdict(&self) -> Verdict {
        let (control, targeted) = self.directives();
        if let Some(refusal) = self.refusal(&control, targeted) {
            return Verdict::Refuse(refusal);
        }
        let stated = match targeted {
            Targeted::Yes => control.s_maxage.or(control.max_age),
            Targeted::No => freshness::stated_lifetime(self.response, &control, self.received),
        };
        let guess = || self.default_ttl.or_else(|| freshness::heuristic_lifetime(self.response, self.received));
        let implied = if heuristically_cacheable(self.status) || control.public { guess() } else { None };
        let lifetime = match stated.or(implied) {
            Some(lifetime) => lifetime,
            None if heuristically_cacheable(self.status) || control.public => Duration::ZERO,
            None => return Verdict::Refuse(Refusal::NoFreshness),
        };
        if stated.is_none() && self.response.contains_key(header::SET_COOKIE) && !control.public {
            return Verdict::Refuse(Refusal::SetCookie);
        }
        let initial_age = freshness::initial_age(self.response, self.requested, self.received);
        let freshness = Freshness {
            lifetime,
            initial_age,
            validate_always: control.no_cache,
            never_stale: control.must_revalidate || control.proxy_revalidate || control.s_maxage.is_some(),
            while_revalidate: control.stale_while_revalidate.unwrap_or_default(),
            if_error: control.stale_if_error.unwrap_or_default(),
        };
        let validators = [header::ETAG, header::LAST_MODIFIED];
        let provable = validators.iter().any(|name| self.response.contains_key(name));
        if freshness.for_one_use() && !provable && freshness.while_revalidate.max(freshness.if_error).is_zero() {
            return Verdict::Refuse(match stated {
                _ if control.no_cache => Refusal::NoCache,
                Some(_) => Refusal::Expired,
                None => Refusal::NoFreshness,
            });
        }
        Verdict::Store(freshness)
    }

    /// The directives that count here: those for surrogates where there are any, else `Cache-Control`, else `Pragma`
    /// (section 5.4).
    fn directives(&self) -> (CacheControl, Targeted) {
        for field in &TARGETED_FIELDS {
            if self.response.contains_key(field) {
                let control = CacheControl::targeted(self.response, field, self.node);
                // A field with nothing for this node is as good as absent.
                if control != CacheControl::default() {
                    return (control, Targeted::Yes);
                }
            }
        }
        (CacheControl::of(self.response), Targeted::No)
    }

    /// The rules of section 3 in their order.
    fn refusal(&self, control: &CacheControl, targeted: Targeted) -> Option<Refusal> {
        let shared = control.public || control.s_maxage.is_some() || targeted == Targeted::Yes;
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
        if (control.no_store && !overruled) || CacheControl::of(self.request).no_store {
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
        None
    }
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
mod tests {
    use super::*;
    use http::HeaderValue;

    type Lines<'a> = &'a [(&'static str, &'a str)];

    fn headers(lines: Lines<'_>) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, HeaderValue::from_str(value).expect("a test value"));
        }
        map
    }

    fn judge(method: Method, request: Lines<'_>, status: u16, response: Lines<'_>) -> Verdict {
        let now = Timestamp::from_unix(Duration::from_secs(1_000_000_000));
        Candidate {
            method: &method,
            request: &headers(request),
            status: StatusCode::from_u16(status).expect("a test status"),
            response: &headers(response),
            requested: now,
            received: now,
            node: "edge-1",
            default_ttl: Some(Duration::from_secs(300)),
        }
        .verdict()
    }

    #[test]
    fn what_is_refused_and_why() {
        let fresh = ("cache-control", "max-age=60");
        let cases: [(Method, Lines<'_>, u16, Lines<'_>, Refusal); 14] = [
            (Method::POST, &[], 200, &[fresh], Refusal::Method),
            (Method::GET, &[], 206, &[fresh], Refusal::Partial),
            (Method::GET, &[], 304, &[fresh], Refusal::Status),
            (Method::GET, &[], 200, &[("cache-control", "no-store, max-age=60")], Refusal::NoStore),
            (Method::GET, &[("cache-control", "no-store")], 200, &[fresh], Refusal::NoStore),
            (Method::GET, &[], 200, &[("cache-control", "private, max-age=60")], Refusal::Private),
            (Method::GET, &[], 200, &[("cache-control", "no-cache")], Refusal::NoCache),
            (Method::GET, &[("authorization", "Basic x")], 200, &[fresh], Refusal::Authorization),
            (Method::GET, &[], 200, &[fresh, ("vary", "accept, *")], Refusal::VaryStar),
            (Method::GET, &[], 200, &[fresh, ("vary", "accept language")], Refusal::VaryStar),
            (Method::GET, &[], 200, &[("set-cookie", "a=b")], Refusal::SetCookie),
            (Method::GET, &[], 500, &[], Refusal::NoFreshness),
            (Method::GET, &[], 200, &[("cache-control", "max-age=0")], Refusal::Expired),
            (Method::GET, &[], 200, &[fresh, ("age", "60")], Refusal::Expired),
        ];
        for (method, request, status, response, expected) in cases {
            assert_eq!(judge(method, request, status, response), Verdict::Refuse(expected), "{status} {response:?}");
        }
    }

    #[test]
    fn what_is_stored_and_for_how_long() {
        let cases: [(Lines<'_>, u16, Lines<'_>, u64); 10] = [
            (&[], 200, &[("cache-control", "max-age=60")], 60),
            (&[], 200, &[], 300),
            (&[], 404, &[], 300),
            (&[], 500, &[("cache-control", "max-age=60")], 60),
            (&[("authorization", "x")], 200, &[("cache-control", "public, max-age=60")], 60),
            (&[("authorization", "x")], 200, &[("cache-control", "s-maxage=7")], 7),
            (&[], 200, &[("set-cookie", "a=b"), ("cache-control", "max-age=60")], 60),
            (&[], 200, &[("cache-control", "no-store"), ("surrogate-control", "max-age=7;edge-1")], 7),
            (&[], 200, &[("cache-control", "max-age=60"), ("surrogate-control", "max-age=7;other")], 60),
            (&[], 200, &[("cache-control", "no-store, must-understand, max-age=60")], 60),
        ];
        for (request, status, response, seconds) in cases {
            let Verdict::Store(freshness) = judge(Method::GET, request, status, response) else {
                panic!("{response:?} is refused");
            };
            assert_eq!(freshness.lifetime, Duration::from_secs(seconds), "{response:?}");
        }
    }
}
