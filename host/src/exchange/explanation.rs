//! Everything that decides how one request would be answered, as data and as text to read.
//!
//! Durations are whole seconds, points in time HTTP dates; the words are those of `Cache-Status`, logs and metrics.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::stored_note::{PartsNote, PurgeNote, VariantNote, line, maybe};

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
    /// The filters that a fetch from the origin would pass; they are not asked.
    pub origin_filters: Vec<String>,
    /// Why the node would answer an error, if it would.
    pub failure: Option<String>,
    /// Why the last answer for this key was not stored, where requests still pass side by side for it.
    pub refusal: Option<&'static str>,
    /// A fetch is under way that the request would join.
    pub fetching: bool,
    /// What a fetch for everybody would ask for: `whole`, or the range.
    pub fetch: Option<String>,
    /// What is known against the origin, where it failed lately.
    pub doubt: Option<DoubtNote>,
    /// The coding that the request would like best of those that the route offers.
    pub coding: Option<CodingNote>,
    /// The last purge in force on this node.
    pub epoch: u64,
    /// Purges on record that concern this URL.
    pub purges: Vec<PurgeNote>,
    /// What is stored whole under the key, newest first.
    pub variants: Vec<VariantNote>,
    /// Of what only parts are stored, newest first.
    pub parts: Vec<PartsNote>,
}

/// An origin that failed lately, or failed for this key.
#[derive(Debug, Clone, Serialize)]
pub struct DoubtNote {
    /// The kind of failure, as `stale_on` has it.
    pub cause: &'static str,
    /// It is left alone while there is a stale response to use; otherwise the next request tries it.
    pub resting: bool,
    /// When the pause ends, or ended.
    pub until: String,
}

/// The request's best coding, and what of it is there.
#[derive(Debug, Clone, Serialize)]
pub struct CodingNote {
    pub best: &'static str,
    /// What the answer would be sent in: a coding, or `identity`.
    pub sent: &'static str,
    pub form: Readiness,
}

/// How far the best form of a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    Stored,
    /// A GET begins it and does not wait.
    NotMade,
    /// It would be no smaller.
    Useless,
    /// The stored response must be sent as it is.
    Forbidden,
    /// Nothing is stored; what is fetched is coded as it passes, if it may be.
    AsItPasses,
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
        if !self.origin_filters.is_empty() {
            line(f, "at the origin", self.origin_filters.join(", "))?;
        }
        maybe(f, "failure", self.failure.as_ref())?;
        maybe(f, "refusal", self.refusal.map(|word| format!("{word}: the last answer for this key was not stored")))?;
        if self.fetching {
            line(f, "fetching", "under way, the request would join it")?;
        }
        maybe(f, "fetch", self.fetch.as_ref())?;
        if let Some(DoubtNote { cause, resting, until }) = &self.doubt {
            let state = if *resting { "left alone until" } else { "may be tried again since" };
            line(f, "origin failed", format!("{cause}, {state} {until}"))?;
        }
        if let Some(CodingNote { best, sent, form }) = &self.coding {
            line(f, "coding", format!("{best} {form}, sent: {sent}"))?;
        }
        line(f, "epoch", self.epoch)?;
        self.purges.iter().try_for_each(|purge| line(f, "purge", purge))?;
        if self.key.is_some() && self.variants.is_empty() && self.parts.is_empty() {
            line(f, "stored", "nothing under this key")?;
        }
        for (number, variant) in (1..).zip(&self.variants) {
            write!(f, "\nvariant {number} of {}\n{variant}", self.variants.len())?;
        }
        for (number, parts) in (1..).zip(&self.parts) {
            write!(f, "\nparts {number} of {}\n{parts}", self.parts.len())?;
        }
        Ok(())
    }
}

impl Display for Readiness {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stored => "is stored",
            Self::NotMade => "is not made yet",
            Self::Useless => "would be no smaller",
            Self::Forbidden => "is not allowed for the stored response",
            Self::AsItPasses => "as it passes, where the response may be coded",
        })
    }
}
