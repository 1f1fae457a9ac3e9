//! One response that a cache may have, as the model keeps it: the answer it comes from, brought up to date by the 304s that
//! confirmed it since.

use crate::purge::Tags;
use crate::rules;
use crate::site::{Asked, Message, Said};
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
            retired: None,
            ..self.clone()
        };
        record.judge_storing();
        record
    }

    fn judge_storing(&mut self) {
        if let Err(why) = rules::may_store(self) {
            self.kept = Kept::No(why);
        }
    }

    pub(crate) fn is_usable(&self) -> bool {
        self.retired.is_none() && !matches!(self.kept, Kept::No(_))
    }
}
