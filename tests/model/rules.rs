//! RFC 9111 and RFC 5861 for a shared cache, sentence by sentence, over the model's own data.
//!
//! Plain on purpose, and made from the texts, not from the node: two readings of one text are what is compared. An `Err`
//! says which sentence forbids it. Times are seconds; lifetimes are thousandths, because a guessed one is a tenth.

use crate::event::{Ask, Condition, IfRange, Wishes};
use crate::record::Record;
use crate::site::{etag, http_date, modified, same_opaque, variant};
use crate::terms::{Directives, Vary};

/// The directives that count: targeted ones where there are any, else `Cache-Control` (RFC 9213 section 2.2).
pub(crate) fn directives(record: &Record) -> Directives {
    record.targeted.or(record.control).unwrap_or_default()
}

/// RFC 9111 section 3. The request's own `no-store` is left to the caller, because it is not part of the record.
pub(crate) fn may_store(record: &Record) -> Result<(), &'static str> {
    let said = directives(record);
    if said.no_store {
        return Err("no-store: section 5.2.2.5");
    }
    if said.private {
        return Err("private: section 5.2.2.7");
    }
    if record.asked.authorized && !(said.public || said.must_revalidate || said.s_maxage.is_some()) {
        return Err("answers a request with Authorization: section 3.5");
    }
    let stated = said.public || said.max_age.is_some() || said.s_maxage.is_some();
    let expires = record.targeted.is_none() && record.expires.is_some();
    if !(stated || expires || heuristically_cacheable(record.status)) {
        return Err("nothing allows to store it: section 3");
    }
    Ok(())
}

/// RFC 9110 section 15.1.
fn heuristically_cacheable(status: u16) -> bool {
    [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501].contains(&status)
}

/// The lifetime that it was given, unless a purge ended it before.
pub(crate) fn lifetime_millis(record: &Record) -> u64 {
    let given = given_millis(record);
    record.softened.map_or(given, |age| given.min(age * 1_000))
}

/// Section 4.2.1, and the tenth of section 4.2.2. Zero where nothing gives it a lifetime.
fn given_millis(record: &Record) -> u64 {
    let said = directives(record);
    if let Some(stated) = said.s_maxage.or(said.max_age) {
        return stated * 1_000;
    }
    if let (Some(expires), None) = (record.expires, record.targeted) {
        return expires.saturating_sub(record.date) * 1_000;
    }
    match modified(record.target, record.version) {
        Some(modified) if heuristically_cacheable(record.status) || said.public => {
            (record.date.saturating_sub(modified) * 100).min(86_400_000)
        }
        _ => 0,
    }
}

/// Section 4.2.3. The exchange itself took no time.
pub(crate) fn age(record: &Record, now: u64) -> u64 {
    let apparent = record.received.saturating_sub(record.date);
    apparent.max(record.age) + (now - record.received)
}

/// Seconds of freshness left, rounded down: RFC 9211 section 2.4.
pub(crate) fn ttl(record: &Record, now: u64) -> i64 {
    let millis = lifetime_millis(record).cast_signed() - (age(record, now) * 1_000).cast_signed();
    millis.div_euclid(1_000)
}

/// How far past its lifetime it is.
fn staleness_millis(record: &Record, now: u64) -> u64 {
    (age(record, now) * 1_000).saturating_sub(lifetime_millis(record))
}

pub(crate) fn is_fresh(record: &Record, now: u64) -> bool {
    lifetime_millis(record) > age(record, now) * 1_000
}

/// Section 4.1: the fields that `Vary` names have the values they had.
pub(crate) fn is_selected(record: &Record, ask: &Ask) -> bool {
    let same_tier = record.asked.tier.as_deref() == ask.tier || !record.vary.by_tier();
    let same_language = record.asked.language.as_deref() == ask.language || !record.vary.by_language();
    record.vary != Vary::Star && same_tier && same_language
}

/// On what ground a stored response is used without asking the origin first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    Fresh,
    /// The client takes stale ones.
    MaxStale,
    /// RFC 5861 section 3.
    WhileRevalidate,
    /// The same where the texts leave it open: at the very second at which the window ends, or with a `max-age` and a
    /// `max-stale` that does not reach.
    WhileRevalidatePerhaps,
}

