//! Purges and changes as they stand, with a disk tier also those of earlier lives, and whoever writes them down.
//!
//! What is on disk is as good as this is complete: where nobody knows what an earlier life wrote down, nothing that it
//! stored may be used.

use std::io;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use prometheus::{IntCounter, Registry};

use super::changes::Changes;
use super::disk::{Device, Folder, JournalMetrics, Notes, Scribe, Seat, Share, Writing, read_journal};
use super::epochs::Epochs;
use super::ledger::{self, Garbled, Ledger, Payload};
use crate::config;

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
            for posting in ledger::read(payload)? {
                memories.epochs.recall(&posting);
                memories.changes.recall(&posting);
            }
        }
        memories.epochs.begin_life();
        memories.changes.begin_life();
        Ok(memories)
    }

    /// From here on everything is written down, as soon as a folder is attached.
    pub(super) fn write_down<D: Device>(self, share: Share, metrics: JournalMetrics) -> io::Result<History<D>> {
        let Self { epochs, changes, notes } = self;
        let known = (Arc::downgrade(&epochs), Arc::downgrade(&changes));
        let scribe = Scribe::new(Box::new(move || standing(&known)), share, metrics);
        Ok(History { epochs, changes, writing: Some(Writing::begin(scribe, notes)?) })
    }
}

impl<D: Device> History<D> {
    /// For a node without a disk tier.
    pub(super) fn in_memory(records_max: usize) -> Self {
        let epochs = Epochs::new(records_max, Ledger::default());
        Self { epochs: Arc::new(epochs), changes: Arc::default(), writing: None }
    }

    /// Goes on in this folder, with how everything stands. After an error the folder cannot be used.
    pub(super) fn attach(&self, seat: Seat<D>) -> io::Result<()> {
        self.writing.as_ref().map_or(Ok(()), |writing| writing.attach(seat))
    }
}

impl History<Folder> {
    /// As the configuration has it.
    pub(super) fn open(config: &config::Cache, registry: &Registry) -> Result<Self, prometheus::Error> {
        let Some(disk) = &config.disk else { return Ok(Self::in_memory(config.purge_records_max)) };
        let errors = IntCounter::new("forebay_disk_errors_total", "Errors of the disk tier")?;
        let metrics = JournalMetrics::register(registry, errors)?;
        let none = || Memories::none(config.purge_records_max);
        let seat = seat(disk);
        let past = seat.as_ref().map_or(Ok(None), |seat| read_journal(&*seat.device, seat.store));
        let memories = match past {
            Ok(None) => none(),
            Ok(Some(payloads)) => Memories::of(&payloads, config.purge_records_max).unwrap_or_else(|_| none()),
            Err(_) => none(),
        };
        let history = memories.write_down(Share::of(Arc::default()), metrics);
        let history = history.map_err(|error| prometheus::Error::Msg(error.to_string()))?;
        if let Some(Err(error)) = seat.map(|seat| history.attach(seat)) {
            tracing::error!(%error, "purges cannot be written down");
        }
        Ok(history)
    }
}

fn seat(disk: &config::Disk) -> Option<Seat<Folder>> {
    let folder = disk.path.join("v1");
    std::fs::create_dir_all(&folder).ok()?;
    Some(Seat { device: Arc::new(Folder(folder)), store: 1 })
}

/// How everything stands; `None` once the node has ended.
fn standing((epochs, changes): &(Weak<Epochs>, Weak<Changes>)) -> Option<Vec<u8>> {
    let mut payload = Payload::new();
    epochs.upgrade()?.describe(&mut payload);
    changes.upgrade()?.describe(&mut payload);
    Some(payload.into_bytes())
}

#[cfg(test)]
mod tests;
