//! What is known of an exchange when it is over. However it ends, its record is counted and logged once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Version};

use super::access_line::AccessLine;
use super::metrics::{Labels, Metrics};
use crate::clock::{Clock, Timestamp};
use crate::config::LogFormat;
use crate::semantics::{CacheStatus, Outcome};
use crate::telemetry::AccessLog;

/// Where records go. Cloning shares it.
#[derive(Clone)]
pub(super) struct Book {
    pub(super) metrics: Metrics,
    pub(super) access: Option<(AccessLog, LogFormat)>,
    pub(super) clock: Clock,
}

/// One exchange. Written up as it goes, and handed in when dropped.
pub(super) struct Record {
    book: Arc<Book>,
    start: Instant,
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
}

impl Ending {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::ClientAbort => "client_abort",
            Self::OriginAbort => "origin_abort",
        }
    }
}

/// The status logged where the client went away before there was one; nginx's, which log readers know.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The label of requests that found no route.
const NO_ROUTE: &str = "_none";

impl Record {
    pub(super) fn begin(book: &Arc<Book>, client: IpAddr, request: &http::request::Parts, id: HeaderValue) -> Self {
        let logged = |name: &header::HeaderName| book.access.as_ref().and_then(|_| field(&request.headers, name));
        thread_local! {
            static NOWHERE: Arc<str> = Arc::from(NO_ROUTE);
        }
        Self {
            start: Instant::now(),
            started: book.clock.now(),
            client,
            method: request.method.clone(),
            target: request.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")),
            host: logged(&header::HOST),
            version: request.version,
            referer: logged(&header::REFERER),
            user_agent: logged(&header::USER_AGENT),
            request_id: id,
            route: NOWHERE.with(Clone::clone),
            origin: None,
            cache: CacheStatus::new(Outcome::Synthetic),
            filter_time: Duration::ZERO,
            status: None,
            body_bytes: 0,
            ending: Ending::ClientAbort,
            failure: None,
            book: book.clone(),
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(super) fn code(&self) -> u16 {
        self.status.map_or(CLIENT_CLOSED_REQUEST, |status| status.as_u16())
    }

    pub(super) fn tier(&self) -> &'static str {
        if self.cache.outcome == Outcome::Hit { "memory" } else { "none" }
    }
}

fn field(headers: &HeaderMap, name: &header::HeaderName) -> Option<HeaderValue> {
    headers.get(name).cloned()
}

impl Drop for Record {
    fn drop(&mut self) {
        let elapsed = self.elapsed();
        let labels = Labels {
            route: &self.route,
            method: &self.method,
            code: self.code(),
            cache: self.cache.word(),
            tier: self.tier(),
        };
        self.book.metrics.count(&labels, elapsed.as_secs_f64());
        if let Some((log, format)) = &self.book.access {
            log.write(&AccessLine::new(self, elapsed, *format));
        }
    }
}
