//! The `Cache-Status` field (RFC 9211): what the cache did, in the words that the log and the metrics use too.
//!
//! `CacheStatus` is data until the answer leaves; then it becomes one list member, added after those of caches nearer to
//! the origin.

use std::fmt::{self, Write as _};

use bytes::{BufMut, BytesMut};
use http::HeaderValue;

/// Why a request went on to an origin (RFC 9211 section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// The cache was not asked.
    Bypass,
    /// The method is answered by origins only.
    Method,
    /// Nothing is stored under this key.
    UriMiss,
    /// Something is stored, but for other request headers.
    VaryMiss,
    /// Parts are stored, but not all that the request wants.
    Partial,
    /// What is stored is not fresh.
    Stale,
    /// The request refuses stored responses.
    Request,
}

impl Forwarded {
    pub fn word(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Partial => "partial",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

/// What the cache did for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Hit,
    Forward(Forwarded),
    /// The node answered of itself: a refusal, a filter's reply, an error.
    Synthetic,
}

/// Everything that the field can say of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheStatus {
    pub outcome: Outcome,
    /// Seconds of freshness left; negative where stale.
    pub ttl: Option<i64>,
    /// The response is being stored.
    pub stored: bool,
    /// Another request's fetch was used.
    pub collapsed: bool,
    /// The status that the origin gave, where it differs from what was sent on.
    pub forward_status: Option<u16>,
    /// A stable word that says more.
    pub detail: Option<&'static str>,
}

impl CacheStatus {
    pub fn new(outcome: Outcome) -> Self {
        Self { outcome, ttl: None, stored: false, collapsed: false, forward_status: None, detail: None }
    }

    pub fn forward(reason: Forwarded) -> Self {
        Self::new(Outcome::Forward(reason))
    }

    pub fn hit(ttl: i64) -> Self {
        Self { ttl: Some(ttl), ..Self::new(Outcome::Hit) }
    }

    /// The word for the `status` label of metrics and the access log.
    pub fn word(&self) -> &'static str {
        match self.outcome {
            Outcome::Hit => "hit",
            Outcome::Synthetic => "synthetic",
            Outcome::Forward(_) if self.collapsed => "collapsed",
            Outcome::Forward(Forwarded::Bypass | Forwarded::Method) => "bypass",
            Outcome::Forward(Forwarded::UriMiss) => "miss",
            Outcome::Forward(Forwarded::VaryMiss) => "vary_miss",
            Outcome::Forward(Forwarded::Partial) => "partial",
            Outcome::Forward(Forwarded::Stale) => "expired",
            Outcome::Forward(Forwarded::Request) => "request",
        }
    }

    /// One list member in the name of `node`, a token.
    pub fn member(&self, node: &str) -> HeaderValue {
        let mut text = BytesMut::with_capacity(node.len() + 64);
        // Writing into a growing buffer cannot fail.
        let _ = write!(text, "{}", Member { node, status: self });
        HeaderValue::from_maybe_shared(text.freeze()).unwrap_or_else(|_| HeaderValue::from_static("forebay"))
    }

    /// The member of a hit, by far the commonest; the same text, without the formatting machinery.
    pub fn hit_member(node: &str, ttl: i64) -> HeaderValue {
        let mut digits = ttl.unsigned_abs();
        let mut buffer = [0_u8; 20];
        let mut first = buffer.len();
        loop {
            first -= 1;
            buffer[first] = b'0' + (digits % 10) as u8;
            digits /= 10;
            if digits == 0 {
                break;
            }
        }
        let mut text = BytesMut::with_capacity(node.len() + 32);
        text.put_slice(node.as_bytes());
        text.put_slice(if ttl < 0 { b"; hit; ttl=-" } else { b"; hit; ttl=" });
        text.put_slice(&buffer[first..]);
        HeaderValue::from_maybe_shared(text.freeze()).unwrap_or_else(|_| HeaderValue::from_static("forebay; hit"))
    }
}

struct Member<'a> {
    node: &'a str,
    status: &'a CacheStatus,
}

impl fmt::Display for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status;
        f.write_str(self.node)?;
        match status.outcome {
            Outcome::Hit => f.write_str("; hit")?,
            Outcome::Forward(reason) => write!(f, "; fwd={}", reason.word())?,
            Outcome::Synthetic => {}
        }
        if let Some(code) = status.forward_status {
            write!(f, "; fwd-status={code}")?;
        }
        if let Some(ttl) = status.ttl {
            write!(f, "; ttl={ttl}")?;
        }
        if status.stored {
            f.write_str("; stored")?;
        }
        if status.collapsed {
            f.write_str("; collapsed")?;
        }
        if let Some(detail) = status.detail {
            write!(f, "; detail={detail}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_as_rfc_9211_writes_them() {
        let miss = CacheStatus::forward(Forwarded::UriMiss);
        let cases = [
            (CacheStatus::hit(291), "edge-1; hit; ttl=291"),
            (CacheStatus::hit(-7), "edge-1; hit; ttl=-7"),
            (CacheStatus { stored: true, ..miss }, "edge-1; fwd=uri-miss; stored"),
            (CacheStatus { collapsed: true, ..miss }, "edge-1; fwd=uri-miss; collapsed"),
            (
                CacheStatus { detail: Some("authorization"), ..CacheStatus::forward(Forwarded::Bypass) },
                "edge-1; fwd=bypass; detail=authorization",
            ),
            (CacheStatus::new(Outcome::Synthetic), "edge-1"),
        ];
        for (status, expected) in cases {
            assert_eq!(status.member("edge-1"), expected);
        }
    }

    #[test]
    fn the_short_way_writes_the_same_hit() {
        for ttl in [0, 9, 10, 86_400, -1, i64::MAX, i64::MIN + 1] {
            assert_eq!(CacheStatus::hit_member("n", ttl), CacheStatus::hit(ttl).member("n"));
        }
    }
}
