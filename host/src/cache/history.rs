//! Purges and changes as they stand, with a disk tier also those of earlier lives, and whoever writes them down.
//!
//! What is on disk is as good as this is complete: where nobody knows what an earlier life wrote down, nothing that it
//! stored may be used.

use std::io;
use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::changes::Changes;
use super::disk::{Aside, Device, JournalMetrics, Notes, Scribe, Seat, Writing};
use super::epochs::Epochs;
use super::ledger::Ledger;
use super::posting::{self, Garbled, Payload};

pub(super) struct History<D: Device> {
    pub(super) epochs: Arc<Epochs>,
    pub(super) changes: Arc<Changes>,
    /// `None` where there is no disk tier.
    writing: Option<Writing<D>>,
}

/// Purges and changes that are not written down yet.
pub(super) struct Memories {
    epochs: Arc<Epochs>,
    changes: Arc<Changes>,
    notes: Notes,
}

impl Memories {
    /// Those of no earlier life.
    pub(super) fn none(records_max: usize) -> Self {
        let notes = Notes::default();
        let ledger = Ledger::of(notes.clone());
        let epochs = Arc::new(Epochs::new(records_max, ledger.clone()));
        Self { epochs, changes: Arc::new(Changes::written_to(ledger)), notes }
    }

    /// Those that earlier lives wrote down.
    pub(super) fn of(payloads: &[Bytes], records_max: usize) -> Result<Self, Garbled> {
        let memories = Self::none(records_max);
        for payload in payloads {
            for posting in posting::read(payload)? {
                memories.epochs.recall(&posting);
                memories.changes.recall(&posting);
            }
        }
        memories.epochs.begin_life();
        memories.changes.begin_life();
        Ok(memories)
    }

    /// From here on everything is written down: in `seat`, or, where there is no folder as yet, as soon as one is
    /// attached. After an error this folder cannot be used.
    pub(super) fn write_down<D: Device>(
        self,
        seat: Option<Seat<D>>,
        (aside, metrics): (Aside, JournalMetrics),
    ) -> io::Result<History<D>> {
        let Self { epochs, changes, notes } = self;
        let known = (Arc::downgrade(&epochs), Arc::downgrade(&changes));
        let mut scribe = Scribe::new(Box::new(move || standing(&known)), aside, metrics);
        if let Some(seat) = seat {
            scribe.attach(seat)?;
        }
        Ok(History { epochs, changes, writing: Some(Writing::begin(scribe, notes)?) })
    }
}

impl<D: Device> History<D> {
    /// For a node without a disk tier.
    pub(super) fn in_memory(records_max: usize) -> Self {
        let epochs = Epochs::new(records_max, Ledger::default());
        Self { epochs: Arc::new(epochs), changes: Arc::default(), writing: None }
    }

    /// Goes on in another folder, which has nothing in it but this: see `Scribe::attach`.
    pub(super) fn attach(&self, seat: Seat<D>) -> io::Result<()> {
        self.writing.as_ref().map_or(Ok(()), |writing| writing.attach(seat))
    }
}

/// How everything stands; `None` once the node has ended.
fn standing((epochs, changes): &(Weak<Epochs>, Weak<Changes>)) -> Option<Vec<u8>> {
    let mut payload = Payload::new();
    epochs.upgrade()?.describe(&mut payload);
    changes.upgrade()?.describe(&mut payload);
    Some(payload.into_bytes())
}
