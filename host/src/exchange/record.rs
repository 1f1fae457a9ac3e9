//! The record of one exchange: counted and logged once, however the exchange ends.
//!
//! It is made with the request, goes along with the response's body, and hands its facts in when it is dropped: after the
//! last byte, at an abort, or where the client went away before there was a response.

use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;

use super::access_line::AccessLine;
use super::facts::{Ending, Facts};
use super::metrics::{Labels, Metrics};
use crate::clock::Clock;
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
    facts: Facts,
}

/// The label of requests that found no route.
const NO_ROUTE: &str = "_none";

impl Record {
    pub(super) fn begin(book: &Arc<Book>, client: IpAddr, request: &http::request::Parts, id: HeaderValue) -> Self {
        let logged = |name: &header::HeaderName| book.access.as_ref().and_then(|_| field(&request.headers, name));
        thread_local! {
            static NOWHERE: Arc<str> = Arc::from(NO_ROUTE);
        }
        let facts = Facts {
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
            hit_tier: "memory",
            filter_time: Duration::ZERO,
            status: None,
            body_bytes: 0,
            ending: Ending::ClientAbort,
            failure: None,
        };
        Self { start: Instant::now(), facts, book: book.clone() }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

fn field(headers: &HeaderMap, name: &header::HeaderName) -> Option<HeaderValue> {
    headers.get(name).cloned()
}

impl Deref for Record {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

impl DerefMut for Record {
    fn deref_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }
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
            log.write(&AccessLine::new(&self.facts, elapsed, *format));
        }
    }
}
