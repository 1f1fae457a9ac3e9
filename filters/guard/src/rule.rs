//! One rule: which requests it decides, and how.

use std::str::FromStr;

use forebay_sdk::pattern::Pattern;
use forebay_sdk::{Network, Readings, Request, settings};
use serde::{Deserialize, Deserializer};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Allow,
    Block,
}

/// A rule is for the requests that fit each condition it has; a condition of several values fits if one does.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Option<String>,
    pub(crate) action: Action,
    pub(crate) status: Option<BlockStatus>,
    pub(crate) body: Option<String>,
    places: Vec<Place>,
    methods: Vec<String>,
    /// In lower case.
    user_agents: Vec<String>,
    clients: Vec<Network>,
}

#[derive(Debug)]
enum Place {
    /// Without a slash at its end, so that the root is empty.
    Prefix(String),
    Path(Pattern),
}

/// The status of a blocked request's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub(crate) struct BlockStatus(pub(crate) u16);

/// A rule as an operator writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    action: Action,
    status: Option<BlockStatus>,
    body: Option<String>,
    #[serde(default)]
    prefixes: Vec<Prefix>,
    #[serde(default)]
    paths: Vec<Pattern>,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    user_agents: Vec<String>,
    #[serde(default)]
    clients: Vec<Network>,
}

impl Rule {
    /// Whether the rule is for this request. A client whose address nobody tells is in every blocked network and in no
    /// allowed one.
    pub(crate) fn matches(&self, request: &Request, readings: &Readings) -> bool {
        self.places_fit(readings) && self.method_fits(request) && self.agent_fits(request) && self.client_fits(request)
    }

    fn places_fit(&self, readings: &Readings) -> bool {
        let fit = |path: &str| self.places.iter().any(|place| place.holds(path));
        self.places.is_empty()
            || match self.action {
                Action::Block => readings.any(fit),
                Action::Allow => readings.all(fit),
            }
    }

    fn method_fits(&self, request: &Request) -> bool {
        self.methods.is_empty() || self.methods.contains(&request.method())
    }

    /// An empty text is for requests that name no agent.
    fn agent_fits(&self, request: &Request) -> bool {
        if self.user_agents.is_empty() {
            return true;
        }
        let agent = request.headers().get("user-agent").unwrap_or_default().to_ascii_lowercase();
        let fits = |part: &String| if part.is_empty() { agent.is_empty() } else { agent.contains(part.as_str()) };
        self.user_agents.iter().any(fits)
    }

    fn client_fits(&self, request: &Request) -> bool {
        let fits = |address| self.clients.iter().any(|network| network.contains(address));
        self.clients.is_empty() || request.client().map_or(self.action == Action::Block, fits)
    }
}

impl Place {
    fn holds(&self, path: &str) -> bool {
        match self {
            Self::Path(pattern) => pattern.matches(path),
            Self::Prefix(prefix) => {
                path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

impl Default for BlockStatus {
    fn default() -> Self {
        Self(403)
    }
}

impl TryFrom<u16> for BlockStatus {
    type Error = &'static str;

    fn try_from(status: u16) -> Result<Self, &'static str> {
        if (400..=599).contains(&status) { Ok(Self(status)) } else { Err("a request is blocked with 400 to 599") }
    }
}

/// A prefix without the slash at its end.
struct Prefix(String);

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') || text.contains(['*', '?', '#']) {
            return Err(format!("prefix \"{text}\" must start with \"/\" and have none of \"*\", \"?\", \"#\""));
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::checked::<D, Written, Self>(deserializer)
    }
}

impl TryFrom<Written> for Rule {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let prefixes = written.prefixes.into_iter().map(|Prefix(prefix)| Place::Prefix(prefix));
        let rule = Self {
            name: written.name,
            action: written.action,
            status: written.status,
            body: written.body,
            places: prefixes.chain(written.paths.into_iter().map(Place::Path)).collect(),
            methods: written.methods,
            user_agents: written.user_agents.iter().map(|part| part.to_ascii_lowercase()).collect(),
            clients: written.clients,
        };
        if rule.places.is_empty() && rule.methods.is_empty() && rule.user_agents.is_empty() && rule.clients.is_empty() {
            return Err("the rule has no condition: for every request, write `default`");
        }
        if rule.action == Action::Allow && (rule.status.is_some() || rule.body.is_some()) {
            return Err("`status` and `body` are for rules that block");
        }
        Ok(rule)
    }
}
