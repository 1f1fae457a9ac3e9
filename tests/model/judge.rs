//! Judges one answer of the node: may the client be given this now, and was the origin asked only where it had to be?

use crate::content::{self, Content};
use crate::event::TARGETS;
use crate::ledger::{Exchange, Ledger};
use crate::record::{Kept, Record};
use crate::rules;
use crate::site::{CONFIRMED, SAID, Said, Word, http_date};
use crate::terms::Vary;

/// What is wrong, in words.
pub(crate) type Fault = String;

pub(crate) type Judgement = Result<(), Fault>;

/// Everything that is wrong with one exchange.
pub(crate) fn judge(ledger: &Ledger, exchange: &Exchange<'_>) -> Vec<Fault> {
    let judgements = if matches!(exchange.ask.method, "GET" | "HEAD") {
        vec![safety(ledger, exchange), asking(ledger, exchange), liveness(ledger, exchange), storing(ledger, exchange)]
    } else {
        vec![passed_on(exchange)]
    };
    judgements.into_iter().filter_map(Result::err).collect()
}

pub(crate) fn fault(text: impl Into<Fault>) -> Judgement {
    Err(text.into())
}

fn number(exchange: &Exchange<'_>, field: &str) -> Option<u32> {
    exchange.got.header(field).map(|value| value.parse().expect("a number"))
}

/// The answer itself: from where it may come, and what it must say.
fn safety(ledger: &Ledger, exchange: &Exchange<'_>) -> Judgement {
    if exchange.got.status == 304 {
        return unchanged(ledger, exchange);
    }
    let confirmed = number(exchange, CONFIRMED);
    let said = match number(exchange, SAID) {
        Some(said) => said,
        // The origin's answer to a HEAD has the number that it may give to what is stored.
        None if exchange.ask.method == "HEAD" && confirmed.is_some() => confirmed.unwrap_or_default(),
        None => return own(ledger, exchange),
    };
    let news = exchange.news.iter().find(|news| news.id == said);
    if let (Some(news), false) = (news, exchange.in_background()) {
        return forwarded(ledger, exchange, news);
    }
    let mut last = fault(format!("answer {said}, confirmed by {confirmed:?}, was never given like this"));
    for record in ledger.records.iter().filter(|record| (record.said, record.confirmed) == (said, confirmed)) {
        last = whole(ledger, exchange, record);
        if last.is_ok() {
            break;
        }
    }
    last
}

/// A stored response, or a part of it.
fn whole(ledger: &Ledger, exchange: &Exchange<'_>, record: &Record) -> Judgement {
    reused(ledger, exchange, record)?;
    content::content(exchange, record)?;
    if rules::client_has(record, exchange.ask.condition, exchange.sent) == Some(true) {
        return fault("the client has it already, and gets it: RFC 9110 section 13.1");
    }
    Ok(())
}

/// An answer that the node makes itself.
fn own(ledger: &Ledger, exchange: &Exchange<'_>) -> Judgement {
    let silent = exchange.news.iter().any(|said| matches!(said.word, Word::Silence));
    match exchange.got.status {
        504 if exchange.ask.wishes.only_if_cached => Ok(()),
        502..=504 if exchange.failed() && (silent || ledger.selected(exchange.ask).is_some()) => Ok(()),
        status => fault(format!("{status} comes from nowhere")),
    }
}

/// What the origin said just now.
fn forwarded(ledger: &Ledger, exchange: &Exchange<'_>, news: &Said) -> Judgement {
    let message = match &news.word {
        Word::Whole(message) => message,
        Word::Part(message, _) => message,
        Word::Unsatisfiable if exchange.got.status == 416 => return Ok(()),
        _ => return fault("its answer has no content"),
    };
    content::bytes(exchange, &Content::of(news, message))?;
    let record = ledger.records.iter().find(|record| record.said == news.id);
    let known = record.and_then(|record| rules::client_has(record, exchange.ask.condition, exchange.sent));
    if known == Some(true) && exchange.told.stored {
        return fault("the client has it already, and gets it whole: RFC 9110 section 13.1");
    }
    Ok(())
}

