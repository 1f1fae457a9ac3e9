//! Everything that a cache may have by now, and what is known of it: learnt from what the origin said and from what the
//! node says it stored.

use crate::event::{Ask, Condition, HOSTS, IfRange, TARGETS};
use crate::purge::{Mode, Purge};
use crate::record::{Kept, Record};
use crate::rules::{self, Ground, Sent};
use crate::site::{Message, Said, Word, body, etag, http_date, modified, same_opaque};
use crate::terms::Vary;
use crate::told::Told;

/// For how long the node may pass requests by after an answer that could not be stored; `cache.uncacheable_ttl`.
pub(crate) const UNCACHEABLE_SECONDS: u64 = 120;

#[derive(Default)]
pub(crate) struct Ledger {
    /// In the order they came.
    pub(crate) records: Vec<Record>,
    /// So many of them were there before the exchange that is judged.
    pub(crate) before: usize,
    /// When an answer could not be stored last.
    unstorable: [Option<u64>; TARGETS.len()],
    /// Did the origin fail when it was asked last?
    failing: [bool; TARGETS.len()],
    /// Has the node begun anew with what is on disk?
    pub(crate) restarted: bool,
}

/// One request of a client and everything that came of it.
pub(crate) struct Exchange<'a> {
    pub(crate) ask: &'a Ask,
    pub(crate) sent: &'a Sent,
    pub(crate) now: u64,
    pub(crate) got: &'a support::Response,
    pub(crate) told: Told,
    /// What the origin was asked meanwhile, and said.
    pub(crate) news: &'a [Said],
}

impl Exchange<'_> {
    /// The origin was asked while the client had its answer already.
    pub(crate) fn in_background(&self) -> bool {
        self.told.hit && self.told.detail.is_some()
    }

    /// The request went by the cache, with its own conditions and for itself alone.
    pub(crate) fn passed(&self) -> bool {
        let asked_to = self.ask.wishes.no_store || self.ask.condition == Condition::Match;
        asked_to || self.told.says("uncacheable") || self.told.says("head")
    }

    /// The origin failed, as RFC 5861 section 4 means it.
    pub(crate) fn failed(&self) -> bool {
        self.news.iter().any(|said| match &said.word {
            Word::Silence => true,
            Word::Whole(message) => message.status >= 500,
            _ => false,
        })
    }
}

impl Ledger {
    /// Takes in what the origin said, before the client's answer is judged.
    pub(crate) fn learn(&mut self, exchange: &Exchange<'_>) {
        self.before = self.records.len();
        for said in exchange.news {
            for mut record in self.brought(exchange, said) {
                if exchange.ask.wishes.no_store {
                    record.kept = Kept::No("the request says no-store: section 5.2.1.5");
                }
                let kept = record.kept == Kept::Perhaps && record.vary != Vary::Star;
                if !kept || !rules::is_fresh(&record, exchange.now) || rules::directives(&record).no_cache {
                    self.unstorable[record.target] = Some(exchange.now);
                }
                self.records.push(record);
            }
        }
    }

