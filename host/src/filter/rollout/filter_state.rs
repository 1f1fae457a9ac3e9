//! How each version of each filter is, for the operator's list.

use serde::Serialize;

use super::super::plugin::Plugin;
use super::canary::Canary;
use super::version::Version;

/// One version of a filter with one kind of settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilterState {
    pub name: String,
    /// The first digits of the module's SHA-256.
    pub version: String,
    /// The same of its settings, which may hold secrets.
    pub settings: String,
    /// `running`, `canary`, `rolled_back` or `breaker_open`.
    pub state: &'static str,
    /// A canary's share of the exchanges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
}

impl FilterState {
    pub(in crate::filter) fn of(plugin: &Plugin) -> Self {
        Self {
            name: plugin.profile.name.to_string(),
            version: plugin.profile.version.to_string(),
            settings: Version::of(&plugin.profile.settings).to_string(),
            state: if plugin.breaker.is_open() { "breaker_open" } else { "running" },
            percent: None,
        }
    }

    /// Looks at the canary once more before it tells.
    pub(in crate::filter) fn of_canary(canary: &Canary) -> Self {
        canary.judge();
        let state = Self::of(&canary.next);
        let word = if canary.taken_back() {
            "rolled_back"
        } else if state.state == "running" {
            "canary"
        } else {
            state.state
        };
        Self { state: word, percent: Some(canary.percent()), ..state }
    }
}
