//! The origin of the model: resources that change, and everything that was ever said of them.
//!
//! Every answer has a number, which its header section and its body tell, so that whatever a client gets names the answer
//! it comes from.

use std::ops::Range;
use std::time::{Duration, UNIX_EPOCH};

use support::{Answer, Gate, Seen};

use crate::event::{Change, Effect, HOSTS, Ranges, TARGETS, Trouble};
use crate::purge::Tags;
use crate::span::{Span, place};
use crate::terms::{Terms, Vary};

/// When the clock of every node starts.
pub(crate) const START: u64 = 1_800_000_000;

/// The number of the answer that a body comes from, and of the 304 that confirmed it last.
pub(crate) const SAID: &str = "x-said";
pub(crate) const CONFIRMED: &str = "x-confirmed";
/// How an unsafe request tells what it is to be answered.
pub(crate) const EFFECT: &str = "x-effect";

pub(crate) struct Site {
    pub(crate) now: u64,
    pub(crate) resources: Vec<Resource>,
    pub(crate) said: Vec<Said>,
    /// What keeps the answers back.
    pub(crate) gate: Option<Gate>,
}

pub(crate) struct Resource {
    pub(crate) version: u32,
    pub(crate) status: u16,
    pub(crate) vary: Vary,
    pub(crate) terms: Terms,
    pub(crate) trouble: Trouble,
    pub(crate) ranges: Ranges,
}

/// One request that reached the origin, and what was said to it.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) id: u32,
    pub(crate) target: usize,
    pub(crate) method: String,
    pub(crate) asked: Asked,
    pub(crate) word: Word,
}

/// What of a request matters to caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) tier: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) authorized: bool,
    pub(crate) none_match: Option<String>,
    pub(crate) since: Option<String>,
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum Word {
    Whole(Message),
    NotModified(Message),
    /// A 206 with these bytes.
    Part(Message, Range<usize>),
    /// There are no such bytes.
    Unsatisfiable,
    /// The answer to an unsafe request.
    Done(Effect),
    /// The connection was closed.
    Silence,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) at: u64,
    pub(crate) status: u16,
    pub(crate) vary: Vary,
    pub(crate) version: u32,
    pub(crate) variant: String,
    pub(crate) terms: Terms,
}

impl Site {
    pub(crate) fn new(changes: impl IntoIterator<Item = Change>) -> Self {
        let resource = |change: Change| {
            let (status, vary) = change.content.unwrap_or((200, Vary::Nothing));
            Resource { version: 1, status, vary, terms: change.terms, trouble: Trouble::Over, ranges: change.ranges }
        };
        Self { now: START, resources: changes.into_iter().map(resource).collect(), said: Vec::new(), gate: None }
    }

    pub(crate) fn change(&mut self, change: &Change) {
        let resource = &mut self.resources[change.target];
        resource.terms = change.terms;
        resource.ranges = change.ranges;
        if let Some((status, vary)) = change.content {
            (resource.status, resource.vary) = (status, vary);
            resource.version += 1;
        }
    }

    pub(crate) fn answer(&mut self, seen: &Seen) -> Answer {
        let target = TARGETS.iter().position(|target| *target == seen.target);
        let target = target.unwrap_or_else(|| panic!("nobody asked for {}", seen.target));
        let id = self.next_id();
        let asked = Asked::by(seen);
        let (word, answer) = self.word(target, seen, &asked);
        let answer = match &self.gate {
            Some(gate) => answer.after(gate),
            None => answer,
        };
        self.said.push(Said { id, target, method: seen.method.clone(), asked, word: word.clone() });
        match word {
            // What it says of a stored response comes to stand beside that one's own number.
            Word::Whole(_) if seen.method == "HEAD" => answer.header(CONFIRMED, &id.to_string()),
            Word::Whole(_) | Word::Part(..) | Word::Unsatisfiable | Word::Done(_) => {
                answer.header(SAID, &id.to_string())
            }
            Word::NotModified(_) => answer.header(CONFIRMED, &id.to_string()),
            Word::Silence => answer,
        }
    }

