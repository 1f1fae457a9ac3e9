//! Whether an exchange came out as its case expects: one `Difference` per thing that did not.
//!
//! A failure that no case expects is a difference whatever else is looked at, with its cause from the host's log.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::response::Parts;

use super::cases::{Call, Expect, Response, Sent, Verb};
use super::content::Whole;
use super::heard::{Line, Speaker};
use super::outcome::{Failing, Outcome};
use super::switchboard::{Asked, Reached};
use super::verbs::CACHE;
use super::wanted::{Wanted, shown};
use crate::semantics::RequestHead;

/// One thing that came out otherwise.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Its key in the case.
    pub(super) what: String,
    pub(super) expected: String,
    pub(super) found: String,
}

/// The properties that a case looks at, in the order in which an outcome has them.
pub(super) fn properties(expect: &Expect) -> Vec<String> {
    looked_at(expect).into_iter().map(|(_, path, _)| path).collect()
}

/// Everything that differs; empty where the case came out as expected.
pub(super) fn judge(expect: &Expect, outcome: &Outcome, lines: &[Line]) -> Vec<Difference> {
    let mut judge = Judge::default();
    judge.failure(expect, outcome, lines);
    if let Some(action) = expect.action {
        judge.same("action", action.word(), outcome.action.word());
    }
    if let Some(sent) = &expect.sent {
        judge.sent(sent, outcome.sent.as_ref());
    }
    if let Some(response) = &expect.response {
        judge.response(response, outcome.response.as_ref());
    }
    judge.unanswered(&outcome.calls);
    if let Some(calls) = &expect.calls {
        judge.calls(calls, &outcome.calls);
    }
    if let Some(origin) = &expect.origin {
        judge.fits("origin", origin, outcome.origin.iter().cloned().collect());
    }
    for part in &expect.log {
        judge.logged(part, lines);
    }
    for ((what, _, wanted), found) in looked_at(expect).into_iter().zip(&outcome.properties) {
        judge.property(&what, wanted, found.as_deref());
    }
    judge.differences
}

/// Whether the filter refused its settings as expected; `fault` is why it did not load.
pub(super) fn judge_refusal(expect: &Expect, fault: Option<&str>) -> Vec<Difference> {
    let mut judge = Judge::default();
    match (&expect.refused, fault) {
        (Some(part), Some(fault)) if fault.contains(part.as_str()) => {}
        (Some(part), fault) => {
            let found = fault.map_or("the filter loads".to_owned(), |fault| format!("{fault:?}"));
            judge.differ("refused", format!("a fault with {part:?}"), found);
        }
        (None, Some(fault)) => judge.differ("settings", "a filter that loads".to_owned(), fault.to_owned()),
        (None, None) => {}
    }
    judge.differences
}

/// Key in the case, path, and what is wanted.
fn looked_at(expect: &Expect) -> Vec<(String, String, &Wanted)> {
    let plain = expect.properties.iter().map(|(path, wanted)| (format!("properties.{path}"), path.clone(), wanted));
    let mut all: Vec<_> = plain.collect();
    for (verb, wanted) in &expect.cache {
        match wanted {
            Verb::Value(wanted) => all.push((format!("cache.{verb}"), format!("{CACHE}.{verb}"), wanted)),
            Verb::Named(named) => all.extend(
                named
                    .iter()
                    .map(|(name, wanted)| (format!("cache.{verb}.{name}"), format!("{CACHE}.{verb}.{name}"), wanted)),
            ),
        }
    }
    all
}

#[derive(Default)]
struct Judge {
    differences: Vec<Difference>,
}

impl Judge {
    fn differ(&mut self, what: &str, expected: String, found: String) {
        self.differences.push(Difference { what: what.to_owned(), expected, found });
    }

    fn same(&mut self, what: &str, expected: &str, found: &str) {
        if expected != found {
            self.differ(what, format!("{expected:?}"), format!("{found:?}"));
        }
    }

    fn same_if_any(&mut self, what: &str, expected: Option<&str>, found: &str) {
        if let Some(expected) = expected {
            self.same(what, expected, found);
        }
    }

    fn fits(&mut self, what: &str, wanted: &Wanted, found: Vec<String>) {
        if !wanted.fits(&found) {
            self.differ(what, wanted.to_string(), shown(&found));
        }
    }

