//! The signed-url filter: lets a request pass only with a signature that the site made, until it expires.
//!
//! | key | default | what it does |
//! |---|---|---|
//! | `keys` | required | secrets of 16 bytes or more by their id; several, so that one can replace another |
//! | `encoding` | `"base64url"` | of the signature: `"base64url"` without padding, or `"hex"` |
//! | `parameters` | see [`Parameters`] | the names of the query parameters, which are taken off before cache and origin |
//! | `methods` | `["GET", "HEAD"]` | what a signature permits; it is over no method |
//! | `status` | `403` | of the answer to what may not pass: 401, 403, 404 or 410 |
//!
//! The signature is over `path` or `prefix`, the path or prefix, and the time of expiry, with a line feed between each;
//! see README.md here.

mod grant;
mod key;

use forebay_sdk::metric::Counter;
use forebay_sdk::{Filter, Flow, Query, Request, export, now};
use serde::Deserialize;

pub use crate::grant::Parameters;
use crate::grant::{Grant, Refusal};
use crate::key::{Encoding, Keys};

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    keys: Keys,
    #[serde(default)]
    encoding: Encoding,
    #[serde(default)]
    parameters: Parameters,
    #[serde(default = "reading")]
    methods: Vec<String>,
    #[serde(default)]
    status: Status,
}

fn reading() -> Vec<String> {
    ["GET", "HEAD"].map(str::to_owned).into()
}

/// What a client without a valid signature is told.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "u16")]
struct Status(Refused);

#[derive(Debug, Clone, Copy, Default)]
enum Refused {
    Unauthorized = 401,
    #[default]
    Forbidden = 403,
    NotFound = 404,
    Gone = 410,
}

impl TryFrom<u16> for Status {
    type Error = String;

    fn try_from(status: u16) -> Result<Self, String> {
        let known = [Refused::Unauthorized, Refused::Forbidden, Refused::NotFound, Refused::Gone];
        let refused = known.into_iter().find(|known| *known as u16 == status);
        refused.map(Self).ok_or_else(|| format!("{status} is none of 401, 403, 404 and 410"))
    }
}

/// The filter.
#[derive(Debug)]
pub struct SignedUrl {
    settings: Settings,
    passed: Counter,
    /// In the order of [`Refusal::ALL`].
    refused: Vec<Counter>,
}

impl Filter for SignedUrl {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        let requests = |outcome: &str| Counter::labelled("signed_url_requests_total", &[("outcome", outcome)]);
        let refused = Refusal::ALL.iter().map(|refusal| requests(refusal.word())).collect();
        Self { settings, passed: requests("passed"), refused }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        let mut query = Query::parse(&request.query().unwrap_or_default());
        let permitted = self.settings.methods.contains(&request.method());
        let judged = if permitted { self.judge(&request.path(), &query) } else { Err(Refusal::Method) };
        match judged {
            Ok(()) => {
                self.passed.increment();
                self.settings.parameters.take_off(&mut query);
                request.set_query(&query);
                Flow::Continue
            }
            Err(refusal) => self.refuse(refusal),
        }
    }
}

impl SignedUrl {
    fn judge(&self, path: &str, query: &Query) -> Result<(), Refusal> {
        let Settings { keys, encoding, parameters, .. } = &self.settings;
        let grant = Grant::read(query, parameters, path)?;
        let key = keys.named(grant.key).ok_or(Refusal::UnknownKey)?;
        let signature = encoding.decode(grant.signature).ok_or(Refusal::Malformed)?;
        if !key.signed(&grant.text(), &signature) {
            return Err(Refusal::Forged);
        }
        grant.permits(path, now())
    }

    fn refuse(&self, refusal: Refusal) -> Flow {
        if let Some(counter) = self.refused.get(refusal as usize) {
            counter.increment();
        }
        let Status(status) = self.settings.status;
        Flow::reply(status as u16)
            .header("content-type", "text/plain; charset=utf-8")
            .header("cache-control", "no-store")
            .body(format!("{}\n", refusal.word()))
    }
}

export!(SignedUrl);

#[cfg(test)]
mod tests;
