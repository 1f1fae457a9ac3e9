//! Purges and changes as they stand, with a disk tier also those of earlier lives, and whoever writes them down.
//!
//! What is on disk is as good as this is complete: where nobody knows what an earlier life wrote down, nothing that it
//! stored may be used.

use std::io;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use prometheus::{Error, Registry};

use super::changes::{CHANGES_MAX, Changes};
use super::epochs::Epochs;
use super::ledger::{self, Garbled, Ledger, Payload};
use crate::cache::disk::{
    Begun, Device, Folder, Home, JournalMetrics, Notes, Scribe, Seat, Share, Store, Writing, read_journal,
};

pub(in crate::cache) struct History<D: Device> {
    pub(in crate::cache) epochs: Arc<Epochs>,
    pub(in crate::cache) changes: Arc<Changes>,
    /// `None` where there is no disk tier.
    writing: Option<Writing<D>>,
}

/// One purge or change on record for so many bytes of the disk tier at most, so that the journal leaves most of a small one
/// to what is stored. One takes about 100 bytes, and as long as the journal grows before it is written anew, eight times
/// that is set aside.
const BYTES_PER_RECORD: u64 = 2 << 10;

/// How much may be on record.
#[derive(Debug, Clone, Copy)]
pub(in crate::cache) struct Most {
    pub(in crate::cache) purges: usize,
    pub(in crate::cache) changes: usize,
}

impl Most {
    /// So many purges, but no more than a disk tier of this size has room for.
    pub(in crate::cache) fn of(purges: usize, disk_bytes: Option<u64>) -> Self {
        let room = disk_bytes.and_then(|bytes| usize::try_from(bytes / BYTES_PER_RECORD).ok()).unwrap_or(usize::MAX);
        Self { purges: purges.min(room), changes: CHANGES_MAX.min(room) }
    }
}

/// Purges and changes that are not written down yet.
pub(in crate::cache) struct Memories {
    epochs: Arc<Epochs>,
    changes: Arc<Changes>,
    notes: Notes,
}

impl Memories {
    /// Those of no earlier life.
    pub(in crate::cache) fn none(most: Most) -> Self {
        let notes = Notes::default();
        let ledger = Ledger::of(notes.clone());
        let epochs = Arc::new(Epochs::new(most.purges, ledger.clone()));
        Self { epochs, changes: Arc::new(Changes::written_to(ledger, most.changes)), notes }
    }

    /// Those that earlier lives wrote down.
    pub(in crate::cache) fn of(payloads: &[Bytes], most: Most) -> Result<Self, Garbled> {
        let memories = Self::none(most);
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
    pub(in crate::cache) fn write_down<D: Device>(
        self,
        share: Share,
        metrics: JournalMetrics,
    ) -> io::Result<History<D>> {
        let Self { epochs, changes, notes } = self;
        let known = (Arc::downgrade(&epochs), Arc::downgrade(&changes));
        let scribe = Scribe::new(Box::new(move || standing(&known)), share, metrics);
        Ok(History { epochs, changes, writing: Some(Writing::begin(scribe, notes)?) })
    }
}

impl<D: Device> History<D> {
    /// For a node without a disk tier.
    pub(in crate::cache) fn in_memory(most: Most) -> Self {
        let epochs = Epochs::new(most.purges, Ledger::default());
        Self { epochs: Arc::new(epochs), changes: Arc::default(), writing: None }
    }

    /// Goes on in this folder, with how everything stands. After an error the folder cannot be used.
    pub(in crate::cache) fn attach(&self, seat: Seat<D>) -> io::Result<()> {
        self.writing.as_ref().map_or(Ok(()), |writing| writing.attach(seat))
    }
}

impl History<Folder> {
    /// That of a node without a disk tier, or of the one whose store this is.
    pub(in crate::cache) fn open(most: Most, disk: Option<&Store>, registry: &Registry) -> Result<Arc<Self>, Error> {
        match disk {
            None => Ok(Arc::new(Self::in_memory(most))),
            Some(store) => Self::beside(store, most, JournalMetrics::register(registry, store.sync_errors())?),
        }
    }

    fn beside(store: &Store, most: Most, metrics: JournalMetrics) -> Result<Arc<Self>, Error> {
        let home = store.home();
        let past = home.as_ref().map(|home| past(home, most));
        let (memories, known) = match past {
            Some(Some(memories)) => (memories, true),
            None => (Memories::none(most), true),
            Some(None) => (Memories::none(most), false),
        };
        let history = memories.write_down(store.share(), metrics);
        let history = Arc::new(history.map_err(|error| Error::Msg(error.to_string()))?);
        let attendant = Arc::downgrade(&history);
        store.attend(Box::new(move |home| attendant.upgrade().map_or(Ok(()), |history| history.attach(seat(home)))));
        let attached = home.filter(|_| known).map(|home| history.attach(seat(&home)));
        if let Some(Err(error)) = &attached {
            tracing::warn!(%error, "disk tier: purges cannot be written down");
        }
        // Where there was no folder yet, one may have been entered since then, and nobody was told.
        if !matches!(attached, Some(Ok(()))) {
            store.begin_anew();
        }
        Ok(history)
    }
}

/// What earlier lives of the store wrote down; `None` where nobody knows.
fn past(home: &Home<Folder>, most: Most) -> Option<Memories> {
    if home.begun == Begun::Anew {
        return Some(Memories::none(most));
    }
    let unknown = match read_journal(&*home.device, home.store) {
        Ok(Some(payloads)) => match Memories::of(&payloads, most) {
            Ok(memories) => return Some(memories),
            Err(garbled) => garbled.to_string(),
        },
        Ok(None) => "it is missing".to_owned(),
        Err(damage) => damage.to_string(),
    };
    tracing::warn!(why = unknown, "disk tier: the journal of purges cannot be read; the store begins anew");
    None
}

fn seat(home: &Home<Folder>) -> Seat<Folder> {
    Seat { device: home.device.clone(), store: home.store }
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
