//! A file of cases: requests, what the origin answers, and what should come of them.
//!
//! `docs/filter-cases.md` is its manual. Reading one finds out everything that can be known without the filter: a wrong
//! key, a URL that is none, a field that cannot be sent. `stand` runs a case, `judge` compares.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use http::{HeaderMap, Method, Uri};
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Scripted};
use super::content::Pieces;
use super::setup::Setup;
use super::spelling::{fields, fields_if_any, parsed, url};
use super::wanted::Wanted;
use crate::config::{Fault, Faults, HeaderPause, Place, position};

/// All of one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cases {
    /// Of every case that has none of its own, like the rest up to the cases.
    settings: Option<Settings>,
    #[serde(default)]
    calls: Vec<Scripted>,
    #[serde(default)]
    on_headers_stop_iteration: bool,
    #[serde(rename = "case", default)]
    pub(super) cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    settings: Option<Settings>,
    /// What the origins answer that the filter calls.
    calls: Option<Vec<Scripted>>,
    /// As in `[filters.NAME]`.
    on_headers_stop_iteration: Option<bool>,
    #[serde(default)]
    pub(super) request: Given,
    #[serde(default)]
    pub(super) origin: Answer,
    #[serde(default)]
    pub(super) expect: Expect,
}

/// What the client sends.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Given {
    #[serde(deserialize_with = "parsed")]
    pub(super) method: Method,
    #[serde(deserialize_with = "url")]
    pub(super) url: Uri,
    #[serde(deserialize_with = "fields")]
    pub(super) headers: HeaderMap,
    pub(super) body: Pieces,
    #[serde(deserialize_with = "fields_if_any")]
    pub(super) trailers: Option<HeaderMap>,
    /// The client's address.
    pub(super) client: IpAddr,
}

/// What should come of it; what is left out is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) action: Option<Action>,
    pub(super) sent: Option<Sent>,
    #[serde(alias = "reply")]
    pub(super) response: Option<Response>,
    /// All calls that the filter makes, in order.
    pub(super) calls: Option<Vec<Call>>,
    /// The origin that the filter chose.
    pub(super) origin: Option<Wanted>,
    /// Each is part of a line that the filter logs.
    pub(super) log: Vec<String>,
    /// What the filter leaves on the exchange, by its path with dots.
    pub(super) properties: BTreeMap<String, Wanted>,
    /// The same for properties below `forebay.cache`.
    pub(super) cache: BTreeMap<String, Verb>,
    /// The stable word of a failure.
    pub(super) failure: Option<String>,
    /// Part of why the filter does not load with these settings.
    pub(super) refused: Option<String>,
}

/// How an exchange goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Continue,
    Reply,
    Close,
    Fail,
}

impl Action {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Reply => "reply",
            Self::Close => "close",
            Self::Fail => "fail",
        }
    }
}

/// The request as the origin gets it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sent {
    pub(super) method: Option<String>,
    pub(super) authority: Option<String>,
    pub(super) path: Option<String>,
    pub(super) headers: BTreeMap<String, Wanted>,
    pub(super) body: Option<String>,
    pub(super) trailers: BTreeMap<String, Wanted>,
}

/// The response as the client gets it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Response {
    pub(super) status: Option<u16>,
    pub(super) headers: BTreeMap<String, Wanted>,
    pub(super) body: Option<String>,
    pub(super) trailers: BTreeMap<String, Wanted>,
}

/// A call as an origin gets it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Call {
    pub(super) origin: Option<String>,
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) headers: BTreeMap<String, Wanted>,
    pub(super) body: Option<String>,
    pub(super) trailers: BTreeMap<String, Wanted>,
}

/// A cache verb: one value, or a table of named ones, as in `key = { lang = "de" }`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Verb {
    Value(Wanted),
    Named(BTreeMap<String, Wanted>),
}

/// A table, or a string that goes to the filter as it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Settings(toml::Value);

impl Default for Given {
    fn default() -> Self {
        Self {
            method: Method::GET,
            url: Uri::from_static("http://filter.test/"),
            headers: HeaderMap::new(),
            body: Pieces::default(),
            trailers: None,
            client: IpAddr::from([192, 0, 2, 1]),
        }
    }
}

impl Cases {
    pub(super) fn read(file: &Path) -> Result<Self, Faults> {
        let cases: Self = read(file)?;
        let whole = |message: &str| fault(Place::File(file.to_owned()), message.to_owned());
        if cases.cases.is_empty() {
            return Err(whole("has no cases; write [[case]]"));
        }
        for (index, case) in cases.cases.iter().enumerate() {
            if cases.cases[..index].iter().any(|other| other.name == case.name) {
                return Err(whole(&format!("has two cases with the name {:?}; give each its own", case.name)));
            }
        }
        Ok(cases)
    }

    /// How the filter is configured in `case`; by `otherwise` where the file has no settings.
    pub(super) fn setup_of(&self, case: &Case, otherwise: Option<&Settings>) -> Setup {
        let settings = case.settings.as_ref().or(self.settings.as_ref()).or(otherwise);
        let header_pause = match case.on_headers_stop_iteration.unwrap_or(self.on_headers_stop_iteration) {
            true => HeaderPause::Headers,
            false => HeaderPause::All,
        };
        Setup { settings: settings.map(Settings::text).unwrap_or_default(), header_pause }
    }

    /// What answers the calls that the filter makes in `case`.
    pub(super) fn calls_of<'a>(&'a self, case: &'a Case) -> &'a [Scripted] {
        case.calls.as_deref().unwrap_or(&self.calls)
    }
}

impl Settings {
    /// A file whose top level is the settings.
    pub(super) fn read(file: &Path) -> Result<Self, Faults> {
        read::<toml::Table>(file).map(|table| Self(toml::Value::Table(table)))
    }

    /// As the filter reads them: JSON, with dates as strings.
    pub(super) fn text(&self) -> String {
        match &self.0 {
            toml::Value::String(text) => text.clone(),
            value => json(value).to_string(),
        }
    }
}

fn json(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(value) => (*value).into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(values) => values.iter().map(json).collect(),
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, Faults> {
    let unreadable = |error| fault(Place::File(file.to_owned()), format!("cannot be read: {error}"));
    let text = fs::read_to_string(file).map_err(unreadable)?;
    toml::from_str(&text).map_err(|error| {
        let (line, column) = position(&text, error.span().map_or(text.len(), |span| span.start));
        let message = error.message().trim_end().replace('\n', "; ");
        fault(Place::Position { file: file.to_owned(), line, column }, message)
    })
}

fn fault(place: Place, message: String) -> Faults {
    Fault { place, key: String::new(), message }.into()
}
