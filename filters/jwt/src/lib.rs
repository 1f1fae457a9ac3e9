//! The jwt filter: lets requests pass with a valid JSON Web Token (RFC 7519) and tells the origin what it claims.
//!
//! | key | default | what it does |
//! |---|---|---|
//! | `keys` | required | what tokens may be signed with; see [`Keys`] |
//! | `cookie` | none | the cookie that holds the token where `Authorization` has none |
//! | `issuers`, `audiences` | any | the token's `iss` must be one of these, its `aud` must name one |
//! | `leeway` | none | by how much clocks may differ, as `"30s"` |
//! | `expiry` | `"required"` | `"optional"` accepts tokens without `exp` |
//! | `token` | `"required"` | `"optional"` lets requests without a token pass, without the headers of claims |
//! | `require` | none | claims a token must have, each with the values accepted or `true` for any |
//! | `headers` | none | request headers from claims, `{ x-user = "sub" }`; what a client sends in them is removed |
//! | `key_claims` | none | claims by which responses are stored apart |
//! | `forward` | `true` | `false` takes the token off the request, so that responses may be shared and stored |
//! | `realm` | `"forebay"` | of the `WWW-Authenticate` challenge |

mod claims;
mod der;
mod key;
mod public_key;
mod refusal;
mod token;

use std::collections::BTreeMap;

use forebay_sdk::metric::Counter;
use forebay_sdk::{Filter, Flow, HeaderName, Request, Span, export, now};
use serde::Deserialize;

use crate::claims::{Accepted, Claims, Presence};
use crate::key::Keys;
use crate::refusal::{Realm, Refusal};
use crate::token::Token;

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    keys: Keys,
    cookie: Option<String>,
    #[serde(default)]
    issuers: Vec<String>,
    #[serde(default)]
    audiences: Vec<String>,
    leeway: Option<Span>,
    #[serde(default)]
    expiry: Presence,
    #[serde(default)]
    token: Presence,
    #[serde(default)]
    require: BTreeMap<String, Accepted>,
    #[serde(default)]
    headers: BTreeMap<HeaderName, String>,
    #[serde(default)]
    key_claims: Vec<String>,
    #[serde(default = "yes")]
    forward: bool,
    #[serde(default)]
    realm: Realm,
}

fn yes() -> bool {
    true
}

/// The filter.
#[derive(Debug)]
pub struct Jwt {
    settings: Settings,
    passed: Counter,
    anonymous: Counter,
    /// In the order of [`Refusal::ALL`].
    refused: Vec<Counter>,
}

impl Filter for Jwt {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        let requests = |outcome: &str| Counter::labelled("jwt_requests_total", &[("outcome", outcome)]);
        let refused = Refusal::ALL.iter().map(|refusal| requests(refusal.word())).collect();
        Self { settings, passed: requests("passed"), anonymous: requests("anonymous"), refused }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        self.take_back(request);
        let claims = match self.judge(request) {
            Ok(claims) => claims,
            Err(refusal) => return self.refuse(refusal),
        };
        match &claims {
            Some(_) => self.passed.increment(),
            None => self.anonymous.increment(),
        }
        self.tell(request, claims.as_ref());
        Flow::Continue
    }
}

impl Jwt {
    /// The claims of a good token; `None` where there is no token and none is needed.
    fn judge(&self, request: &Request) -> Result<Option<Claims>, Refusal> {
        let settings = &self.settings;
        let Some(text) = token::sent(request, settings.cookie.as_deref())? else {
            return if settings.token == Presence::Optional { Ok(None) } else { Err(Refusal::Missing) };
        };
        let token = Token::parse(&text).ok_or(Refusal::Malformed)?;
        let key = settings.keys.verify(&token)?;
        let claims = Claims::parse(token.payload).ok_or(Refusal::Malformed)?;
        claims.check_parties(key.issuer.as_slice(), &[])?;
        claims.check_times(now(), settings.leeway, settings.expiry)?;
        claims.check_parties(&settings.issuers, &settings.audiences)?;
        claims.check_required(&settings.require)?;
        claims.check_texts(settings.headers.values(), &settings.key_claims)?;
        Ok(Some(claims))
    }

    /// Takes off what a client itself sends in the headers of claims, also with `_` for `-`.
    fn take_back(&self, request: &mut Request) {
        for name in self.settings.headers.keys() {
            request.headers_mut().remove_alike(name.as_str());
        }
    }

    /// Hands the claims over to cache and origin.
    fn tell(&self, request: &mut Request, claims: Option<&Claims>) {
        let settings = &self.settings;
        if settings.token == Presence::Optional {
            // What is stored for who has a token must not be served to who has none.
            request.cache().key_part("jwt", if claims.is_some() { "passed" } else { "anonymous" });
        }
        let Some(claims) = claims else { return };
        for (header, claim) in &settings.headers {
            if let Some(value) = claims.text(claim) {
                request.headers_mut().set(header.as_str(), value);
            }
        }
        for (position, claim) in settings.key_claims.iter().enumerate() {
            if let Some(value) = claims.text(claim) {
                request.cache().key_part(&part_name(position, claim), &value);
            }
        }
        if !settings.forward {
            token::take_off(request, settings.cookie.as_deref());
        }
    }

    fn refuse(&self, refusal: Refusal) -> Flow {
        if let Some(counter) = self.refused.get(refusal as usize) {
            counter.increment();
        }
        Flow::reply(refusal.status())
            .header("www-authenticate", &self.settings.realm.challenge(refusal))
            .header("content-type", "text/plain; charset=utf-8")
            .header("cache-control", "no-store")
            .body(format!("{}\n", refusal.word()))
    }
}

/// The name of a claim's part of the cache key. A claim may have a URL for its name, which no part has.
fn part_name(position: usize, claim: &str) -> String {
    let word = claim.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if word && (1..=WORD_BYTES_MAX).contains(&claim.len()) { format!("jwt.{claim}") } else { format!("jwt-{position}") }
}

/// A part's name has 64 bytes, with what stands before the claim.
const WORD_BYTES_MAX: usize = 60;

export!(Jwt);

#[cfg(test)]
mod tests;