    fn word(&mut self, target: usize, seen: &Seen, asked: &Asked) -> (Word, Answer) {
        let id = self.said.len() + 1;
        match self.resources[target].trouble {
            Trouble::HangsUp => return (Word::Silence, Answer::hang_up()),
            Trouble::Fails(status) => {
                let terms = Terms { behind: Some(0), ..Terms::default() };
                let message = self.message(target, asked, (status, terms));
                let body = body((target, self.next_id()), message.version, &message.variant);
                return (Word::Whole(message), Answer::status(status, body));
            }
            Trouble::Over => {}
        }
        if let Some(effect) = seen.header(EFFECT).map(Effect::parse) {
            if effect.status < 400 {
                self.resources[target].version += 1;
            }
            return (Word::Done(effect), effect.answer(id, target));
        }
        let resource = &self.resources[target];
        let message = self.message(target, asked, (resource.status, resource.terms));
        let etag = etag(target, message.version, &message.variant);
        let modified = modified(target, message.version);
        let unchanged = match &asked.none_match {
            Some(tags) => etag.as_ref().is_some_and(|tag| tags == "*" || same_opaque(tags, tag)),
            None => asked.since.as_deref().and_then(seconds_of).zip(modified).is_some_and(|(since, at)| at <= since),
        };
        if message.status == 200 && unchanged {
            return (Word::NotModified(message.clone()), fields(Answer::status(304, ""), target, &message));
        }
        let body = body((target, self.next_id()), message.version, &message.variant);
        match self.range(target, seen, &message).map(|span| span.within(body.len())) {
            None => (Word::Whole(message.clone()), fields(Answer::status(message.status, body), target, &message)),
            Some(None) => {
                let none = Answer::status(416, "").header("Content-Range", &format!("bytes */{}", body.len()));
                (Word::Unsatisfiable, none)
            }
            Some(Some(range)) => {
                let part = Answer::status(206, &body[range.clone()]);
                let part = part.header("Content-Range", &place(&range, body.len()));
                (Word::Part(message.clone(), range), fields(part, target, &message))
            }
        }
    }

    /// The range that this request is answered with (RFC 9110 sections 13.1.5 and 14.2).
    fn range(&self, target: usize, seen: &Seen, message: &Message) -> Option<Span> {
        let honoured = self.resources[target].ranges == Ranges::Honoured && seen.method == "GET";
        let tag = etag(target, message.version, &message.variant).filter(|tag| !tag.starts_with('W'));
        let date = modified(target, message.version).map(http_date);
        let same =
            seen.header("if-range").is_none_or(|asked| tag.as_deref() == Some(asked) || date.as_deref() == Some(asked));
        seen.header("range").and_then(Span::parse).filter(|_| honoured && same && message.status == 200)
    }

    fn next_id(&self) -> u32 {
        u32::try_from(self.said.len() + 1).expect("a sequence is short")
    }

    fn message(&self, target: usize, asked: &Asked, (status, terms): (u16, Terms)) -> Message {
        let resource = &self.resources[target];
        let (vary, version) = (resource.vary, resource.version);
        let variant = variant(vary, asked.tier.as_deref(), asked.language.as_deref());
        Message { at: self.now, status, vary, version, variant, terms }
    }
}

impl Asked {
    fn by(seen: &Seen) -> Self {
        let field = |name| seen.header(name).map(str::to_owned);
        Self {
            tier: field("x-tier"),
            language: field("accept-language"),
            authorized: seen.header("authorization").is_some(),
            none_match: field("if-none-match"),
            since: field("if-modified-since"),
            range: field("range"),
            if_range: field("if-range"),
        }
    }
}

impl Effect {
    pub(crate) fn value(&self) -> String {
        let (field, target) = self.names.unwrap_or(("-", 0));
        format!("{} {field} {target} {}", self.status, self.groups.bits())
    }