    fn failure(&mut self, expect: &Expect, outcome: &Outcome, lines: &[Line]) {
        let found = outcome.failure.as_ref().map(Failing::word);
        if expect.failure.as_deref() == found {
            return;
        }
        let expected = expect.failure.as_deref().map_or("none".to_owned(), |word| format!("{word:?}"));
        let cause = lines.iter().filter(|line| line.speaker == Speaker::Host).map(|line| line.text.as_str());
        let mut cause = cause.collect::<Vec<_>>().join("; ");
        if let Some(Failing::Body(error)) = &outcome.failure {
            cause = error.to_string();
        }
        let found = found.map_or("none".to_owned(), |word| format!("{word:?}: {cause}"));
        self.differ("failure", expected, found);
    }

    fn sent(&mut self, expected: &Sent, sent: Option<&(RequestHead, Whole)>) {
        let Some((head, body)) = sent else {
            return self.differ("sent", "a request that goes on".to_owned(), "none".to_owned());
        };
        for (what, expected, found) in [
            ("sent.method", &expected.method, head.method.as_str()),
            ("sent.authority", &expected.authority, head.authority.as_str()),
            ("sent.path", &expected.path, head.path.as_str()),
        ] {
            self.same_if_any(what, expected.as_deref(), found);
        }
        self.fields("sent.headers", &expected.headers, &head.headers);
        self.content("sent", (expected.body.as_deref(), &expected.trailers), body);
    }

    fn response(&mut self, expected: &Response, response: Option<&(Parts, Whole)>) {
        let Some((parts, body)) = response else {
            return self.differ("response", "a response".to_owned(), "none".to_owned());
        };
        if let Some(status) = expected.status.filter(|status| *status != parts.status.as_u16()) {
            self.differ("response.status", status.to_string(), parts.status.as_u16().to_string());
        }
        self.fields("response.headers", &expected.headers, &parts.headers);
        self.content("response", (expected.body.as_deref(), &expected.trailers), body);
    }

    /// A call that the case did not foresee fails it, whatever it looks at: what followed from it was not meant.
    fn unanswered(&mut self, asked: &[Asked]) {
        for asked in asked.iter().filter(|asked| asked.reached == Reached::Nobody) {
            self.differ("case.calls", format!("an answer to {asked}"), "none is left that fits".to_owned());
        }
    }

    fn calls(&mut self, expected: &[Call], asked: &[Asked]) {
        if expected.len() != asked.len() {
            let list = asked.iter().map(|asked| format!("; {asked}")).collect::<String>();
            self.differ("calls", expected.len().to_string(), format!("{}{list}", asked.len()));
        }
        for (index, (expected, asked)) in expected.iter().zip(asked).enumerate() {
            let what = |key: &str| format!("calls[{index}].{key}");
            self.same_if_any(&what("origin"), expected.origin.as_deref(), &asked.origin);
            self.same_if_any(&what("method"), expected.method.as_deref(), asked.head.method.as_str());
            self.same_if_any(&what("path"), expected.path.as_deref(), asked.path());
            self.fields(&what("headers"), &expected.headers, &asked.head.headers);
            let content = (expected.body.as_deref(), &expected.trailers);
            self.content(&format!("calls[{index}]"), content, &asked.body);
        }
    }

    fn content(&mut self, of: &str, (body, trailers): (Option<&str>, &BTreeMap<String, Wanted>), found: &Whole) {
        self.same_if_any(&format!("{of}.body"), body, &String::from_utf8_lossy(&found.bytes));
        self.fields(&format!("{of}.trailers"), trailers, &found.trailers);
    }

    fn fields(&mut self, of: &str, wanted: &BTreeMap<String, Wanted>, found: &HeaderMap) {
        for (name, wanted) in wanted {
            self.fits(&format!("{of}.{name}"), wanted, values(found, name));
        }
    }

    fn logged(&mut self, part: &str, lines: &[Line]) {
        let own = || lines.iter().filter(|line| line.speaker == Speaker::Guest);
        if own().any(|line| line.text.contains(part)) {
            return;
        }
        let found: Vec<String> = own().map(|line| format!("{} {:?}", line.level, line.text)).collect();
        let found = if found.is_empty() { "nothing was logged".to_owned() } else { found.join(", ") };
        self.differ("log", format!("a line with {part:?}"), found);
    }

    /// A list is a property of words with commas or white space between them.
    fn property(&mut self, what: &str, wanted: &Wanted, found: Option<&str>) {
        let several = matches!(wanted, Wanted::Texts(texts) if texts.len() != 1);
        let words = |text: &str| text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let found = match found {
            Some(text) if several => words(text),
            found => found.map(str::to_owned).into_iter().collect(),
        };
        self.fits(what, wanted, found);
    }
}

fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}
