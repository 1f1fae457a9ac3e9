//! The device filter: tells phones, tablets, desktops and bots apart, for the origin and for the cache.
//!
//! | key | default | what it does |
//! |---|---|---|
//! | `header` | `"x-device"` | request header with the class; what a client sends in it is removed, also with `_` for `-`; `false` for none |
//! | `in_key` | `true` | whether responses are stored apart by class |
//! | `vary` | `false` | adds what the class is read from to `Vary`, for caches behind this one |

mod class;

use forebay_sdk::{Filter, Flow, HeaderName, Request, Response, export};
use serde::Deserialize;

use crate::class::Class;

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    #[serde(deserialize_with = "HeaderName::or_false")]
    header: Option<HeaderName>,
    in_key: bool,
    vary: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { header: Some("x-device".parse().expect("it is a token")), in_key: true, vary: false }
    }
}

/// The filter.
#[derive(Debug)]
pub struct Device {
    settings: Settings,
}

impl Filter for Device {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        let hint = request.headers().get("sec-ch-ua-mobile");
        let agent = request.headers().get("user-agent").unwrap_or_default();
        let class = Class::of(&agent, hint.as_deref()).word();
        if let Some(name) = &self.settings.header {
            request.headers_mut().remove_alike(name.as_str()).set(name.as_str(), class);
        }
        if self.settings.in_key {
            request.cache().key_part("device", class);
        }
        Flow::Continue
    }

    fn on_response(&self, response: &mut Response) -> Flow {
        if self.settings.vary {
            response.headers_mut().add_vary("sec-ch-ua-mobile, user-agent");
        }
        Flow::Continue
    }
}

export!(Device);

#[cfg(test)]
mod tests;
