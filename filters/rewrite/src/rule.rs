//! One rule: which requests it is for, and what it does to them.

use forebay_sdk::pattern::Pattern;
use forebay_sdk::{Flow, Request, settings};
use serde::{Deserialize, Deserializer};

use crate::edits::Edits;
use crate::target::{self, Found, Redirect};
use crate::template::Template;

/// A rule whose parts fit together.
#[derive(Debug)]
pub(crate) struct Rule {
    place: Place,
    hosts: Vec<String>,
    methods: Vec<String>,
    to: Option<Template>,
    redirect: Option<Redirect>,
    last: Last,
    request_headers: Edits,
    pub(crate) response_headers: Edits,
}

/// What an applied rule leaves to do.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The next rules see the request as this one left it.
    Next,
    /// No further rule sees it.
    Last,
    /// The client is sent elsewhere.
    Redirect(Flow),
}

/// Whether further rules are tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "bool")]
enum Last {
    #[default]
    No,
    Yes,
}

impl From<bool> for Last {
    fn from(last: bool) -> Self {
        if last { Self::Yes } else { Self::No }
    }
}

/// Which paths a rule is for.
#[derive(Debug)]
enum Place {
    /// Without a slash at its end, so that the root is empty.
    Prefix(String),
    Path(Pattern),
}

/// A rule as an operator writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    prefix: Option<String>,
    path: Option<Pattern>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    methods: Vec<String>,
    to: Option<Template>,
    redirect: Option<Redirect>,
    #[serde(default)]
    last: Last,
    #[serde(default)]
    request_headers: Edits,
    #[serde(default)]
    response_headers: Edits,
}

impl Rule {
    /// Applies the rule to a request it is for; `None` where it is for others.
    pub(crate) fn apply(&self, request: &mut Request) -> Option<Outcome> {
        let path = request.path();
        let found = self.place.find(&path)?;
        if !self.methods.is_empty() && !self.methods.contains(&request.method()) {
            return None;
        }
        if !self.hosts.is_empty() && !self.hosts.contains(&request.host()) {
            return None;
        }
        self.request_headers.apply(request.headers_mut());
        if let Some(to) = &self.to {
            let target = target::fill(to, &found, request.query().as_deref());
            if let Some(Redirect(status)) = self.redirect {
                return Some(Outcome::Redirect(Flow::redirect(status, &target)));
            }
            request.set_target(&target);
        }
        Some(if self.last == Last::Yes { Outcome::Last } else { Outcome::Next })
    }
}

impl Place {
    fn find<'p>(&self, path: &'p str) -> Option<Found<'p>> {
        match self {
            Self::Path(pattern) => pattern.captures(path).map(Found::Captures),
            Self::Prefix(prefix) => {
                let rest = path.strip_prefix(prefix.as_str())?;
                (rest.is_empty() || rest.starts_with('/')).then_some(Found::Rest(rest))
            }
        }
    }

    fn stars(&self) -> usize {
        match self {
            Self::Prefix(_) => 0,
            Self::Path(pattern) => pattern.stars(),
        }
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::checked::<D, Written, Self>(deserializer)
    }
}

impl TryFrom<Written> for Rule {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let place = match (written.prefix, written.path) {
            (Some(_), Some(_)) => return Err("a rule has a `prefix` or a `path`, not both".into()),
            (None, Some(pattern)) => Place::Path(pattern),
            (None, None) => Place::Prefix(String::new()),
            (Some(prefix), None) if prefix.starts_with('/') && !prefix.contains(['*', '?', '#']) => {
                Place::Prefix(prefix.trim_end_matches('/').to_owned())
            }
            (Some(prefix), None) => {
                return Err(format!(
                    "`prefix` \"{prefix}\" must start with \"/\" and have none of \"*\", \"?\", \"#\""
                ));
            }
        };
        match (&written.to, written.redirect) {
            (Some(to), redirect) => target::check(to, redirect, place.stars())?,
            (None, Some(_)) => return Err("`redirect` needs `to`, the place to lead to".into()),
            (None, None) if written.request_headers.is_empty() && written.response_headers.is_empty() => {
                return Err("the rule does nothing: give it `to`, `request_headers` or `response_headers`".into());
            }
            (None, None) => {}
        }
        Ok(Self {
            place,
            hosts: written.hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            methods: written.methods,
            to: written.to,
            redirect: written.redirect,
            last: written.last,
            request_headers: written.request_headers,
            response_headers: written.response_headers,
        })
    }
}