    fn parse(value: &str) -> Self {
        let mut words = value.split(' ');
        let mut word = || words.next().expect("four words");
        let (status, field, target, groups) = (word(), word(), word(), word());
        let field = ["Location", "Content-Location"].into_iter().find(|known| *known == field);
        let target = target.parse().expect("a number");
        let groups = Tags::of_bits(groups.parse().expect("a number"));
        Self { status: status.parse().expect("a number"), names: field.map(|field| (field, target)), groups }
    }

    fn answer(&self, id: usize, target: usize) -> Answer {
        let mut answer = Answer::status(self.status, format!("{id}"));
        let groups = self.groups.invalidation();
        if !groups.is_empty() {
            answer = answer.header("Cache-Group-Invalidation", &groups);
        }
        match self.names {
            Some((field, named)) if HOSTS[named] == HOSTS[target] => answer.header(field, TARGETS[named]),
            Some((field, named)) => answer.header(field, &format!("http://{}{}", HOSTS[named], TARGETS[named])),
            None => answer,
        }
    }
}

/// What of the request the content depends on.
pub(crate) fn variant(vary: Vary, tier: Option<&str>, language: Option<&str>) -> String {
    let part = |used: bool, value: Option<&str>| if used { value.unwrap_or("none").to_owned() } else { "-".to_owned() };
    format!("{}.{}", part(vary.by_tier(), tier), part(vary.by_language(), language))
}

/// The whole content. Each byte depends on the version and the variant; where nothing strong tells two answers of one
/// version apart, also on the number of the answer.
pub(crate) fn body((target, id): (usize, u32), version: u32, variant: &str) -> String {
    let own = if matches!(target, 1 | 4) { id } else { 0 };
    let start = variant.bytes().map(u32::from).sum::<u32>() + version * 5 + own * 3;
    let letters = (start..start + 40 + version / 4 * 7 % 40).map(|at| char::from(b'a' + (at % 26) as u8));
    format!("{own} {version} {variant} {}", letters.collect::<String>())
}

/// Some resources have entity tags, strong or weak, some dates, some both, one nothing.
pub(crate) fn etag(target: usize, version: u32, variant: &str) -> Option<String> {
    let tag = format!("\"{target}.{version}.{variant}\"");
    match target {
        0 | 3 => Some(tag),
        1 => Some(format!("W/{tag}")),
        _ => None,
    }
}

pub(crate) fn modified(target: usize, version: u32) -> Option<u64> {
    matches!(target, 1..=3).then(|| START - 100_000 + 100 * u64::from(version))
}

pub(crate) fn http_date(seconds: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn seconds_of(date: &str) -> Option<u64> {
    httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// Weak comparison (RFC 9110 section 8.8.3.2).
pub(crate) fn same_opaque(one: &str, other: &str) -> bool {
    one.trim_start_matches("W/") == other.trim_start_matches("W/")
}

fn fields(mut answer: Answer, target: usize, message: &Message) -> Answer {
    let terms = &message.terms;
    let directives = [("Cache-Control", terms.control), ("CDN-Cache-Control", terms.targeted)];
    for (name, said) in directives {
        if let Some(said) = said {
            answer = answer.header(name, &said.value());
        }
    }
    let expires = terms.expires.map(|after| http_date(message.at.saturating_add_signed(after)));
    let more = [
        ("Expires", expires),
        ("Date", terms.behind.map(|behind| http_date(message.at - behind))),
        ("Age", terms.age.map(|age| age.to_string())),
        ("ETag", etag(target, message.version, &message.variant)),
        ("Last-Modified", modified(target, message.version).map(http_date)),
        ("Vary", message.vary.value().map(str::to_owned)),
    ];
    let answer = terms.tags.fields().iter().fold(answer, |answer, (name, value)| answer.header(name, value));
    more.into_iter().fold(answer, |answer, (name, value)| match value {
        Some(value) => answer.header(name, &value),
        None => answer,
    })
}
