//! Purging: what an operator names made into scopes, and the `PURGE` method on a listener.
//!
//! A purge is in force for every worker before it is answered, and with a disk tier it is written down for good. Where that
//! fails, the answer says so: it is in force, and a restart may undo it.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, request};
use serde_json::{Value, json};

use super::edge::Edge;
use super::failure::{Failure, PROXY_STATUS};
use super::peer::PurgeRight;
use super::routes::Routes;
use super::target::{self, BadUrl};
use super::visit::Visit;
use crate::body::Body;
use crate::cache::{Mode, NotDurable, Purge, Scope, Ticket};
use crate::filter::{PurgeTarget, PurgeWish};
use crate::semantics::{NAME_BYTES_MAX, ProxyError, RequestHead};

/// Fields that make a `PURGE` soft with the value `1`; the first is Fastly's.
const SOFT_FIELDS: [HeaderName; 2] =
    [HeaderName::from_static("fastly-soft-purge"), HeaderName::from_static("x-purge-soft")];

/// A disk that takes longer hangs, and nobody knows for how long.
const RECORD_TIMEOUT: Duration = Duration::from_secs(10);

/// What an operator names, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    All,
    Url(String),
    Prefix(String),
    Host(String),
    Tag(String),
}

/// Why what an operator named cannot be purged; displays as what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadScope {
    #[error(transparent)]
    Url(#[from] BadUrl),
    #[error("{0:?} ends in *; write the prefix alone, everything that starts with it is purged")]
    Star(String),
    #[error("{0:?} is not a host; write the name alone, without scheme, port and path")]
    Host(String),
    #[error("{0:?} is not a tag; write one as responses carry it, {NAME_BYTES_MAX} bytes at most")]
    Tag(String),
}

/// Who asked, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    Admin,
    Client(IpAddr),
    Filter,
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin => f.write_str("admin"),
            Self::Client(address) => address.fmt(f),
            Self::Filter => f.write_str("filter"),
        }
    }
}

/// Purges that are in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    pub scopes: Vec<Scope>,
    pub mode: Mode,
    /// The number of the last of them.
    pub epoch: u64,
    /// Whether they hold after a restart too.
    pub recorded: Result<(), NotRecorded>,
}

/// Purges are in force, and a restart may undo them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    #[error("the purge is in force, but was not recorded and may be undone by a restart: {0}")]
    Failed(#[from] NotDurable),
    #[error("the purge is in force, but was not recorded in {RECORD_TIMEOUT:?} and may be undone by a restart")]
    Late,
}

impl Purged {
    /// For those who asked.
    pub fn json(&self) -> Value {
        let scope = |scope: &Scope| match scope {
            Scope::All => json!({ "scope": scope.word() }),
            named => json!({ "scope": scope.word(), "value": named.to_string() }),
        };
        let purged: Vec<Value> = self.scopes.iter().map(scope).collect();
        let told = json!({ "purged": purged, "mode": self.mode.word(), "epoch": self.epoch });
        match (&self.recorded, told) {
            (Err(why), Value::Object(mut told)) => {
                told.insert("error".to_owned(), Value::String(why.to_string()));
                Value::Object(told)
            }
            (_, told) => told,
        }
    }

    pub fn status(&self) -> StatusCode {
        if self.recorded.is_ok() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
    }
}

impl Edge {
    /// Purges everything that is named, or, where one of the names is wrong, nothing. Everything is in force at the first
    /// poll; what is waited for is that it is written down.
    pub async fn purge(&self, wanted: &[Wanted], mode: Mode, asker: Asker) -> Result<Purged, BadScope> {
        let routes = self.routes.load_full();
        let scopes = wanted.iter().map(|wanted| scope(&routes, wanted)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.purge_scopes(scopes, mode, asker).await)
    }

    /// Purges what a filter asked for. All of it is in force now; that it is written down is seen to in the background.
    pub(super) fn purge_as_wished(&self, wishes: Vec<PurgeWish>) {
        for PurgeWish { target, soft } in wishes {
            let wanted = match target {
                PurgeTarget::Url(url) => Wanted::Url(url),
                PurgeTarget::Tag(tag) => Wanted::Tag(tag),
            };
            self.purge_in_background(&wanted, if soft { Mode::Soft } else { Mode::Hard }, Asker::Filter);
        }
    }

    /// Purges one thing at once, and leaves it to a task that it is written down. What is named wrongly is logged: nobody
    /// waits to be told.
    fn purge_in_background(&self, wanted: &Wanted, mode: Mode, asker: Asker) {
        let scope = match scope(&self.routes.load(), wanted) {
            Ok(scope) => scope,
            Err(cause) => return tracing::warn!(by = %asker, %cause, "nothing purged"),
        };
        let (epoch, ticket) = self.enforce(scope, mode, asker);
        tokio::spawn(async move {
            if let Err(why) = recorded(ticket).await {
                tracing::error!(epoch, by = %asker, %why, "purge not recorded");
            }
        });
    }

    fn enforce(&self, scope: Scope, mode: Mode, asker: Asker) -> (u64, Ticket) {
        let purge = Purge { scope, mode };
        let (epoch, ticket) = self.cache.purge_durably(&purge);
        let scope = &purge.scope;
        tracing::info!(scope = scope.word(), value = %scope, mode = mode.word(), by = %asker, epoch, "purged");
        (epoch, ticket)
    }

