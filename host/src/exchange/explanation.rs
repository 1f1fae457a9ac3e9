//! Everything that decides how one request would be answered, as data and as text to read.
//!
//! Durations are whole seconds, points in time HTTP dates; the words are those of `Cache-Status`, logs and metrics.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

/// The answer to "why": what a request for this URL would meet now.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Explanation {
    pub url: String,
    /// When it was asked.
    pub now: String,
    pub route: Option<String>,
    pub origin: Option<String>,
    /// What the response is stored under.
    pub key: Option<String>,
    /// What would be said of it in `Cache-Status`.
    pub verdict: String,
    /// Why the request goes by the cache, if it does.
    pub passed: Option<&'static str>,
    /// The status that a filter answers with itself, if one does.
    pub filter_reply: Option<u16>,
    /// Why the node would answer an error, if it would.
    pub failure: Option<String>,
    /// Why the last answer for this key was not stored, where requests still pass side by side for it.
    pub refusal: Option<&'static str>,
    /// A fetch is under way that the request would join.
    pub fetching: bool,
    /// The last purge in force on this node.
    pub epoch: u64,
    /// Purges on record that concern this URL.
    pub purges: Vec<PurgeNote>,
    /// Parts that the request could be answered from, where the whole is not stored.
    pub parts: Option<PartsNote>,
    /// What is stored whole under the key, newest first.
    pub variants: Vec<VariantNote>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PurgeNote {
    pub scope: &'static str,
    pub value: String,
    pub epoch: u64,
}

/// The bytes that are stored of a response.
#[derive(Debug, Clone, Serialize)]
pub struct PartsNote {
    /// First and last byte of each, as in `Range`.
    pub pieces: Vec<String>,
    pub total_bytes: u64,
    pub ttl: i64,
}

/// One stored response.
#[derive(Debug, Clone, Serialize)]
pub struct VariantNote {
    /// The request would be answered from this one, or validate it.
    pub selected: bool,
    /// A purge has made it useless.
    pub purged: bool,
    pub tier: &'static str,
    pub status: u16,
    pub body_bytes: usize,
    /// The request fields it was selected by; `null` where the request had none.
    pub vary: BTreeMap<String, Option<String>>,
    pub freshness: FreshnessNote,
    pub tags: Vec<String>,
    pub groups: Vec<String>,
    /// There were more tags than are kept: every purge of a tag or a group concerns it.
    pub tags_cut: bool,
    /// The last purge before it was looked for: later ones concern it.
    pub epoch: u64,
    /// Purges on record that name one of its tags or groups.
    pub purges: Vec<PurgeNote>,
}

/// The arithmetic of RFC 9111 section 4.2, with every term.
#[derive(Debug, Clone, Serialize)]
pub struct FreshnessNote {
    pub received: String,
    /// The `Date` field.
    pub date: Option<String>,
    /// The `Age` field.
    pub age_field: Option<String>,
    /// `received` minus `Date`.
    pub apparent_age: u64,
    /// Its age when it arrived; `null` where nobody knows.
    pub initial_age: Option<u64>,
    /// `age` minus `initial_age`: how long it has been here.
    pub resident_time: u64,
    /// Its age now; `null` where nobody knows.
    pub age: Option<u64>,
    pub lifetime: u64,
    /// What gave the lifetime.
    pub lifetime_source: &'static str,
    /// When a soft purge ended the lifetime, if one did.
    pub soft_purged: Option<String>,
    /// The lifetime that is left of it.
    pub lifetime_in_force: u64,
    /// `lifetime_in_force` minus `age`.
    pub ttl: i64,
    pub stale_while_revalidate: u64,
    pub stale_if_error: u64,
    pub validate_always: bool,
    pub never_stale: bool,
}

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        line(f, "url", &self.url)?;
        line(f, "now", &self.now)?;
        maybe(f, "route", self.route.as_ref())?;
        maybe(f, "origin", self.origin.as_ref())?;
        maybe(f, "key", self.key.as_ref())?;
        line(f, "verdict", &self.verdict)?;
        maybe(f, "passed", self.passed)?;
        maybe(f, "filter", self.filter_reply.map(|status| format!("a filter answers itself, {status}")))?;
        maybe(f, "failure", self.failure.as_ref())?;
        maybe(f, "refusal", self.refusal.map(|word| format!("{word}: the last answer for this key was not stored")))?;
        if self.fetching {
            line(f, "fetching", "under way, the request would join it")?;
        }
        line(f, "epoch", self.epoch)?;
        self.purges.iter().try_for_each(|purge| line(f, "purge", purge))?;
        maybe(f, "parts", self.parts.as_ref())?;
        if self.key.is_some() && self.parts.is_none() && self.variants.is_empty() {
            line(f, "stored", "nothing under this key")?;
        }
        for (number, variant) in (1..).zip(&self.variants) {
            write!(f, "\nvariant {number} of {}\n{variant}", self.variants.len())?;
        }
        Ok(())
    }
}

