//! Memory and disk as one: what is stored in one is stored, or given up, in the other.
//!
//! Memory answers first, and disk where memory has nothing. Every call that changes both is made under the board's lock, so
//! that both see the same order of deeds, and none waits for a disk.

use std::sync::Arc;

use http::HeaderMap;

use super::entry::{Entry, Head};
use super::forms::Forms;
use super::key::Key;
use super::memory::Memory;
use super::purging::Validity;
use super::tier::{Admitted, Prepared, Recall, Sight, Tier};
use super::variants::Variants;

pub(super) struct Tiers {
    memory: Memory,
    /// Where a disk tier is configured.
    disk: Option<Tier>,
}

/// What came of a look at the disk for what memory does not have.
pub(super) enum Below {
    Nothing,
    Here(Arc<Entry>),
    /// There may be something, and nobody has waited for it yet.
    Cold,
}

impl Tiers {
    pub(super) fn new(memory: Memory, disk: Option<Tier>) -> Self {
        Self { memory, disk }
    }

    pub(super) fn disk(&self) -> Option<&Tier> {
        self.disk.as_ref()
    }

    /// What memory has of a key.
    pub(super) fn get(&self, key: &str) -> Option<Arc<Variants>> {
        self.memory.get(key)
    }

    /// What disk has for a request; `recall` is what was waited for already.
    pub(super) fn below(&self, key: &Key, request: &HeaderMap, recall: &Recall) -> Below {
        let Some(disk) = &self.disk else { return Below::Nothing };
        if let Recall::Asked(Some(entry)) = recall
            && entry.recalled.is_some_and(|recalled| disk.is_latest(recalled))
        {
            return Below::Here(entry.clone());
        }
        match (disk.look(key, request), recall) {
            (Sight::Here(entry), _) => Below::Here(entry),
            (Sight::Later, Recall::Unasked) => Below::Cold,
            (Sight::Absent | Sight::Later, _) => Below::Nothing,
        }
    }

    /// What disk has for a request, once it has brought it.
    pub(super) async fn recall(&self, key: &Key, request: &HeaderMap) -> Recall {
        match &self.disk {
            Some(disk) => Recall::Asked(disk.search(key, request).await),
            None => Recall::Unasked,
        }
    }

    /// Makes ready what `insert` and `swap` take, while no lock is held.
    pub(super) fn prepare(&self, key: &str, entry: &Entry) -> Option<Prepared> {
        self.disk.as_ref().map(|disk| disk.prepare(key, entry))
    }

    /// Adds one variant in the place of `replaced`; those of other selections stay.
    pub(super) fn insert(
        &self,
        key: &Arc<str>,
        entry: &Arc<Entry>,
        replaced: Option<&Arc<Entry>>,
        prepared: Option<Prepared>,
    ) {
        if self.memory.get(key).is_some_and(|standing| standing.outlives(entry)) {
            return;
        }
        if let (Some(disk), Some(prepared)) = (&self.disk, prepared) {
            if let Some(other) = replaced.filter(|other| other.head.selection != entry.head.selection) {
                disk.give_up(key, &other.head.selection);
            }
            put(disk, key, entry, prepared);
        }
        self.memory.insert(key.clone(), entry.clone(), replaced);
    }

    /// Puts a new variant in the place of `old`, if that is still stored.
    pub(super) fn swap(&self, key: &Arc<str>, (old, new): (&Arc<Entry>, Arc<Entry>), prepared: Option<Prepared>) {
        let swapped = self.memory.swap(key.clone(), old, new.clone());
        let (Some(disk), Some(prepared)) = (&self.disk, prepared) else { return };
        if swapped || old.recalled.is_some_and(|recalled| disk.is_latest(recalled)) {
            put(disk, key, &new, prepared);
        }
    }

    /// Is what disk brought worth a place in memory?
    pub(super) fn promotes(&self, entry: &Entry) -> bool {
        entry.recalled.is_some() && self.disk.as_ref().is_some_and(|disk| disk.promotes(entry))
    }

    /// Takes what disk brought into memory, where nothing newer is stored.
    pub(super) fn promote(&self, key: &Arc<str>, entry: &Arc<Entry>) {
        let Some(disk) = &self.disk else { return };
        if entry.recalled.is_some_and(|recalled| disk.is_latest(recalled)) {
            self.memory.insert(key.clone(), Arc::new(entry.promoted()), None);
        }
    }

    /// Offers to the disk again what was asked for once only when it was stored.
    pub(super) fn offer_again(&self, key: &Arc<str>, entry: &Arc<Entry>) {
        let held = self.memory.get(key).is_some_and(|variants| variants.holds(entry));
        if let Some(disk) = self.disk.as_ref().filter(|_| held) {
            put(disk, key, entry, disk.prepare(key, entry));
        }
    }

    /// Puts other variants into the place of those of a key, one of which has got this part. Parts are in memory only; what
    /// disk has of the same selection is older.
    pub(super) fn join_part(&self, key: Arc<str>, variants: Variants, part: &Head) {
        if let Some(disk) = &self.disk {
            disk.give_up(&key, &part.selection);
        }
        self.memory.replace(key, variants);
    }

    /// Puts other variants into the place of those of a key, with less parts.
    pub(super) fn replace_parts(&self, key: Arc<str>, variants: Variants) {
        self.memory.replace(key, variants);
    }

    /// Gives up this variant, if it is still there.
    pub(super) fn give_up(&self, key: &Arc<str>, entry: &Arc<Entry>) {
        self.memory.give_up(key, entry);
        if let Some(disk) = &self.disk {
            disk.give_up(key, &entry.head.selection);
        }
    }

    /// Gives up every variant of a key.
    pub(super) fn remove(&self, key: &str) {
        self.memory.remove(key);
        if let Some(disk) = &self.disk {
            disk.remove(key);
        }
    }

    /// Weighs a key's variants anew, after the one with these forms has got another.
    pub(super) fn reweigh(&self, key: &Arc<str>, forms: &Arc<Forms>) {
        self.memory.reweigh(key, forms);
    }

    /// Frees the variants of a key that were purged. On disk they stay until something takes their place.
    pub(super) fn sweep(&self, key: &str, keep: impl Fn(&Head, &Validity) -> bool) {
        self.memory.sweep(key, keep);
    }

    /// Frees all memory. On disk purged responses stay until their segment is the oldest.
    pub(super) fn clear(&self) {
        self.memory.clear();
    }
}

fn put(disk: &Tier, key: &str, entry: &Entry, prepared: Prepared) {
    entry.offer_at_next_request(disk.put(key, entry, prepared) == Admitted::AtNextRequest);
}
