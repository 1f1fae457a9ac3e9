//! The canary filter: a gray release to some percent of the users.
//!
//! | key | default | what it does |
//! |---|---|---|
//! | `origin` | required | where the canary arm goes; the others go where the route says |
//! | `percent` | required | of the users, 0 to 100, in steps of 0.01; 0 switches the release off and assigns nobody |
//! | `cookie` | see [`SetCookie`] | keeps a user in one arm |
//! | `header` | `"x-forebay-canary"` | tells the arm on every response: `canary` or `stable`; `false` leaves it out |
//! | `override_header` | none | a request header that chooses the arm for this request: `canary` or `stable` |
//!
//! Raising `percent` moves users to the canary and none of them back: the cookie holds a place among ten thousand, not
//! an arm, and the canary takes the places from the bottom.

mod arm;

use forebay_sdk::metric::Counter;
use forebay_sdk::{Filter, Flow, HeaderName, Request, Response, SetCookie, export};
use serde::Deserialize;

use crate::arm::{Arm, Percent, Place};

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    origin: String,
    percent: Percent,
    #[serde(default)]
    cookie: SetCookie,
    #[serde(default = "header", deserialize_with = "HeaderName::or_false")]
    header: Option<HeaderName>,
    override_header: Option<String>,
}

fn header() -> Option<HeaderName> {
    Some("x-forebay-canary".parse().expect("it is a token"))
}

/// The filter.
#[derive(Debug)]
pub struct Canary {
    settings: Settings,
    canary: Counter,
    stable: Counter,
}

/// What the response tells the user.
struct Decision {
    arm: Arm,
    /// The place of a user who had none.
    newcomer: Option<Place>,
}

impl Filter for Canary {
    type Settings = Settings;

    fn new(mut settings: Settings) -> Self {
        settings.cookie = settings.cookie.or_named("forebay_canary");
        let requests = |arm: Arm| Counter::labelled("canary_requests_total", &[("arm", arm.word())]);
        Self { settings, canary: requests(Arm::Canary), stable: requests(Arm::Stable) }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        let decision = self.decide(request);
        match decision.arm {
            Arm::Canary => {
                request.set_origin(&self.settings.origin);
                self.canary.increment();
            }
            Arm::Stable => self.stable.increment(),
        }
        request.remember(decision);
        Flow::Continue
    }

    fn on_response(&self, response: &mut Response) -> Flow {
        let Some(&Decision { arm, newcomer }) = response.recall() else { return Flow::Continue };
        if let Some(name) = &self.settings.header {
            response.headers_mut().set(name.as_str(), arm.word());
        }
        if let Some(place) = newcomer {
            response.headers_mut().add("set-cookie", self.settings.cookie.holding(&place.number().to_string()));
        }
        Flow::Continue
    }
}

impl Canary {
    fn decide(&self, request: &Request) -> Decision {
        let settings = &self.settings;
        let named = settings.override_header.as_ref().and_then(|name| request.headers().get(name));
        if let Some(arm) = named.and_then(|word| Arm::from_word(&word)) {
            return Decision { arm, newcomer: None };
        }
        if settings.percent == Percent::NONE {
            return Decision { arm: Arm::Stable, newcomer: None };
        }
        let known = request.cookie(settings.cookie.name()).and_then(|value| Place::from_cookie(&value));
        let place = known.unwrap_or_else(|| Place::drawn(request));
        Decision { arm: settings.percent.arm(place), newcomer: known.is_none().then_some(place) }
    }
}

export!(Canary);

#[cfg(test)]
mod tests;
