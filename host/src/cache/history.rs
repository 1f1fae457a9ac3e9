//! Purges and changes as they stand, with a disk tier also those of earlier lives, and whoever writes them down.
//!
//! What is on disk is as good as this is complete: where nobody knows what an earlier life wrote down, nothing that it
//! stored may be used.

use std::io;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use prometheus::Registry;

use super::changes::Changes;
use super::disk::{
    Begun, Device, Folder, Home, JournalMetrics, Notes, Scribe, Seat, Share, Store, Unreadable, Writing, read_journal,
};
use super::epochs::Epochs;
use super::ledger::{self, Garbled, Ledger, Payload};

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
    /// What earlier lives wrote down beside `store`, and what this one will, for a node that has a disk tier.
    pub(super) fn open(
        records_max: usize,
        store: Option<&Store>,
        registry: &Registry,
    ) -> Result<Arc<Self>, prometheus::Error> {
        let Some(store) = store else { return Ok(Arc::new(Self::in_memory(records_max))) };
        let metrics = JournalMetrics::register(registry, store.sync_errors())?;
        let home = store.home();
        let past = home.as_ref().map_or(Ok(None), |home| past(home, records_max));
        let (memories, known) = match past {
            Ok(memories) => (memories.unwrap_or_else(|| Memories::none(records_max)), true),
            Err(error) => {
                tracing::warn!(%error, "what was purged is not known any more; the disk tier begins anew");
                (Memories::none(records_max), false)
            }
        };
        let history = memories.write_down(store.share(), metrics);
        let history = Arc::new(history.map_err(|error| prometheus::Error::Msg(error.to_string()))?);
        let later = Arc::downgrade(&history);
        store.attend(Box::new(move |home| match later.upgrade() {
            Some(history) => history.attach(seat(home)),
            None => Err(io::Error::other("the node is ending")),
        }));
        let written = home.as_ref().filter(|_| known).map(|home| history.attach(seat(home)));
        if let Some(Err(error)) = &written {
            tracing::warn!(%error, "purges cannot be written down; the disk tier begins anew");
        }
        // Where there was no folder, the store may have found one meanwhile, and told nobody.
        if !matches!(written, Some(Ok(()))) {
            store.begin_anew();
        }
        Ok(history)
    }
}

/// What is written down in a folder; `None` where the store there was begun just now.
fn past(home: &Home<Folder>, records_max: usize) -> Result<Option<Memories>, Unknown> {
    if home.begun == Begun::Anew {
        return Ok(None);
    }
    let payloads = read_journal(&*home.device, home.store)?.ok_or(Unknown::Missing)?;
    Ok(Some(Memories::of(&payloads, records_max)?))
}

/// Why nobody knows what was purged.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error("there is no journal")]
    Missing,
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Garbled(#[from] Garbled),
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
