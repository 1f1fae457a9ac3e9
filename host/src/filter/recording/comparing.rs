//! Where two runs of an exchange differ: to the letter, or in what they decide.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::octets::Octets;
use super::script::same;
use super::trace::{Answer, Call, Called, Exchange, Head, Moment, Ruling, Step};

/// One thing that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: a callback, or a step of the exchange.
    pub place: String,
    pub what: String,
    pub expected: String,
    pub found: String,
}

/// Texts longer than this are shown up to here.
const SHOWN_BYTES_MAX: usize = 120;

/// A callback that was ended by its deadline was ended somewhere: only the calls before that can be compared.
const DEADLINE: &str = "deadline";

const NOTHING: &str = "nothing";

/// The first thing in which `found` is not bit for bit what was recorded.
pub(super) fn first_difference(recorded: &Exchange, found: &Exchange) -> Option<Difference> {
    let callbacks = |exchange: &Exchange| -> Vec<Called> {
        exchange.steps.iter().flat_map(|step| step.callbacks.clone()).collect()
    };
    let (expected, found_callbacks) = (callbacks(recorded), callbacks(found));
    for (index, called) in expected.iter().enumerate() {
        let Some(now) = found_callbacks.get(index) else {
            return Some(difference(&called.name, "callback", &called.name, NOTHING));
        };
        if let Some(difference) = in_callback(called, now) {
            return Some(difference);
        }
        if called.failed.as_deref() == Some(DEADLINE) {
            return None;
        }
    }
    let memory = recorded.memory.as_ref().filter(|memory| Some(*memory) != found.memory.as_ref())?;
    let now = found.memory.as_deref().unwrap_or(NOTHING);
    Some(difference("the end", "memory and globals", memory, now))
}

fn in_callback(recorded: &Called, found: &Called) -> Option<Difference> {
    for (index, call) in recorded.calls.iter().enumerate() {
        let now = found.calls.get(index);
        if !now.is_some_and(|now| same(call, now)) {
            let now = now.map_or_else(|| ended(found), shown);
            return Some(difference(&recorded.name, &format!("call {}", index + 1), &shown(call), &now));
        }
    }
    if recorded.failed.as_deref() == Some(DEADLINE) {
        return None;
    }
    if let Some(more) = found.calls.get(recorded.calls.len()) {
        let what = format!("call {}", recorded.calls.len() + 1);
        return Some(difference(&recorded.name, &what, &ended(recorded), &shown(more)));
    }
    let same_end = (recorded.returned, &recorded.failed) == (found.returned, &found.failed);
    (!same_end).then(|| difference(&recorded.name, "end", &ended(recorded), &ended(found)))
}

fn ended(called: &Called) -> String {
    match (&called.failed, called.returned) {
        (Some(kind), _) => format!("it fails: {kind}"),
        (None, Some(number)) => format!("it returns {number}"),
        (None, None) => "it returns".to_owned(),
    }
}

/// Everything in the first step in which `found` decides otherwise. What comes behind that step is no longer what would
/// have come.
pub(super) fn decisions(recorded: &Exchange, found: &Exchange) -> Vec<Difference> {
    for (index, step) in recorded.steps.iter().enumerate() {
        let differences = match found.steps.get(index) {
            Some(now) => in_step(step, now),
            None => vec![difference(place(step), "step", "it is entered", "it is over")],
        };
        if !differences.is_empty() {
            return differences;
        }
    }
    Vec::new()
}

fn in_step(recorded: &Step, found: &Step) -> Vec<Difference> {
    let place = place(recorded);
    let mut differences = Vec::new();
    let mut compare = |what: &str, expected: String, found: String| {
        if expected != found {
            differences.push(difference(place, what, &expected, &found));
        }
    };
    compare("verdict", verdict(recorded), verdict(found));
    for (what, head) in [("request", Which::Request), ("response", Which::Response), ("trailer", Which::Trailers)] {
        let (expected, found) = (fields(recorded, head), fields(found, head));
        let names = expected.keys().chain(found.keys()).collect::<std::collections::BTreeSet<_>>();
        for name in names {
            let values = |fields: &BTreeMap<&str, Vec<String>>| {
                fields.get(*name).map_or_else(|| NOTHING.to_owned(), |values| values.join(", "))
            };
            compare(&format!("{what} {name}"), values(&expected), values(&found));
        }
    }
    let body = |step: &Step| text(step.left.body.as_ref().or(step.lent.body.as_ref()));
    compare("body", body(recorded), body(found));
    for (what, names) in SPOKEN {
        compare(what, spoken(recorded, names), spoken(found, names));
    }
    differences
}

