//! What an operator gives up, and by which names: the purges of the model.
//!
//! `concerns` is what each scope means; what follows from it is said in `ledger`.

use fastrand::Rng;

use crate::event::{HOSTS, TARGETS, target};
use crate::record::Record;
use crate::terms::percent;

/// The names that responses are purged by, with the field of each.
const NAMES: [(&str, &str); 6] = [
    ("Surrogate-Key", "red"),
    ("Surrogate-Key", "blue"),
    ("Cache-Tag", "two words"),
    ("Cache-Tag", "x"),
    ("Cache-Groups", "g"),
    ("Cache-Groups", "h"),
];

const PREFIXES: [&str; 5] = [
    "http://test.example/a",
    "http://test.example/a?x",
    "http://test.example/b",
    "http://other.example",
    "http://test.example/d",
];

/// Some of the names, a bit for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tags(u8);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Purge {
    pub(crate) scope: Scope,
    pub(crate) mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    Host(&'static str),
    Url(usize),
    Prefix(&'static str),
    Tag(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Hard,
    Soft,
}

impl Tags {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        Self(rng.u8(..) & rng.u8(..) & 0b11_1111)
    }

    /// Groups alone, as an origin invalidates them.
    pub(crate) fn random_groups(rng: &mut Rng) -> Self {
        Self(rng.u8(..) & rng.u8(..) & 0b11_0000)
    }

    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    pub(crate) fn of_bits(bits: u8) -> Self {
        Self(bits)
    }

    pub(crate) fn has(self, name: usize) -> bool {
        self.0 & (1 << name) != 0
    }

    pub(crate) fn shares(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What a response has once a later one says this of it: a field that comes replaces the field that there was.
    pub(crate) fn updated_by(self, later: Self) -> Self {
        let fields = [0b11, 0b1100, 0b11_0000];
        Self(fields.iter().map(|field| if later.0 & field == 0 { self.0 & field } else { later.0 & field }).sum())
    }

    /// The fields that say so.
    pub(crate) fn fields(self) -> Vec<(&'static str, String)> {
        let of = |field: &'static str, quote: &str, separator: &str| {
            let named = NAMES.iter().enumerate().filter(|(at, name)| name.0 == field && self.has(*at));
            let names: Vec<String> = named.map(|(_, (_, name))| format!("{quote}{name}{quote}")).collect();
            (!names.is_empty()).then(|| (field, names.join(separator)))
        };
        let fields = [of("Surrogate-Key", "", " "), of("Cache-Tag", "", ","), of("Cache-Groups", "\"", ", ")];
        fields.into_iter().flatten().collect()
    }

    /// The groups as the value of `Cache-Group-Invalidation`; empty where there are none.
    pub(crate) fn invalidation(self) -> String {
        let groups = self.fields().into_iter().find(|(field, _)| *field == "Cache-Groups");
        groups.map(|(_, value)| value).unwrap_or_default()
    }
}

impl Purge {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        let scope = match rng.u8(..20) {
            0 => Scope::All,
            1..4 => Scope::Host(rng.choice(["test.example", "other.example", "example"]).expect("not empty")),
            4..9 => Scope::Url(target(rng)),
            9..12 => Scope::Prefix(rng.choice(PREFIXES).expect("not empty")),
            _ => Scope::Tag(rng.usize(..NAMES.len())),
        };
        Self { scope, mode: if percent(rng, 50) { Mode::Hard } else { Mode::Soft } }
    }

    /// What the operator's door is told.
    pub(crate) fn body(&self) -> String {
        let soft = self.mode == Mode::Soft;
        let (scope, value) = match self.scope {
            Scope::All => return format!(r#"{{"all": true, "soft": {soft}}}"#),
            Scope::Host(host) => ("host", host.to_owned()),
            Scope::Url(target) => ("url", url(target)),
            Scope::Prefix(prefix) => ("prefix", prefix.to_owned()),
            Scope::Tag(name) => ("tag", NAMES[name].1.to_owned()),
        };
        format!(r#"{{"{scope}": "{value}", "soft": {soft}}}"#)
    }

    pub(crate) fn concerns(&self, record: &Record) -> bool {
        match self.scope {
            Scope::Tag(name) => record.tags.has(name),
            _ => self.concerns_target(record.target),
        }
    }

    /// Whatever is stored for it; a tag is nothing that a resource has.
    pub(crate) fn concerns_target(&self, target: usize) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Host(host) => HOSTS[target] == host,
            Scope::Url(named) => named == target,
            Scope::Prefix(prefix) => url(target).starts_with(prefix),
            Scope::Tag(_) => false,
        }
    }
}

fn url(target: usize) -> String {
    format!("http://{}{}", HOSTS[target], TARGETS[target])
}