    async fn purge_scopes(&self, scopes: Vec<Scope>, mode: Mode, asker: Asker) -> Purged {
        let last = scopes.iter().map(|scope| self.enforce(scope.clone(), mode, asker)).last();
        // They are written in their order, so what is true of the last one is true of all.
        let (epoch, recorded) = match last {
            Some((epoch, ticket)) => (epoch, recorded(ticket).await),
            None => (self.cache.epoch(), Ok(())),
        };
        if let Err(why) = &recorded {
            tracing::error!(epoch, by = %asker, %why, "purge not recorded");
        }
        Purged { scopes, mode, epoch, recorded }
    }
}

async fn recorded(ticket: Ticket) -> Result<(), NotRecorded> {
    match tokio::time::timeout(RECORD_TIMEOUT, ticket.durable()).await {
        Ok(durable) => Ok(durable?),
        Err(_) => Err(NotRecorded::Late),
    }
}

fn scope(routes: &Routes, wanted: &Wanted) -> Result<Scope, BadScope> {
    Ok(match wanted {
        Wanted::All => Scope::All,
        Wanted::Url(url) => Scope::Url(target::spelled(routes, &target::head_of(url)?)),
        Wanted::Prefix(prefix) if prefix.ends_with('*') => return Err(BadScope::Star(prefix.clone())),
        Wanted::Prefix(prefix) => Scope::Prefix(target::spelled_plainly(&target::head_of(prefix)?)),
        Wanted::Host(host) => Scope::Host(bare_host(host).ok_or_else(|| BadScope::Host(host.clone()))?),
        Wanted::Tag(tag) => {
            let printable = !tag.chars().any(char::is_control) && tag.trim() == tag;
            if tag.is_empty() || tag.len() > NAME_BYTES_MAX || !printable {
                return Err(BadScope::Tag(tag.clone()));
            }
            Scope::Tag(tag.clone())
        }
    })
}

/// A host as keys spell it; `None` where there is more than a host.
fn bare_host(host: &str) -> Option<String> {
    let head = target::head_of(&format!("http://{host}/")).ok()?;
    (!host.contains(['/', '?', '#']) && head.authority.as_str() == head.host() && !has_port(host))
        .then(|| head.host().to_owned())
}

/// The scheme's own port is no part of a normal authority, but it was written.
fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'))
}

/// Does a request ask for a purge?
pub(super) fn is_asked(method: &Method) -> bool {
    method.as_str() == "PURGE"
}

/// Purges the URL of a request with the method `PURGE`, for those who may. It never goes on to an origin.
pub(super) async fn answer(visit: &Visit<'_>, parts: request::Parts) -> Result<Response<Body>, Failure> {
    match visit.peer.purge {
        PurgeRight::Nobody => return Err(Failure::PurgeOff),
        PurgeRight::Others => return Err(Failure::PurgeForbidden),
        PurgeRight::Granted => {}
    }
    let mode = mode(&parts.headers);
    let scheme = visit.peer.scheme_of(&parts.headers);
    let head = RequestHead::new(parts, scheme, visit.peer.local).map_err(Failure::Target)?;
    let scope = Scope::Url(target::spelled(&visit.edge.routes.load(), &head));
    let purged = visit.edge.purge_scopes(vec![scope], mode, Asker::Client(visit.peer.remote.ip())).await;
    let mut response = Response::new(Body::from(Bytes::from(format!("{}\n", purged.json()))));
    *response.status_mut() = purged.status();
    let headers = response.headers_mut();
    if purged.recorded.is_err() {
        headers.insert(PROXY_STATUS, ProxyError::ProxyInternalError.member(&visit.edge.name, "purge not recorded"));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn mode(headers: &HeaderMap) -> Mode {
    let soft = SOFT_FIELDS.iter().any(|name| headers.get(name).is_some_and(|value| value == "1"));
    if soft { Mode::Soft } else { Mode::Hard }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_becomes_what_keys_spell() {
        let text = |wanted: Wanted| scope(&Routes::default(), &wanted).map(|scope| scope.to_string());
        let own = |text: &str| text.to_owned();
        let cases = [
            (Wanted::Url(own("http://A.example:80/x/../y")), "http://a.example/y"),
            (Wanted::Prefix(own("http://A.example")), "http://a.example/"),
            (Wanted::Prefix(own("http://a.example/do")), "http://a.example/do"),
            (Wanted::Host(own("A.Example.")), "a.example"),
            (Wanted::Host(own("[::1]")), "[::1]"),
            (Wanted::Tag(own("two words")), "two words"),
        ];
        for (wanted, expected) in cases {
            assert_eq!(text(wanted.clone()), Ok(own(expected)), "{wanted:?}");
        }
        let hosts = ["", "a.example:80", "a.example/", "http://a.example", "a b", "a.example?x", "u@a", "[::1]:80"];
        assert!(hosts.iter().all(|host| text(Wanted::Host(own(host))).is_err()), "{hosts:?}");
        let tags = ["", " a", "a\n", &"x".repeat(NAME_BYTES_MAX + 1)];
        assert!(tags.iter().all(|tag| text(Wanted::Tag(own(tag))).is_err()), "{tags:?}");
        assert_eq!(text(Wanted::Prefix(own("http://a/*"))), Err(BadScope::Star(own("http://a/*"))));
        assert!(matches!(text(Wanted::Url(own("/x"))), Err(BadScope::Url(_))));
    }
}