/// Calls that say something to others, by what they are about.
const SPOKEN: [(&str, &[&str]); 4] = [
    ("log", &["proxy_log", "fd_write"]),
    ("said", &["proxy_set_property", "proxy_call_foreign_function"]),
    ("asked", &["proxy_http_call", "proxy_grpc_call"]),
    ("shared", &["proxy_set_shared_data", "proxy_enqueue_shared_queue"]),
];

#[derive(Clone, Copy)]
enum Which {
    Request,
    Response,
    Trailers,
}

fn fields(step: &Step, which: Which) -> BTreeMap<&str, Vec<String>> {
    let (left, lent) = match which {
        Which::Request => (&step.left.request, &step.lent.request),
        Which::Response => (&step.left.response, &step.lent.response),
        Which::Trailers => (&step.left.trailers, &step.lent.trailers),
    };
    let head: &Head = left.as_ref().or(lent.as_ref()).unwrap_or(const { &Vec::new() });
    let mut fields = BTreeMap::<&str, Vec<String>>::new();
    for (name, value) in head {
        fields.entry(name).or_default().push(text(Some(value)));
    }
    fields
}

fn spoken(step: &Step, names: &[&str]) -> String {
    let calls = step.callbacks.iter().flat_map(|called| &called.calls);
    let lines: Vec<String> = calls.filter(|call| names.contains(&call.name.as_str())).map(shown).collect();
    if lines.is_empty() { NOTHING.to_owned() } else { lines.join("; ") }
}

fn verdict(step: &Step) -> String {
    let failed = step.callbacks.iter().find_map(|called| called.failed.as_ref());
    match (&step.verdict, failed) {
        (_, Some(kind)) => format!("fail {kind}"),
        // Where nothing could resume a paused guest, its pause is its failure.
        (Some(Ruling::Fail(kind)), None) if kind == "never_resumed" => "pause".to_owned(),
        (Some(Ruling::Fail(kind)), None) => format!("fail {kind}"),
        (Some(Ruling::Pause), None) => "pause".to_owned(),
        (Some(Ruling::Close), None) => "close".to_owned(),
        (Some(Ruling::Done), None) => "done".to_owned(),
        (Some(Ruling::Continue) | None, None) => "continue".to_owned(),
        (Some(Ruling::Reply { status, headers, body, details }), None) => {
            let mut told = format!("reply {status} {} {details:?}", text(Some(body)));
            for (name, value) in headers {
                let _ = write!(told, " {name}: {}", text(Some(value)));
            }
            told
        }
    }
}

fn place(step: &Step) -> &'static str {
    let in_body = step.lent.body.is_some() || step.lent.trailers.is_some();
    if step.answers() {
        return "answer to a call";
    }
    match (step.moment, in_body) {
        (Moment::Request, false) => "request headers",
        (Moment::Request, true) => "request body",
        (Moment::Response, false) => "response headers",
        (Moment::Response, true) => "response body",
        (Moment::Log | Moment::Done, _) => "the end",
        (Moment::Root, _) => "the filter's own",
    }
}

fn difference(place: &str, what: &str, expected: &str, found: &str) -> Difference {
    let [place, what, expected, found] = [place, what, expected, found].map(str::to_owned);
    Difference { place, what, expected, found }
}

/// A call as people write one, with its answer where it has one.
fn shown(call: &Call) -> String {
    let numbers = call.numbers.iter().map(u64::to_string);
    let texts = call.texts.iter().map(|part| text(part.as_ref()));
    let arguments: Vec<String> = numbers.chain(texts).collect();
    format!("{}({})", call.name, arguments.join(", "))
}

fn text(octets: Option<&Octets>) -> String {
    let Some(octets) = octets else { return "null".to_owned() };
    match octets.0.get(..SHOWN_BYTES_MAX) {
        Some(start) if octets.0.len() > SHOWN_BYTES_MAX => {
            format!("{}... {} bytes", Octets::from(start), octets.0.len())
        }
        _ => octets.to_string(),
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(octets) => f.write_str(&text(Some(octets))),
            Self::Number(number) => write!(f, "{number}"),
            Self::Unwanted => f.write_str("unwanted"),
        }
    }
}
