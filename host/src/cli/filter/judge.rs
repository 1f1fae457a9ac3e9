//! Whether an exchange came out as its case expects: one `Difference` per thing that did not.
//!
//! A failure that no case expects is a difference whatever else is looked at, with its cause from the host's log.

use bytes::Bytes;
use http::HeaderMap;
use http::response::Parts;

use super::cases::{Expect, Response, Sent, Verb};
use super::heard::{Line, Speaker};
use super::stand::Outcome;
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

    fn fits(&mut self, what: &str, wanted: &Wanted, found: Vec<String>) {
        if !wanted.fits(&found) {
            self.differ(what, wanted.to_string(), shown(&found));
        }
    }

    fn failure(&mut self, expect: &Expect, outcome: &Outcome, lines: &[Line]) {
        let found = outcome.failure.as_ref().map(|failure| failure.kind.word());
        if expect.failure.as_deref() == found {
            return;
        }
        let expected = expect.failure.as_deref().map_or("none".to_owned(), |word| format!("{word:?}"));
        let cause = lines.iter().filter(|line| line.speaker == Speaker::Host).map(|line| line.text.as_str());
        let cause = cause.collect::<Vec<_>>().join("; ");
        let found = found.map_or("none".to_owned(), |word| format!("{word:?}: {cause}"));
        self.differ("failure", expected, found);
    }

    fn sent(&mut self, expected: &Sent, head: Option<&RequestHead>) {
        let Some(head) = head else {
            return self.differ("sent", "a request that goes on".to_owned(), "none".to_owned());
        };
        for (what, expected, found) in [
            ("sent.method", &expected.method, head.method.as_str()),
            ("sent.authority", &expected.authority, head.authority.as_str()),
            ("sent.path", &expected.path, head.path.as_str()),
        ] {
            if let Some(expected) = expected {
                self.same(what, expected, found);
            }
        }
        for (name, wanted) in &expected.headers {
            self.fits(&format!("sent.headers.{name}"), wanted, values(&head.headers, name));
        }
    }

    fn response(&mut self, expected: &Response, response: Option<&(Parts, Bytes)>) {
        let Some((parts, body)) = response else {
            return self.differ("response", "a response".to_owned(), "none".to_owned());
        };
        if let Some(status) = expected.status.filter(|status| *status != parts.status.as_u16()) {
            self.differ("response.status", status.to_string(), parts.status.as_u16().to_string());
        }
        for (name, wanted) in &expected.headers {
            self.fits(&format!("response.headers.{name}"), wanted, values(&parts.headers, name));
        }
        if let Some(expected) = &expected.body {
            self.same("response.body", expected, &String::from_utf8_lossy(body));
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