impl Display for VariantNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match (self.purged, self.selected) {
            (true, _) => "purged, its next lookup removes it",
            (false, true) => "selected by this request",
            (false, false) => "not selected by this request",
        };
        line(f, "state", state)?;
        line(f, "tier", self.tier)?;
        line(f, "status", self.status)?;
        line(f, "body", format!("{} bytes", self.body_bytes))?;
        for (name, value) in &self.vary {
            line(f, "vary", format!("{name}: {}", value.as_deref().unwrap_or("(absent)")))?;
        }
        write!(f, "{}", self.freshness)?;
        self.tags.iter().try_for_each(|tag| line(f, "tag", tag))?;
        self.groups.iter().try_for_each(|group| line(f, "group", group))?;
        if self.tags_cut {
            line(f, "tags", "more than are kept: every purge of a tag or a group concerns it")?;
        }
        line(f, "epoch", self.epoch)?;
        self.purges.iter().try_for_each(|purge| line(f, "purge", purge))
    }
}

impl Display for FreshnessNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let age = |age: Option<u64>| age.map_or_else(|| "unknown".to_owned(), |age| age.to_string());
        line(f, "received", &self.received)?;
        maybe(f, "date", self.date.as_ref())?;
        maybe(f, "age field", self.age_field.as_ref())?;
        line(f, "apparent age", self.apparent_age)?;
        line(f, "initial age", age(self.initial_age))?;
        line(f, "age", format!("{} = {} + {} here", age(self.age), age(self.initial_age), self.resident_time))?;
        line(f, "lifetime", format!("{} from {}", self.lifetime, self.lifetime_source))?;
        if let Some(at) = &self.soft_purged {
            line(f, "soft purge", format!("{at}, which leaves a lifetime of {}", self.lifetime_in_force))?;
        }
        line(f, "ttl", format!("{} = {} - {}", self.ttl, self.lifetime_in_force, age(self.age)))?;
        line(f, "stale while revalidate", self.stale_while_revalidate)?;
        line(f, "stale if error", self.stale_if_error)?;
        if self.validate_always {
            line(f, "validated", "before every use")?;
        }
        if self.never_stale {
            line(f, "stale", "never used")?;
        }
        Ok(())
    }
}

impl Display for PartsNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {} of {}, ttl {}", self.pieces.join(", "), self.total_bytes, self.ttl)
    }
}

impl Display for PurgeNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let space = if self.value.is_empty() { "" } else { " " };
        write!(f, "{}{space}{} (epoch {})", self.scope, self.value, self.epoch)
    }
}

fn line(f: &mut Formatter<'_>, name: &str, value: impl Display) -> fmt::Result {
    writeln!(f, "{name:<24}{value}")
}

fn maybe(f: &mut Formatter<'_>, name: &str, value: Option<impl Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| line(f, name, value))
}
