//! The bot-block filter: turns bots away by user agent, lets known ones in by their networks, and tags the rest.
//!
//! | key | default | what it does |
//! |---|---|---|
//! | `block` | none | parts of user agents, without case |
//! | `verified` | none | tables of an `agent` part and the `networks` it comes from; from elsewhere it is an impostor, and blocked |
//! | `missing` | `"allow"` | requests without a user agent: `"allow"` or `"block"` |
//! | `status` | `403` | of the answer to a blocked request: 403 or 404 |
//! | `header` | `"x-bot"` | request header: `verified`, `likely` or `no`; what a client sends in it is removed, also with `_` for `-`; `false` for none |

use std::str::FromStr;

use forebay_sdk::metric::Counter;
use forebay_sdk::{Filter, Flow, HeaderName, Network, Request, export, settings};
use serde::{Deserialize, Deserializer};

/// Words of agents that say themselves that they are none of a person's.
const LIKELY: [&str; 8] = ["bot", "crawler", "spider", "curl/", "wget/", "python", "scrapy", "headless"];

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    block: Vec<Part>,
    verified: Vec<Verified>,
    missing: Missing,
    status: Status,
    #[serde(deserialize_with = "HeaderName::or_false")]
    header: Option<HeaderName>,
}

/// One of `verified`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verified {
    agent: Part,
    networks: Vec<Network>,
}

/// A part of user agents, in lower case; an empty one would be part of every agent.
#[derive(Debug)]
struct Part(String);

impl FromStr for Part {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.trim().is_empty() {
            Err("a part of a user agent has a letter")
        } else {
            Ok(Self(text.to_ascii_lowercase()))
        }
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Missing {
    Allow,
    Block,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u16")]
struct Status(u16);

impl TryFrom<u16> for Status {
    type Error = &'static str;

    fn try_from(status: u16) -> Result<Self, &'static str> {
        if matches!(status, 403 | 404) { Ok(Self(status)) } else { Err("a bot is blocked with 403 or 404") }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let header = Some("x-bot".parse().expect("it is a token"));
        Self { block: Vec::new(), verified: Vec::new(), missing: Missing::Allow, status: Status(403), header }
    }
}

/// What a request is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Verified,
    Likely,
    No,
    Listed,
    Impostor,
    Nameless,
}

impl Verdict {
    const ALL: [Self; 6] = [Self::Verified, Self::Likely, Self::No, Self::Listed, Self::Impostor, Self::Nameless];

    /// The verdict in header and metric.
    fn word(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Likely => "likely",
            Self::No => "no",
            Self::Listed => "listed",
            Self::Impostor => "impostor",
            Self::Nameless => "nameless",
        }
    }

    fn blocks(self) -> bool {
        matches!(self, Self::Listed | Self::Impostor | Self::Nameless)
    }
}

/// The filter.
#[derive(Debug)]
pub struct BotBlock {
    settings: Settings,
    /// In the order of [`Verdict::ALL`].
    requests: Vec<Counter>,
}

impl Filter for BotBlock {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        let counter = |verdict: &Verdict| Counter::labelled("bot_requests_total", &[("verdict", verdict.word())]);
        Self { settings, requests: Verdict::ALL.iter().map(counter).collect() }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        let verdict = self.judge(request);
        if let Some(counter) = self.requests.get(verdict as usize) {
            counter.increment();
        }
        if verdict.blocks() {
            return Flow::reply(self.settings.status.0).header("cache-control", "no-store");
        }
        if let Some(name) = &self.settings.header {
            request.headers_mut().remove_alike(name.as_str()).set(name.as_str(), verdict.word());
        }
        Flow::Continue
    }
}

impl BotBlock {
    fn judge(&self, request: &Request) -> Verdict {
        // All of them, as whoever reads another one than this filter would see another client.
        let agent = request.headers().get_all("user-agent").join(" ").to_ascii_lowercase();
        if agent.trim().is_empty() {
            return if self.settings.missing == Missing::Block { Verdict::Nameless } else { Verdict::Likely };
        }
        let mut claims = self.settings.verified.iter().filter(|verified| agent.contains(&verified.agent.0)).peekable();
        if claims.peek().is_some() {
            let client = request.client();
            let inside = |network: &Network| client.is_some_and(|client| network.contains(client));
            let proven = claims.any(|verified| verified.networks.iter().any(inside));
            return if proven { Verdict::Verified } else { Verdict::Impostor };
        }
        if self.settings.block.iter().any(|part| agent.contains(&part.0)) {
            return Verdict::Listed;
        }
        if LIKELY.iter().any(|word| agent.contains(word)) { Verdict::Likely } else { Verdict::No }
    }
}

export!(BotBlock);

#[cfg(test)]
mod tests;
