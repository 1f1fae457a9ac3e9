//! The proxy of a rehearsal: what a filter asks and tells, as plain data.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::host::{Buffer, Level, Map, MetricKind, Pairs, Refused};
use crate::rehearsal::called::Called;
use crate::rehearsal::commons::Commons;
use crate::rehearsal::message::{Message, response};
use crate::rehearsal::verbs::Verbs;
use crate::{Reply, settings};

/// The first moment of 2025: a rehearsal's clock stands still until a test sets it.
const NOW_NANOS: u64 = 1_735_689_600_000_000_000;

/// One proxy, with the exchange whose callback is running.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) configuration: String,
    pub(crate) now_nanos: u64,
    pub(crate) request: Message,
    pub(crate) response: Message,
    pub(crate) reply: Option<Message>,
    pub(crate) properties: BTreeMap<String, Vec<u8>>,
    pub(crate) logs: Vec<(Level, String)>,
    pub(crate) verbs: Verbs,
    /// The body that goes through the filter.
    pub(crate) body: Vec<u8>,
    pub(crate) commons: Commons,
    pub(crate) tick: Option<Duration>,
    pub(crate) calls: u32,
    pub(crate) under_way: VecDeque<(u32, Called)>,
    /// The answer to a call, as its callback sees it.
    pub(crate) answer: Message,
    pub(crate) resumed: bool,
    metrics: Vec<Metric>,
}

#[derive(Debug)]
struct Metric {
    kind: MetricKind,
    name: String,
    /// Of a histogram, how many values it was given.
    value: i64,
}

impl World {
    pub(crate) fn new(configuration: &str) -> Self {
        Self {
            configuration: configuration.to_owned(),
            now_nanos: NOW_NANOS,
            request: Message::default(),
            response: Message::default(),
            reply: None,
            properties: BTreeMap::new(),
            logs: Vec::new(),
            verbs: Verbs::default(),
            body: Vec::new(),
            commons: Commons::default(),
            tick: None,
            calls: 0,
            under_way: VecDeque::new(),
            answer: Message::default(),
            resumed: false,
            metrics: Vec::new(),
        }
    }

    pub(crate) fn pairs(&mut self, map: Map) -> &mut Pairs {
        match map {
            Map::Request => &mut self.request.headers,
            Map::RequestTrailers => &mut self.request.trailers,
            Map::Response => &mut self.response.headers,
            Map::ResponseTrailers => &mut self.response.trailers,
            Map::Answer => &mut self.answer.headers,
            Map::AnswerTrailers => &mut self.answer.trailers,
        }
    }

    pub(crate) fn buffer(&mut self, buffer: Buffer) -> &mut Vec<u8> {
        match buffer {
            Buffer::Request | Buffer::Response => &mut self.body,
            Buffer::Answer => &mut self.answer.body,
        }
    }

    /// Like a real proxy, refuses what cannot stand in a header section.
    pub(crate) fn set(&mut self, map: Map, name: &str, value: &[u8]) -> Result<(), Refused> {
        allowed(name, value)?;
        let headers = self.pairs(map);
        match headers.iter().position(|(known, _)| known == name.as_bytes()) {
            // Where the first value stood, as a pseudo header must come before the others.
            Some(first) => {
                headers[first].1 = value.to_vec();
                let mut position = 0;
                headers.retain(|(known, _)| {
                    position += 1;
                    position <= first + 1 || known != name.as_bytes()
                });
            }
            None => headers.push((name.into(), value.to_vec())),
        }
        Ok(())
    }

    pub(crate) fn add(&mut self, map: Map, name: &str, value: &[u8]) -> Result<(), Refused> {
        allowed(name, value)?;
        self.pairs(map).push((name.into(), value.to_vec()));
        Ok(())
    }

    pub(crate) fn remove(&mut self, map: Map, name: &str) {
        self.pairs(map).retain(|(known, _)| known != name.as_bytes());
    }

    pub(crate) fn answer(&mut self, reply: &Reply) -> Result<(), Refused> {
        let mut message = response(reply.status());
        for (name, value) in reply.headers() {
            allowed(name, value.as_bytes())?;
            message = message.with(name, value);
        }
        message.body = reply.body().to_vec();
        self.reply = Some(message);
        Ok(())
    }

    /// Lays out the answer to a call and tells its headers, bytes and trailers; one without headers is none.
    pub(crate) fn take_answer(&mut self, answer: Message) -> (usize, usize, usize) {
        self.answer = answer;
        self.answer.body = self.answer.chunks.concat();
        (self.answer.headers.len(), self.answer.body.len(), self.answer.trailers.len())
    }

    pub(crate) fn define(&mut self, kind: MetricKind, name: &str) -> Result<u32, Refused> {
        if let Some(position) = self.metrics.iter().position(|metric| metric.name == name) {
            return if self.metrics[position].kind == kind { Ok(position as u32) } else { Err(Refused) };
        }
        self.metrics.push(Metric { kind, name: name.to_owned(), value: 0 });
        Ok(self.metrics.len() as u32 - 1)
    }

    pub(crate) fn record(&mut self, id: u32, value: u64) {
        if let Some(metric) = self.metrics.get_mut(id as usize) {
            match metric.kind {
                MetricKind::Histogram => metric.value += 1,
                _ => metric.value = i64::try_from(value).unwrap_or(i64::MAX),
            }
        }
    }

    pub(crate) fn increment(&mut self, id: u32, amount: i64) {
        if let Some(metric) = self.metrics.get_mut(id as usize) {
            metric.value += amount;
        }
    }

    pub(crate) fn metric(&self, name: &str) -> Option<i64> {
        self.metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value)
    }
}

/// A header's name is a token, or one of a pseudo header, in lower case; its value is on one line (RFC 9110 section 5).
fn allowed(name: &str, value: &[u8]) -> Result<(), Refused> {
    let token = name.strip_prefix(':').unwrap_or(name);
    let named = settings::is_token(token) && !token.bytes().any(|byte| byte.is_ascii_uppercase());
    let on_one_line = !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    if named && on_one_line { Ok(()) } else { Err(Refused) }
}
