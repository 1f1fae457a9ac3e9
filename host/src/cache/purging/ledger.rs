//! Where purges and changes are written down as they happen: the journal of the disk tier, or nowhere without one.

mod posting;

pub(in crate::cache) use posting::{Event, Garbled, Payload, Posting, read};

use crate::cache::disk::{Notes, Ticket};

/// Cloning shares it.
#[derive(Clone, Default)]
pub(in crate::cache) struct Ledger(Option<Notes>);

impl Ledger {
    pub(in crate::cache) fn of(notes: Notes) -> Self {
        Self(Some(notes))
    }

    /// Written in its turn; nobody waits for it.
    pub(in crate::cache) fn post(&self, posting: &Posting<'_>) {
        if let Some(notes) = &self.0 {
            notes.note(payload(posting));
        }
    }

    /// Written in its turn; the ticket says when it is durable.
    pub(in crate::cache) fn post_durably(&self, posting: &Posting<'_>) -> Ticket {
        match &self.0 {
            Some(notes) => notes.note_durably(payload(posting)),
            None => Ticket::settled(),
        }
    }
}

/// A life's numbers begin at the next multiple: the last ones of the life before may not have been written down, and are
/// in what it stored. No life gives out as many.
const LIFE: u64 = 1 << 32;

/// What the numbers of the life begin at that comes after one whose last known number this is.
pub(in crate::cache) fn next_life(latest: u64) -> u64 {
    (latest / LIFE + 1) * LIFE
}

fn payload(posting: &Posting<'_>) -> Vec<u8> {
    Payload::new().with(posting).into_bytes()
}
