//! What is told of stored responses, as data and as text to read.
//!
//! `explanation` holds these beside what it tells of the request; `noting` makes them of what the cache shows.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub struct PurgeNote {
    pub scope: &'static str,
    pub value: String,
    pub epoch: u64,
}

/// One stored response.
#[derive(Debug, Clone, Serialize)]
pub struct VariantNote {
    #[serde(flatten)]
    pub head: HeadNote,
    pub body_bytes: u64,
    /// The coded forms of its body: their bytes; `null` for one that would be no smaller.
    pub forms: BTreeMap<&'static str, Option<usize>>,
}

/// One response of which parts are stored.
#[derive(Debug, Clone, Serialize)]
pub struct PartsNote {
    #[serde(flatten)]
    pub head: HeadNote,
    /// First and last byte of each part.
    pub ranges: Vec<(u64, u64)>,
    /// Bytes of the whole.
    pub total: u64,
    /// By which more of it is recognised; without one nothing can be joined.
    pub validator: Option<String>,
}

/// What is known of a stored response beside its body.
#[derive(Debug, Clone, Serialize)]
pub struct HeadNote {
    /// The request would be answered from this one, completed from it, or validate it.
    pub selected: bool,
    /// A purge has made it useless.
    pub purged: bool,
    pub tier: &'static str,
    pub status: u16,
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
    /// Seconds since it arrived.
    pub resident_time: u64,
    /// `initial_age` and `resident_time`.
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

impl Display for VariantNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        line(f, "body", format!("{} bytes", self.body_bytes))?;
        for (coding, bytes) in &self.forms {
            let bytes = bytes.map_or_else(|| "no smaller".to_owned(), |bytes| format!("{bytes} bytes"));
            line(f, "form", format!("{coding}: {bytes}"))?;
        }
        write!(f, "{}", self.head)
    }
}

impl Display for PartsNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (first, last) in &self.ranges {
            line(f, "bytes", format!("{first}-{last} of {}", self.total))?;
        }
        line(f, "validator", self.validator.as_deref().unwrap_or("none, nothing can be joined"))?;
        write!(f, "{}", self.head)
    }
}

impl Display for HeadNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match (self.purged, self.selected) {
            (true, _) => "purged, its next lookup removes it",
            (false, true) => "selected by this request",
            (false, false) => "not selected by this request",
        };
        line(f, "state", state)?;
        line(f, "tier", self.tier)?;
        line(f, "status", self.status)?;
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

impl Display for PurgeNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (epoch {})", self.scope, self.value, self.epoch)
    }
}

pub(super) fn line(f: &mut Formatter<'_>, name: &str, value: impl Display) -> fmt::Result {
    writeln!(f, "{name:<24}{value}")
}

pub(super) fn maybe(f: &mut Formatter<'_>, name: &str, value: Option<impl Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| line(f, name, value))
}