/// A stored response.
fn reused(ledger: &Ledger, exchange: &Exchange<'_>, record: &Record) -> Judgement {
    if record.target != exchange.ask.target {
        return fault(format!("the answer for {}", TARGETS[record.target]));
    }
    if !rules::is_selected(record, exchange.ask) {
        return fault(format!("the answer for {:?}: section 4.1", record.asked));
    }
    let validated = exchange.news.iter().any(|said| Some(said.id) == record.confirmed);
    if validated && !exchange.in_background() {
        return Ok(());
    }
    if let Some(why) = record.retired {
        return fault(format!("given up before: {why}"));
    }
    if let Kept::No(why) = record.kept {
        return fault(format!("must not be stored: {why}"));
    }
    let unasked = rules::unasked(record, &exchange.ask.wishes, exchange.now);
    let on_failure = rules::on_failure(record, exchange.now).is_ok();
    if let Err(why) = unasked
        && !(ledger.origin_fails(exchange) && on_failure)
    {
        return fault(why);
    }
    outranked(ledger, exchange, record)
}

/// Section 4: of several suitable responses the most recent one, by `Date`.
fn outranked(ledger: &Ledger, exchange: &Exchange<'_>, record: &Record) -> Judgement {
    let later = ledger.records[..ledger.before].iter().rev().take_while(|other| !std::ptr::eq(*other, record));
    let better = later.filter(|other| other.is_surely_whole()).find(|other| {
        let suits = other.target == record.target && rules::is_selected(other, exchange.ask);
        suits && other.date >= record.date && rules::unasked(other, &exchange.ask.wishes, exchange.now).is_ok()
    });
    match better {
        Some(other) => fault(format!("answer {} is more recent: section 4", other.said)),
        None => Ok(()),
    }
}

/// A 304: of what the client would have been given, and the client has it.
fn unchanged(ledger: &Ledger, exchange: &Exchange<'_>) -> Judgement {
    let sent = exchange.sent;
    let passed = exchange.news.iter().any(|said| {
        let same = (said.asked.none_match.clone(), said.asked.since.clone());
        let same = same == (sent.tag.clone(), sent.since.map(http_date));
        matches!(said.word, Word::NotModified(_)) && same
    });
    if passed && !exchange.told.hit {
        return Ok(());
    }
    let validators = (exchange.got.header("etag"), exchange.got.header("last-modified"));
    let mut reasons = Vec::new();
    for record in ledger.records.iter().filter(|record| record.target == exchange.ask.target).rev() {
        let own = content::validators(record);
        if (own.0.as_deref(), own.1.as_deref()) != validators {
            continue;
        }
        match unchanged_from(ledger, exchange, record) {
            Ok(()) => return Ok(()),
            Err(reason) => reasons.push(format!("answer {} {:?}: {reason}", record.said, record.confirmed)),
        }
    }
    fault(format!("304 stands for nothing that may be used: {reasons:?}"))
}

fn unchanged_from(ledger: &Ledger, exchange: &Exchange<'_>, record: &Record) -> Judgement {
    let just_said = exchange.news.iter().any(|said| said.id == record.said) && !exchange.in_background();
    if !just_said {
        reused(ledger, exchange, record)?;
        content::fields(exchange, record)?;
    }
    match rules::client_has(record, exchange.ask.condition, exchange.sent) {
        Some(true) => Ok(()),
        _ => fault("the client has something else: RFC 9110 section 13.1"),
    }
}

/// Does what is said of asking the origin agree with what the origin saw?
fn asking(ledger: &Ledger, exchange: &Exchange<'_>) -> Judgement {
    let (told, ask) = (&exchange.told, exchange.ask);
    let silent = exchange.news.iter().any(|said| matches!(said.word, Word::Silence));
    // What was to be joined to parts may be of something else, and is asked for again.
    let joins = exchange.news.iter().any(|said| said.asked.range.is_some());
    if exchange.news.len() > if joins { 3 } else { 1 } && !silent {
        return fault(format!("the origin was asked {} times", exchange.news.len()));
    }
    if ask.wishes.only_if_cached && !exchange.news.is_empty() && !exchange.in_background() {
        return fault("the origin was asked in spite of only-if-cached: section 5.2.1.7");
    }
    if told.hit && !exchange.in_background() && !exchange.news.is_empty() {
        return fault("a hit, it says, and the origin was asked: RFC 9211 section 2.1");
    }
    if told.forward.is_some() && exchange.news.is_empty() {
        return fault("forwarded, it says, and the origin was not asked: RFC 9211 section 2.2");
    }
    let stored = |selected: bool| {
        ledger.records[..ledger.before].iter().any(|record| {
            let known = record.target == ask.target && record.kept == Kept::Surely && record.retired.is_none();
            let known = known && record.part.is_none();
            known && (!selected || rules::is_selected(record, ask))
        })
    };
    match (told.forward.as_deref(), &told.detail) {
        // Of a key on disk only what the request selects is looked for.
        (Some("uri-miss"), None) if stored(ledger.restarted) => fault("something is stored, and it says uri-miss"),
        (Some("vary-miss"), None) if stored(true) => fault("a variant is stored, and it says vary-miss"),
        _ => Ok(()),
    }
}

