//! What an answer brings: status, bytes and fields, held against the response that it is made from.
//!
//! Every byte tells the version that it is of, so a range that is joined of two versions is noticed.

use crate::event::IfRange;
use crate::judge::{Judgement, fault};
use crate::ledger::Exchange;
use crate::record::Record;
use crate::rules;
use crate::site::{Message, Said, body, etag, http_date, modified};
use crate::span::place;

/// The content of one answer of the origin.
pub(crate) struct Content {
    target: usize,
    status: u16,
    version: u32,
    tag: Option<String>,
    whole: String,
}

impl Content {
    pub(crate) fn of(said: &Said, message: &Message) -> Self {
        let whole = body((said.target, said.id), message.version, &message.variant);
        let tag = etag(said.target, message.version, &message.variant);
        Self { target: said.target, status: message.status, version: message.version, tag, whole }
    }

    fn of_record(record: &Record) -> Self {
        let whole = body((record.target, record.said), record.version, &record.variant);
        let tag = etag(record.target, record.version, &record.variant);
        Self { target: record.target, status: record.status, version: record.version, tag, whole }
    }
}

/// Status, body and fields of a stored response as the client got it.
pub(crate) fn content(exchange: &Exchange<'_>, record: &Record) -> Judgement {
    bytes(exchange, &Content::of_record(record))?;
    fields(exchange, record)
}

/// The whole, or what was asked for of it.
pub(crate) fn bytes(exchange: &Exchange<'_>, content: &Content) -> Judgement {
    let (ask, got) = (exchange.ask, exchange.got);
    let span = ask.span.filter(|_| ask.method == "GET" && content.status == 200);
    let range = span.map(|span| span.within(content.whole.len()));
    let asks = range.is_some();
    let applies = applies(exchange, content);
    let expected = match got.status {
        206 | 416 if !asks => return fault(format!("{} to a request without a range", got.status)),
        206 | 416 if !applies => return fault("If-Range names something else: RFC 9110 section 13.1.5"),
        206 => {
            let Some(range) = range.flatten() else { return fault("206 where nothing of the range is there") };
            let place = place(&range, content.whole.len());
            if got.header("content-range") != Some(&place) {
                return fault(format!("Content-Range is {:?}, not {place}", got.header("content-range")));
            }
            &content.whole[range]
        }
        416 if range.flatten().is_some() => return fault("416 where there are such bytes"),
        416 => "",
        status if status != content.status => {
            return fault(format!("the origin said {}, the client got {status}", content.status));
        }
        _ if exchange.told.hit && applies && asks => {
            return fault("the whole, where a range was asked for and is stored: RFC 9110 section 14.2");
        }
        204 => "",
        _ => &content.whole,
    };
    let expected = if ask.method == "HEAD" { "" } else { expected };
    if got.text() != expected || !got.complete {
        return fault(format!("the body is {:?}, not {expected:?}", got.text()));
    }
    Ok(())
}

/// May the range be taken of this (RFC 9110 section 13.1.5)?
fn applies(exchange: &Exchange<'_>, content: &Content) -> bool {
    match (exchange.ask.if_range, exchange.sent.if_range.as_deref()) {
        (_, None) => true,
        // Strong comparison.
        (IfRange::Tag(_), sent) => content.tag.as_deref() == sent && !sent.is_some_and(|tag| tag.starts_with('W')),
        (_, sent) => modified(content.target, content.version).map(http_date).as_deref() == sent,
    }
}

/// Age, validators and ttl.
pub(crate) fn fields(exchange: &Exchange<'_>, record: &Record) -> Judgement {
    let validators = validators(record);
    let got = (exchange.got.header("etag"), exchange.got.header("last-modified"));
    if got != (validators.0.as_deref(), validators.1.as_deref()) {
        return fault(format!("the validators are {got:?} in the place of {validators:?}"));
    }
    let age = rules::age(record, exchange.now);
    let told = exchange.got.header("age").map_or(Ok(0), str::parse::<u64>);
    if told != Ok(age) {
        return fault(format!("Age is {told:?}, and it is {age} seconds old: section 4.2.3"));
    }
    let ttl = rules::ttl(record, exchange.now);
    match exchange.told.ttl {
        Some(told) if told.abs_diff(ttl) > 1 => fault(format!("ttl is {told}, and {ttl} seconds are left")),
        None if exchange.told.hit => fault("a hit without its ttl"),
        _ => Ok(()),
    }
}

pub(crate) fn validators(record: &Record) -> (Option<String>, Option<String>) {
    let tag = etag(record.target, record.version, &record.variant);
    (tag, modified(record.target, record.version).map(http_date))
}
