//! The rewrite filter: paths, redirects and headers by rules.
//!
//! Settings, all of them optional; see README.md here for the keys of a rule and examples.
//!
//! | key | what it does |
//! |---|---|
//! | `rules` | tried in order; each that matches is applied, until one redirects or is the `last` |
//! | `request_headers` | `remove`, `set` and `add` on every request, before the rules |
//! | `response_headers` | the same on every response, before those of the rules that matched its request |

mod edits;
mod rule;
mod target;
mod template;

use forebay_sdk::{Filter, Flow, Request, Response, export};
use serde::Deserialize;

use crate::edits::Edits;
use crate::rule::{Outcome, Rule};

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    rules: Vec<Rule>,
    request_headers: Edits,
    response_headers: Edits,
}

/// The filter.
#[derive(Debug)]
pub struct Rewrite {
    settings: Settings,
}

/// Positions of the rules that have something to do on the response.
struct Matched(Vec<usize>);

impl Filter for Rewrite {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        self.settings.request_headers.apply(request.headers_mut());
        let mut matched = Matched(Vec::new());
        let mut flow = Flow::Continue;
        for (position, rule) in self.settings.rules.iter().enumerate() {
            let Some(outcome) = rule.apply(request) else { continue };
            if !rule.response_headers.is_empty() {
                matched.0.push(position);
            }
            match outcome {
                Outcome::Next => {}
                Outcome::Last => break,
                Outcome::Redirect(redirect) => {
                    flow = redirect;
                    break;
                }
            }
        }
        if !matched.0.is_empty() {
            request.remember(matched);
        }
        flow
    }

    fn on_response(&self, response: &mut Response) -> Flow {
        let matched = response.recall().map_or_else(Vec::new, |Matched(rules)| rules.clone());
        self.settings.response_headers.apply(response.headers_mut());
        for rule in matched.into_iter().filter_map(|position| self.settings.rules.get(position)) {
            rule.response_headers.apply(response.headers_mut());
        }
        Flow::Continue
    }
}

export!(Rewrite);

#[cfg(test)]
mod tests;