/// What must be there is used.
fn liveness(ledger: &Ledger, exchange: &Exchange<'_>) -> Judgement {
    if let Some((record, ground)) = ledger.demanded(exchange.ask, exchange.now)
        && !exchange.told.hit
    {
        return fault(format!("answer {} {:?} could be used: {ground:?}", record.said, record.confirmed));
    }
    if let Some(record) = ledger.demanded_part(exchange.ask, exchange.now)
        && !exchange.told.hit
    {
        return fault(format!("part {} has the bytes: RFC 9111 section 3.3", record.said));
    }
    // Who wants only what is stored starts nothing.
    let may_ask = !exchange.ask.wishes.only_if_cached;
    if exchange.told.says("stale_while_revalidate") && exchange.news.is_empty() && may_ask {
        return fault("it is stale, and nobody refreshes it: RFC 5861 section 3");
    }
    let Some(record) = ledger.selected(exchange.ask) else { return Ok(()) };
    let waits = exchange.ask.method == "GET" && !exchange.passed() && !exchange.told.hit;
    let waits = waits && !exchange.told.says("stale_if_error");
    let window_left = rules::on_failure(record, exchange.now).is_ok_and(|left| left > 0);
    if exchange.failed() && exchange.got.status >= 500 && waits && window_left {
        return fault(format!("answer {} could stand in: RFC 5861 section 4", record.said));
    }
    Ok(())
}

/// What the node says of storing: nothing forbidden, and nothing left out without a reason.
fn storing(ledger: &Ledger, exchange: &Exchange<'_>) -> Judgement {
    let news = ledger.records[ledger.before..].last();
    if exchange.told.stored {
        return match news {
            Some(Record { kept: Kept::No(why), .. }) => fault(format!("stored what must not be: {why}")),
            None => fault("stored, it says, and nothing came"),
            Some(_) => Ok(()),
        };
    }
    let news = news.filter(|record| record.kept == Kept::Perhaps && record.part.is_none());
    let Some(record) = news else { return Ok(()) };
    let told = &exchange.told;
    let lately = told.says("uncacheable") && ledger.uncacheable(exchange.ask.target, exchange.now);
    let excused = lately || told.says("precondition") || told.says("stale_if_error") || told.hit;
    // An error that answers a range is perhaps none of the whole.
    // And where a range was refused, the whole is fetched for this client alone.
    let of_the_range = told.says("status") || told.says("uncacheable");
    let to_range = exchange.ask.span.is_some() || record.asked.range.is_some();
    let excused = excused || (to_range && of_the_range);
    // Neither answers anybody else unasked.
    let useless = record.vary == Vary::Star || rules::directives(record).no_cache;
    if rules::is_fresh(record, exchange.now) && record.confirmed.is_none() && !excused && !useless {
        return fault(format!("answer {} could be stored and was not", record.said));
    }
    Ok(())
}

/// An unsafe request reaches the origin once, and its answer the client.
fn passed_on(exchange: &Exchange<'_>) -> Judgement {
    if exchange.ask.wishes.only_if_cached && exchange.news.is_empty() && exchange.got.status == 504 {
        return Ok(());
    }
    // What is idempotent may be tried again (RFC 9110 section 9.2.2).
    let again = matches!(exchange.ask.method, "PUT" | "DELETE");
    let said = match exchange.news {
        [said] => said,
        [Said { word: Word::Silence, .. }, .., said] if again => said,
        _ => return fault(format!("the origin was asked {} times", exchange.news.len())),
    };
    let status = match &said.word {
        Word::Done(effect) => effect.status,
        Word::Whole(message) => message.status,
        Word::Silence => 502,
        Word::NotModified(_) | Word::Part(..) | Word::Unsatisfiable => return fault("what is that?"),
    };
    let right = exchange.got.status == status && !exchange.told.hit && !exchange.told.stored;
    if right { Ok(()) } else { fault(format!("the origin said {status}, the client got {}", exchange.got.status)) }
}
