//! The guard filter: blocks or allows requests by rules, and gives responses their security headers.
//!
//! | key | default | what it does |
//! |---|---|---|
//! | `rules` | none | tried in order, the first that matches decides; see README.md here for its keys |
//! | `default` | `"allow"` | what becomes of a request that no rule matches: `"allow"` or `"block"` |
//! | `status` | `403` | of the answer to a blocked request, 400 to 599 |
//! | `body` | `"Forbidden\n"` | of that answer |
//! | `headers` | see [`Hardening`] | security headers, each a value or `false` |
//! | `hide` | none | response headers to remove, as `["server", "x-powered-by"]` |

mod hardening;
mod rule;

use forebay_sdk::metric::Counter;
use forebay_sdk::{Filter, Flow, HeaderName, Readings, Request, Response, export};
use serde::Deserialize;

use crate::hardening::Hardening;
use crate::rule::{Action, BlockStatus, Rule};

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    rules: Vec<Rule>,
    #[serde(rename = "default")]
    otherwise: Action,
    status: BlockStatus,
    body: String,
    headers: Hardening,
    hide: Vec<HeaderName>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            otherwise: Action::Allow,
            status: BlockStatus::default(),
            body: "Forbidden\n".to_owned(),
            headers: Hardening::default(),
            hide: Vec::new(),
        }
    }
}

/// The filter.
#[derive(Debug)]
pub struct Guard {
    settings: Settings,
    /// In the order of the rules, the one of `default` behind them.
    blocked: Vec<Counter>,
}

impl Filter for Guard {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        let names = settings.rules.iter().enumerate().map(|(position, rule)| match &rule.name {
            Some(name) => name.clone(),
            None => format!("rule-{}", position + 1),
        });
        let names = names.chain(["default".to_owned()]);
        let blocked = names.map(|name| Counter::labelled("guard_blocked_total", &[("rule", &name)])).collect();
        Self { settings, blocked }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        let settings = &self.settings;
        let readings = Readings::of(&request.path());
        let decisive = settings.rules.iter().position(|rule| rule.matches(request, &readings));
        let rule = decisive.and_then(|position| settings.rules.get(position));
        if rule.map_or(settings.otherwise, |rule| rule.action) == Action::Allow {
            return Flow::Continue;
        }
        if let Some(counter) = self.blocked.get(decisive.unwrap_or(settings.rules.len())) {
            counter.increment();
        }
        let BlockStatus(status) = rule.and_then(|rule| rule.status).unwrap_or(settings.status);
        let body = rule.and_then(|rule| rule.body.as_ref()).unwrap_or(&settings.body);
        Flow::reply(status)
            .header("content-type", "text/plain; charset=utf-8")
            .header("cache-control", "no-store")
            .body(body.as_str())
    }

    fn on_response(&self, response: &mut Response) -> Flow {
        for name in &self.settings.hide {
            response.headers_mut().remove(name.as_str());
        }
        self.settings.headers.apply(response.headers_mut());
        Flow::Continue
    }
}

export!(Guard);

#[cfg(test)]
mod tests;
