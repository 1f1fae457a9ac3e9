//! One response that a cache may have, as the model keeps it: the answer it comes from, brought up to date by the 304s that
//! confirmed it since.

use std::ops::Range;

use crate::purge::Tags;
use crate::rules;
use crate::site::{Asked, Message, Said, body, etag, modified};
use crate::terms::{Directives, Vary};

#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// The number of the answer that brought the body.
    pub(crate) said: u32,
    /// The number of the last 304 that confirmed it.
    pub(crate) confirmed: Option<u32>,
    pub(crate) target: usize,
    /// The request that it answers.
    pub(crate) asked: Asked,
    pub(crate) status: u16,
    pub(crate) vary: Vary,
    pub(crate) version: u32,
    pub(crate) variant: String,
    pub(crate) control: Option<Directives>,
    pub(crate) targeted: Option<Directives>,
    pub(crate) expires: Option<u64>,
    pub(crate) date: u64,
    pub(crate) age: u64,
    pub(crate) received: u64,
    pub(crate) tags: Tags,
    /// How old it was when a soft purge ended its lifetime.
    pub(crate) softened: Option<u64>,
    pub(crate) kept: Kept,
    /// The bytes that the answer brought, where they were not all.
    pub(crate) part: Option<Range<usize>>,
    /// Why it must be validated before each use.
    pub(crate) doubted: Option<&'static str>,
    /// Why it may not be used any more.
    pub(crate) retired: Option<&'static str>,
}

/// Is it in the cache?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It must not be, for this reason.
    No(&'static str),
    /// It may be.
    Perhaps,
    /// It must be: the node said so, and nothing has replaced it.
    Surely,
}

impl Record {
    /// A whole answer to a GET.
    pub(crate) fn of(said: &Said, message: &Message) -> Self {
        let terms = &message.terms;
        let mut record = Self {
            said: said.id,
            confirmed: None,
            target: said.target,
            asked: said.asked.clone(),
            status: message.status,
            vary: message.vary,
            version: message.version,
            variant: message.variant.clone(),
            control: terms.control,
            targeted: terms.targeted,
            expires: terms.expires.map(|after| message.at.saturating_add_signed(after)),
            date: message.at - terms.behind.unwrap_or(0),
            age: terms.age.unwrap_or(0),
            received: message.at,
            tags: terms.tags,
            softened: None,
            kept: Kept::Perhaps,
            part: None,
            doubted: None,
            retired: None,
        };
        record.judge_storing();
        record
    }

    /// The same body with the fields of a 304: those that it has replace those that there were (RFC 9111 section 3.2).
    /// The age counts from the validation, which is what `Age` means (section 5.1).
    pub(crate) fn confirmed_by(&self, said: &Said, message: &Message) -> Self {
        let terms = &message.terms;
        let mut record = Self {
            confirmed: Some(said.id),
            asked: said.asked.clone(),
            control: terms.control.or(self.control),
            targeted: terms.targeted.or(self.targeted),
            expires: terms.expires.map(|after| message.at.saturating_add_signed(after)).or(self.expires),
            date: message.at - terms.behind.unwrap_or(0),
            age: terms.age.unwrap_or(0),
            received: message.at,
            tags: self.tags.updated_by(terms.tags),
            softened: None,
            kept: Kept::Perhaps,
            doubted: None,
            retired: None,
            ..self.clone()
        };
        record.judge_storing();
        record
    }

    /// These bytes and the ones that a 206 brought, with its fields (RFC 9111 section 3.4).
    pub(crate) fn joined_by(&self, said: &Said, message: &Message) -> Self {
        Self { said: said.id, confirmed: None, ..self.confirmed_by(said, message) }
    }

    /// Is this of the representation that a 206 brought more of?
    pub(crate) fn is_part_of(&self, said: &Said, message: &Message) -> bool {
        let same = (self.target, self.version, &self.variant) == (said.target, message.version, &message.variant);
        same && self.is_usable()
    }

    /// Would a GET bring this still, by the answer to a HEAD (section 4.3.5)?
    pub(crate) fn agrees_with(&self, said: &Said, message: &Message) -> bool {
        let of = |target, version, variant: &str| (etag(target, version, variant), modified(target, version));
        let (own, other) =
            (of(self.target, self.version, &self.variant), of(said.target, message.version, &message.variant));
        let length = |id, version, variant: &str| body((self.target, id), version, variant).len();
        let same = other.0.is_none_or(|tag| own.0 == Some(tag)) && other.1.is_none_or(|date| own.1 == Some(date));
        let own = if self.status == 204 { 0 } else { length(self.said, self.version, &self.variant) };
        same && own == length(said.id, message.version, &message.variant)
    }

    fn judge_storing(&mut self) {
        if let Err(why) = rules::may_store(self) {
            self.kept = Kept::No(why);
        }
    }

    pub(crate) fn is_surely_whole(&self) -> bool {
        self.kept == Kept::Surely && self.retired.is_none() && self.part.is_none()
    }

    pub(crate) fn is_usable(&self) -> bool {
        self.retired.is_none() && !matches!(self.kept, Kept::No(_))
    }
}
