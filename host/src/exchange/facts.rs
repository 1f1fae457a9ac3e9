//! The facts of one exchange, for the access log and the metrics.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Version};

use crate::clock::Timestamp;
use crate::semantics::{CacheStatus, Outcome};

/// What is known of an exchange; written up as it goes.
pub(super) struct Facts {
    pub(super) started: Timestamp,
    pub(super) client: IpAddr,
    pub(super) method: Method,
    /// The target as the client sent it, without a host.
    pub(super) target: PathAndQuery,
    pub(super) host: Option<HeaderValue>,
    pub(super) version: Version,
    pub(super) referer: Option<HeaderValue>,
    pub(super) user_agent: Option<HeaderValue>,
    pub(super) request_id: HeaderValue,
    pub(super) route: Arc<str>,
    pub(super) origin: Option<Arc<str>>,
    pub(super) cache: CacheStatus,
    /// Where a hit came from.
    pub(super) hit_tier: &'static str,
    pub(super) filter_time: Duration,
    /// `None` while there is no response head.
    pub(super) status: Option<StatusCode>,
    pub(super) body_bytes: u64,
    pub(super) ending: Ending,
    /// The failure's word and whose fault it was, where the node answered for a failure.
    pub(super) failure: Option<(&'static str, &'static str)>,
}

/// How far the response came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// All of it was handed to the connection.
    Whole,
    /// The client went away, or was too slow.
    ClientAbort,
    /// The origin broke off.
    OriginAbort,
    /// The node could not read what it had stored.
    NodeAbort,
}

impl Ending {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::ClientAbort => "client_abort",
            Self::OriginAbort => "origin_abort",
            Self::NodeAbort => "node_abort",
        }
    }
}

/// The status logged where the client went away before there was one; nginx's, which log readers know.
const CLIENT_CLOSED_REQUEST: u16 = 499;

impl Facts {
    pub(super) fn code(&self) -> u16 {
        self.status.map_or(CLIENT_CLOSED_REQUEST, |status| status.as_u16())
    }

    pub(super) fn tier(&self) -> &'static str {
        if self.cache.outcome == Outcome::Hit { self.hit_tier } else { "none" }
    }
}