/// Section 4: may it be used without asking?
pub(crate) fn unasked(record: &Record, wishes: &Wishes, now: u64) -> Result<Ground, &'static str> {
    let (said, age, lifetime) = (directives(record), age(record, now), lifetime_millis(record));
    if let Some(why) = record.doubted {
        return Err(why);
    }
    if said.no_cache {
        return Err("no-cache: section 5.2.2.4");
    }
    if wishes.no_cache {
        return Err("the request says no-cache: section 5.2.1.4");
    }
    if wishes.max_age.is_some_and(|most| age > most) {
        return Err("older than the request's max-age: section 5.2.1.1");
    }
    if wishes.min_fresh.is_some_and(|least| lifetime < (age + least) * 1_000) {
        return Err("not fresh for the request's min-fresh: section 5.2.1.3");
    }
    if is_fresh(record, now) {
        return Ok(Ground::Fresh);
    }
    if never_stale(&said) {
        return Err("stale, and must be revalidated: sections 5.2.2.2, 5.2.2.8, 5.2.2.10");
    }
    let over = staleness_millis(record, now);
    match wishes.max_stale {
        Some(None) => return Ok(Ground::MaxStale),
        Some(Some(most)) if over <= most * 1_000 => return Ok(Ground::MaxStale),
        None if wishes.max_age.is_some() => {
            return Err("stale, and the request says max-age without max-stale: section 5.2.1.1");
        }
        _ => {}
    }
    match said.while_revalidate.map(|window| window * 1_000) {
        Some(window) if over < window && wishes.max_age.is_none() => Ok(Ground::WhileRevalidate),
        Some(window) if over <= window => Ok(Ground::WhileRevalidatePerhaps),
        _ => Err("stale: section 4.2.4"),
    }
}

fn never_stale(said: &Directives) -> bool {
    said.must_revalidate || said.proxy_revalidate || said.s_maxage.is_some()
}

/// May it stand in for an origin that fails (RFC 5861 section 4)? With how much of the window left, in thousandths.
pub(crate) fn on_failure(record: &Record, now: u64) -> Result<u64, &'static str> {
    let said = directives(record);
    if said.no_cache || never_stale(&said) || record.doubted.is_some() {
        return Err("may not be used unconfirmed, not even on errors: section 4.2.4");
    }
    let window = said.if_error.ok_or("no stale-if-error")? * 1_000;
    window.checked_sub(staleness_millis(record, now)).ok_or("past stale-if-error")
}

/// Has the client this representation (section 4.3.2)? `None` where it asks nothing.
pub(crate) fn client_has(record: &Record, condition: Condition, sent: &Sent) -> Option<bool> {
    let answer = match condition {
        Condition::None | Condition::Match => return None,
        Condition::Any => true,
        Condition::NoneMatch { .. } => {
            let tag = etag(record.target, record.version, &record.variant);
            tag.is_some_and(|tag| sent.tag.as_ref().is_some_and(|sent| same_opaque(sent, &tag)))
        }
        Condition::SinceVersion(_) | Condition::SinceSeconds(_) => {
            let changed = modified(record.target, record.version).unwrap_or(record.date);
            sent.since.is_some_and(|since| changed <= since)
        }
    };
    Some(answer && record.status == 200)
}

/// What a client's condition became when it was sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    pub(crate) tag: Option<String>,
    pub(crate) since: Option<u64>,
    pub(crate) if_range: Option<String>,
}

impl Sent {
    /// `version` is the resource's own now.
    pub(crate) fn of(ask: &Ask, (version, vary): (u32, Vary), now: u64) -> Self {
        let earlier = |ago: u32| version.saturating_sub(ago).max(1);
        let of = |ago| etag(ask.target, earlier(ago), &variant(vary, ask.tier, ask.language));
        let if_range = match ask.if_range {
            _ if ask.span.is_none() => None,
            IfRange::None => None,
            IfRange::Tag(ago) => of(ago),
            IfRange::Date(ago) => modified(ask.target, earlier(ago)).map(http_date),
        };
        let (tag, since) = match ask.condition {
            Condition::NoneMatch { ago, weak } => {
                let tag = of(ago).unwrap_or_else(|| "\"none\"".to_owned());
                let opaque = tag.trim_start_matches("W/");
                (Some(if weak { format!("W/{opaque}") } else { opaque.to_owned() }), None)
            }
            Condition::Any => (Some("*".to_owned()), None),
            Condition::SinceVersion(ago) => (None, Some(modified(ask.target, earlier(ago)).unwrap_or(now))),
            Condition::SinceSeconds(ago) => (None, Some(now - ago)),
            Condition::None | Condition::Match => (None, None),
        };
        Self { tag, since, if_range }
    }

    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        let tag = self.tag.clone().map(|tag| ("If-None-Match", tag));
        let since = self.since.map(|since| ("If-Modified-Since", http_date(since)));
        let if_range = self.if_range.clone().map(|value| ("If-Range", value));
        tag.into_iter().chain(since).chain(if_range).collect()
    }
}