    /// The responses of which a cache may have one by this answer.
    fn brought(&self, exchange: &Exchange<'_>, said: &Said) -> Vec<Record> {
        match &said.word {
            Word::Whole(message) if said.method == "HEAD" => self.agreed(exchange, said, message),
            Word::Whole(message) if said.method == "GET" => vec![Record::of(said, message)],
            Word::Part(message, range) => {
                let bases = self.records[..self.before].iter().rev().filter(|record| record.is_part_of(said, message));
                let joined = bases.map(|record| record.joined_by(said, message));
                let own = Record { part: Some(range.clone()), ..Record::of(said, message) };
                std::iter::once(own).chain(joined.filter(|_| said.asked.if_range.is_some())).collect()
            }
            Word::NotModified(message) if said.method == "GET" && !exchange.passed() => {
                let nominated = self.nominated(said).into_iter();
                nominated.map(|at| Record { part: None, ..self.records[at].confirmed_by(said, message) }).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What the answer to a HEAD brings up to date (section 4.3.5).
    fn agreed(&self, exchange: &Exchange<'_>, said: &Said, message: &Message) -> Vec<Record> {
        if !tells(exchange, message) {
            return Vec::new();
        }
        let stored = self.candidates(exchange.ask).into_iter().map(|at| &self.records[at]);
        stored
            .filter(|record| record.agrees_with(said, message))
            .map(|record| record.confirmed_by(said, message))
            .collect()
    }

    /// The whole responses of which the one is stored that this request selects, newest first.
    fn candidates(&self, ask: &Ask) -> Vec<usize> {
        let selects = |at: &usize| {
            let record = &self.records[*at];
            record.target == ask.target && rules::is_selected(record, ask) && record.is_usable()
        };
        let mut found: Vec<usize> = (0..self.before).rev().filter(selects).collect();
        let sure = found.iter().position(|at| self.records[*at].is_surely_whole());
        found.truncate(sure.map_or(found.len(), |at| at + 1));
        found
    }

    /// Does the origin fail for this request, or did it lately, so that it is left to rest?
    pub(crate) fn origin_fails(&self, exchange: &Exchange<'_>) -> bool {
        exchange.failed() || (self.failing[exchange.ask.target] && exchange.told.hit)
    }

    /// Draws the conclusions, after it was judged.
    pub(crate) fn conclude(&mut self, exchange: &Exchange<'_>) {
        // What passes for one client says nothing to the others.
        let shared = exchange.ask.method == "GET" && !exchange.passed();
        if shared && !exchange.news.is_empty() {
            self.failing[exchange.ask.target] = exchange.failed();
        }
        // Silence is a failure of the whole origin, an answer one of its resource.
        if shared && exchange.news.iter().any(|said| matches!(said.word, Word::Silence)) {
            self.failing = [true; TARGETS.len()];
        }
        for said in exchange.news {
            match &said.word {
                Word::Done(effect) if effect.status < 400 => {
                    let named = effect.names.map(|(_, target)| target);
                    self.retire("changed by an unsafe request: section 4.4", |record| {
                        let named = Some(record.target) == named || record.tags.shares(effect.groups);
                        record.target == said.target || (named && HOSTS[record.target] == HOSTS[said.target])
                    });
                }
                Word::Whole(message) if said.method == "GET" && message.status < 500 => self.replace(exchange, said),
                // An error that was stored stands where another answer stood.
                Word::Whole(_) if exchange.told.stored => self.unsettle(exchange),
                Word::NotModified(_) if said.method == "GET" => self.replace(exchange, said),
                Word::Part(..) | Word::Unsatisfiable => self.unsettle(exchange),
                Word::Whole(message) if said.method == "HEAD" && tells(exchange, message) => {
                    self.unsettle(exchange);
                    self.doubt(exchange, said, message);
                }
                _ => {}
            }
        }
        let told = exchange.ask.method == "HEAD";
        let storing = exchange.told.stored || exchange.in_background() || told;
        let only = self.records.len() == self.before + 1 && !told;
        for record in &mut self.records[self.before..] {
            let sure = only && (exchange.told.stored || (rules::is_fresh(record, exchange.now) && record.status < 500));
            match record.kept {
                Kept::Perhaps if !storing => record.kept = Kept::No("the node did not say that it stored it"),
                Kept::Perhaps if sure => record.kept = Kept::Surely,
                _ => {}
            }
        }
        if self.restarted {
            self.lose_other_variants();
        }
    }

    /// What was stored for the same request is perhaps no longer there; what the origin was asked to confirm is no longer
    /// to be used as it was, whether it was confirmed or not (sections 4.3.3 and 4.3.4).
    fn replace(&mut self, exchange: &Exchange<'_>, said: &Said) {
        // What credentials brought, and is not for others, changes nothing for them (section 3.5).
        let brought = &self.records[self.before..];
        let kept_out = |record: &Record| exchange.ask.authorized && matches!(record.kept, Kept::No(_));
        if brought.iter().any(kept_out) {
            return;
        }
        // Neither does one that a purge took back while it came; what it confirmed was not found to be another.
        let taken_back = |record: &Record| exchange.ask.meanwhile.is_some_and(|purge| purge.concerns(record));
        let unsaid = matches!(said.word, Word::NotModified(_)) && brought.iter().any(taken_back);
        let nominated = if exchange.passed() || unsaid { Vec::new() } else { self.nominated(said) };
        for (at, record) in self.records[..self.before].iter_mut().enumerate() {
            if record.target == said.target && rules::is_selected(record, exchange.ask) {
                if nominated.last() == Some(&at) && nominated.len() == 1 {
                    record.retired = Some("the origin was asked and said something else: section 4.3");
                } else if record.kept == Kept::Surely {
                    record.kept = Kept::Perhaps;
                }
            }
        }
    }

    /// Parts may have been joined to others, given up for others, or become a whole; and a HEAD may have renewed something.
    fn unsettle(&mut self, exchange: &Exchange<'_>) {
        for record in &mut self.records[..self.before] {
            let concerned = record.target == exchange.ask.target && rules::is_selected(record, exchange.ask);
            if concerned && record.kept == Kept::Surely {
                record.kept = Kept::Perhaps;
            }
        }
    }

    /// What a HEAD says is no longer the content is not used unasked.
    fn doubt(&mut self, exchange: &Exchange<'_>, said: &Said, message: &Message) {
        if let [only] = self.candidates(exchange.ask)[..] {
            let record = &mut self.records[only];
            if !record.agrees_with(said, message) {
                record.doubted = Some("a HEAD says that it is another: section 4.3.5");
            }
        }
    }

    pub(crate) fn retire(&mut self, why: &'static str, which: impl Fn(&Record) -> bool) {
        for record in self.records.iter_mut().filter(|record| which(record)) {
            record.retired = record.retired.or(Some(why));
        }
    }

    /// Memory is lost, and with it all parts.
    pub(crate) fn restart(&mut self) {
        self.restarted = true;
        let in_memory = |record: &&mut Record| record.part.is_some() || record.asked.range.is_some();
        for record in self.records.iter_mut().filter(in_memory) {
            if record.kept == Kept::Surely {
                record.kept = Kept::Perhaps;
            }
        }
        self.lose_other_variants();
    }

    /// On disk those that differ by other fields than the last one of their resource are perhaps not found any more.
    fn lose_other_variants(&mut self) {
        let mut last: [Option<Vary>; TARGETS.len()] = [None; TARGETS.len()];
        let mut changed = [false; TARGETS.len()];
        for record in self.records.iter_mut().rev().filter(|record| !matches!(record.kept, Kept::No(_))) {
            let target = record.target;
            changed[target] |= *last[target].get_or_insert(record.vary) != record.vary;
            if record.kept == Kept::Surely && changed[target] {
                record.kept = Kept::Perhaps;
            }
        }
    }

    /// The same for one that came while the last exchange was going on: what that brought, the node need not keep.
    pub(crate) fn purge_meanwhile(&mut self, purge: &Purge, now: u64) {
        self.purge(purge, now);
        for record in self.records[self.before..].iter_mut().filter(|record| purge.concerns(record)) {
            if record.kept == Kept::Surely {
                record.kept = Kept::Perhaps;
            }
        }
    }

    /// What has come by now, and is concerned, is given up, or stale from now on.
    pub(crate) fn purge(&mut self, purge: &Purge, now: u64) {
        match purge.mode {
            Mode::Hard => self.retire("purged", |record| purge.concerns(record)),
            Mode::Soft => {
                for record in self.records.iter_mut().filter(|record| purge.concerns(record)) {
                    let age = rules::age(record, now);
                    record.softened.get_or_insert(age);
                }
            }
        }
        for (target, unstorable) in self.unstorable.iter_mut().enumerate() {
            *unstorable = unstorable.filter(|_| !purge.concerns_target(target));
        }
    }

    /// The stored responses whose validators the origin was asked with, newest first, up to one that is surely there.
    fn nominated(&self, said: &Said) -> Vec<usize> {
        let asked = &said.asked;
        if asked.none_match.is_none() && asked.since.is_none() {
            return Vec::new();
        }
        let was_asked = |record: &Record| {
            let tag = etag(record.target, record.version, &record.variant);
            let date = modified(record.target, record.version).map(http_date);
            let same_request = record.asked.tier == asked.tier || !record.vary.by_tier();
            let same_language = record.asked.language == asked.language || !record.vary.by_language();
            let same_tag = match (&tag, &asked.none_match) {
                (Some(one), Some(other)) => same_opaque(one, other),
                (one, other) => one.is_none() == other.is_none(),
            };
            let usable = record.is_usable() && record.target == said.target;
            usable && same_request && same_language && same_tag && date == asked.since
        };
        let mut found: Vec<usize> = (0..self.before).rev().filter(|at| was_asked(&self.records[*at])).collect();
        let whole = found.iter().position(|at| self.records[*at].is_surely_whole());
        found.truncate(whole.map_or(found.len(), |at| at + 1));
        found
    }

    /// The stored response that must answer this request, and the origin must not be asked before it does.
    pub(crate) fn demanded(&self, ask: &Ask, now: u64) -> Option<(&Record, Ground)> {
        let record = self.selected(ask)?;
        let cacheable = matches!(ask.method, "GET" | "HEAD") && !ask.wishes.no_store;
        if !cacheable || ask.condition == Condition::Match {
            return None;
        }
        let ground = rules::unasked(record, &ask.wishes, now).ok()?;
        let sure = match ground {
            Ground::Fresh | Ground::MaxStale => true,
            Ground::WhileRevalidate => ask.method == "GET",
            Ground::WhileRevalidatePerhaps => false,
        };
        sure.then_some((record, ground))
    }

    /// The newest response that this request selects, if it is surely stored.
    pub(crate) fn selected(&self, ask: &Ask) -> Option<&Record> {
        let selects = |record: &&Record| record.target == ask.target && rules::is_selected(record, ask);
        let newest = self.records[..self.before].iter().rev().filter(selects).find(|record| record.is_usable());
        newest.filter(|record| record.is_surely_whole())
    }

    /// The part that must answer this request: the newest of what it selects, with all of the range. Nothing whole may be
    /// there, which would be validated first.
    pub(crate) fn demanded_part(&self, ask: &Ask, now: u64) -> Option<&Record> {
        let selects = |record: &&Record| record.target == ask.target && rules::is_selected(record, ask);
        let newest = self.records[..self.before].iter().rev().filter(selects).find(|record| record.is_usable())?;
        let (part, span) = (newest.part.as_ref()?, ask.span?);
        if self.candidates(ask).iter().any(|at| self.records[*at].part.is_none()) {
            return None;
        }
        let length = body((newest.target, newest.said), newest.version, &newest.variant).len();
        let covers = span.within(length).is_some_and(|range| part.start <= range.start && range.end <= part.end);
        let plain = ask.method == "GET" && !ask.wishes.no_store && ask.condition == Condition::None;
        let plain = plain && ask.if_range == IfRange::None && !ask.authorized;
        let fresh = rules::unasked(newest, &ask.wishes, now) == Ok(Ground::Fresh);
        (covers && plain && fresh && newest.kept == Kept::Surely).then_some(newest)
    }

    /// May the node pass requests for this by, because an answer could not be stored lately?
    pub(crate) fn uncacheable(&self, target: usize, now: u64) -> bool {
        self.unstorable[target].is_some_and(|at| now - at < UNCACHEABLE_SECONDS)
    }
}

/// Does the node learn from this answer to a HEAD? Not from one that is for this client alone.
fn tells(exchange: &Exchange<'_>, message: &Message) -> bool {
    message.status == 200 && exchange.told.says("head") && !exchange.ask.authorized
}
