//! The ab-test filter: divides users among arms by weight and keeps each in its arm.
//!
//! | key | default | what it does |
//! |---|---|---|
//! | `name` | required | of the test: in the names of cookie and key part |
//! | `arms` | required | tables of a `name`, a `weight` and, where its requests go elsewhere, an `origin` |
//! | `cookie` | see [`SetCookie`] | keeps a user in one arm; `ab_NAME` unless it says otherwise |
//! | `header` | `"x-ab-NAME"` | tells the arm to the origin; what a client sends in it is removed, also with `_` for `-` |
//! | `in_key` | `true` | whether responses are stored apart by arm |

use std::collections::BTreeSet;

use forebay_sdk::metric::Counter;
use forebay_sdk::{Filter, Flow, HeaderName, Request, Response, SetCookie, draw, export, settings};
use serde::{Deserialize, Deserializer};

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug)]
pub struct Settings {
    name: String,
    arms: Vec<Arm>,
    cookie: SetCookie,
    header: HeaderName,
    in_key: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: HeaderName,
    arms: Vec<Arm>,
    #[serde(default)]
    cookie: SetCookie,
    header: Option<HeaderName>,
    in_key: Option<bool>,
}

/// The name of a part of the cache key has 64 bytes, with `ab.` before it. The arms of a test whose part the cache does
/// not take would be served each other's responses.
const NAME_BYTES_MAX: usize = 60;

/// One of `arms`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arm {
    /// A token, so that cookie and header can hold it.
    name: HeaderName,
    /// At most this many bits, so that no sum of them overflows.
    weight: u16,
    origin: Option<String>,
}

impl TryFrom<Written> for Settings {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { name, arms, cookie, header, in_key } = written;
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.as_str().len() > NAME_BYTES_MAX || !name.as_str().bytes().all(word) {
            return Err(format!(
                "\"{name}\" is no name of a test: {NAME_BYTES_MAX} letters, digits, \"-\", \"_\" and \".\""
            ));
        }
        let names: BTreeSet<_> = arms.iter().map(|arm| &arm.name).collect();
        if names.len() < arms.len() {
            return Err("two arms have the same name".to_owned());
        }
        if arms.len() > usize::from(u8::MAX) || arms.iter().all(|arm| arm.weight == 0) {
            return Err("there must be an arm with a weight, and at most 255 arms".to_owned());
        }
        let header = header.map_or_else(|| format!("x-ab-{name}").parse(), Ok)?;
        let cookie = cookie.or_named(&format!("ab_{name}"));
        Ok(Self { name: name.to_string(), arms, cookie, header, in_key: in_key.unwrap_or(true) })
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::checked::<D, Written, Self>(deserializer)
    }
}

/// The filter.
#[derive(Debug)]
pub struct AbTest {
    settings: Settings,
    /// In the order of the arms.
    requests: Vec<Counter>,
}

/// The cookie of a user who had none.
struct Newcomer(String);

impl Filter for AbTest {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        let counter = |arm: &Arm| {
            Counter::labelled("ab_test_requests_total", &[("test", &settings.name), ("arm", arm.name.as_str())])
        };
        let requests = settings.arms.iter().map(counter).collect();
        Self { settings, requests }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        let Settings { name, arms, cookie, header, in_key } = &self.settings;
        let known = request.cookie(cookie.name());
        // An arm whose weight was taken away gives its users back.
        let known = arms.iter().position(|arm| arm.weight > 0 && known.as_deref() == Some(arm.name.as_str()));
        let position = known.unwrap_or_else(|| self.drawn(request));
        let Some(arm) = arms.get(position) else { return Flow::Continue };
        if let Some(counter) = self.requests.get(position) {
            counter.increment();
        }
        request.headers_mut().remove_alike(header.as_str()).set(header.as_str(), arm.name.as_str());
        if *in_key {
            request.cache().key_part(&format!("ab.{name}"), arm.name.as_str());
        }
        if let Some(origin) = &arm.origin {
            request.set_origin(origin);
        }
        if known.is_none() {
            request.remember(Newcomer(cookie.holding(arm.name.as_str())));
        }
        Flow::Continue
    }

    fn on_response(&self, response: &mut Response) -> Flow {
        if let Some(cookie) = response.recall().map(|Newcomer(cookie)| cookie.clone()) {
            response.headers_mut().add("set-cookie", cookie);
        }
        Flow::Continue
    }
}

impl AbTest {
    /// An arm by chance and weight.
    fn drawn(&self, request: &Request) -> usize {
        let arms = &self.settings.arms;
        let mut place = draw(request, arms.iter().map(|arm| u32::from(arm.weight)).sum());
        let takes = |arm: &Arm| {
            let inside = place < u32::from(arm.weight);
            place = place.saturating_sub(arm.weight.into());
            inside
        };
        arms.iter().position(takes).unwrap_or(0)
    }
}

export!(AbTest);

#[cfg(test)]
mod tests;
