//! Stored responses on disk: put when they are stored in memory, found when memory has nothing.
//!
//! A key without variants has its response under its own hash. Variants stand under hashes of their own, which the spec
//! under the key's hash makes; so the key's record alone decides what of it can be found. Whatever is stored under a key
//! in memory is put here too, or, where it is not worth writing, what was here before it is given up: disk never has
//! an older response than memory had.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http::HeaderMap;
use moka::ops::compute::{CompResult, Op};
use moka::sync::Cache as Moka;

use super::admission::Admission;
use super::form::{self, Extent, Form};
use super::recall::Sight;
use super::recalled::Recalled;
use super::sliced::{INLINE_BYTES_MAX, Sliced};
use super::spec::Spec;
use super::spill::Spill;
use crate::cache::content::Content;
use crate::cache::disk::{KeyHash, Kind, Outcome, Reading, Record, Store};
use crate::cache::entry::{Entry, Head};
use crate::cache::key::Key;
use crate::clock::Clock;
use crate::config;
use crate::semantics::Selection;

/// Specs that are remembered, at most; one costs about 200 bytes. Another one is read when it is needed.
const SPECS_MAX: u64 = 100_000;

/// Bodies up to this are promoted to memory when they are read for the second time, larger ones at the third.
const SMALL_BYTES: u64 = 32 << 10;

/// The disk tier of a node. Cloning shares it.
#[derive(Clone)]
pub(in crate::cache) struct Tier {
    pub(super) store: Store,
    specs: Moka<KeyHash, Arc<Spec>>,
    admission: Arc<Admission>,
    object_bytes_max: u64,
    clock: Clock,
}

/// A response about to be put.
pub(in crate::cache) struct Prepared {
    /// Of the key.
    primary: KeyHash,
    /// Of the response: the same where it is the only one of its key.
    own: KeyHash,
    spec: Option<Arc<Spec>>,
    meta: Bytes,
}

/// May a look wait for the disk?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    Now,
    Wait,
}

/// A record was not found, or not at once.
enum Missed {
    Absent,
    Later,
}

/// What became of an entry that was to be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) enum Admitted {
    Yes,
    /// Not yet: the next request for it is to offer it again.
    AtNextRequest,
    No,
}

impl Tier {
    pub(in crate::cache) fn new(config: &config::Disk, store: Store, clock: Clock) -> Self {
        let admission = Arc::new(Admission::new(config, clock.now()));
        let specs = Moka::new(SPECS_MAX);
        Self { store, specs, admission, object_bytes_max: config.object_bytes_max, clock }
    }

    /// The response that a request selects, where no disk must be waited for.
    pub(in crate::cache) fn look(&self, key: &Key, request: &HeaderMap) -> Sight {
        match self.find(key, request, Patience::Now).now_or_never() {
            Some(Ok(entry)) => Sight::Here(Arc::new(entry)),
            Some(Err(Missed::Absent)) => Sight::Absent,
            // Without patience nothing is waited for.
            Some(Err(Missed::Later)) | None => Sight::Later,
        }
    }

    /// The same, as soon as the disk has brought it.
    pub(in crate::cache) async fn search(&self, key: &Key, request: &HeaderMap) -> Option<Arc<Entry>> {
        self.find(key, request, Patience::Wait).await.ok().map(Arc::new)
    }

    /// Makes ready what `put` takes, so that this is done while no lock is held.
    pub(in crate::cache) fn prepare(&self, key: &str, entry: &Entry) -> Prepared {
        let primary = self.primary(key);
        let names = entry.head.selection.names();
        let spec = (!names.is_empty()).then(|| match self.specs.get(&primary) {
            Some(known) if known.names == names => known,
            _ => Arc::new(Spec::new(names)),
        });
        let (own, generation) = match &spec {
            Some(spec) => (self.variant(key, &spec.variant(&entry.head.selection)), spec.generation),
            None => (primary, 0),
        };
        let extent = match entry.content.sliced() {
            Some(sliced) => Extent::Sliced { generation: sliced.generation(), total: sliced.total() },
            None => Extent::Inline,
        };
        let meta = form::encode(key, generation, entry.validity.epoch(), (extent, &entry.head));
        Prepared { primary, own, spec, meta }
    }

    /// Puts a response that was just stored under its key, or gives up what it takes the place of. Puts and removals of
    /// one key are called in the order of the deeds.
    pub(in crate::cache) fn put(&self, key: &str, entry: &Entry, prepared: Prepared) -> Admitted {
        let Prepared { primary, own, spec, meta } = prepared;
        let known = self.specs.get(&primary);
        if let (Some(spec), Some(known)) = (&spec, &known)
            && spec.names == known.names
            && spec.generation != known.generation
        {
            // Others have put a variant meanwhile, by another generation.
            return self.put(key, entry, self.prepare(key, entry));
        }
        let spec_stands = known.is_some() && known == spec;
        let admitted = self.admitted(key, own, entry);
        if admitted != Admitted::Yes {
            self.give_up_older(primary, own, spec_stands);
            return admitted;
        }
        let body = match &entry.content {
            Content::Here(bytes) if bytes.len() as u64 > INLINE_BYTES_MAX => {
                let Some(sliced) = Sliced::write(&self.store, bytes) else {
                    self.give_up_older(primary, own, spec_stands);
                    return Admitted::No;
                };
                let entry = entry.with_content(Content::Both(bytes.clone(), Arc::new(sliced)));
                return self.put(key, &entry, self.prepare(key, &entry));
            }
            Content::Here(bytes) => bytes.clone(),
            Content::Sliced(_) | Content::Both(..) => Bytes::new(),
        };
        match spec {
            None => {
                self.store.put(primary, Kind::Entry, (meta, body));
                self.forget_spec(primary);
            }
            Some(spec) => {
                if known.as_ref() != Some(&spec) {
                    self.store.put(primary, Kind::Spec, (spec.encode(key), Bytes::new()));
                    self.specs.entry(primary).and_compute_with(|_| Op::Put(spec));
                }
                self.store.put(own, Kind::Entry, (meta, body));
            }
        }
        Admitted::Yes
    }

    /// Begins to write a body that is still coming.
    pub(in crate::cache) fn spill(&self) -> Spill {
        Spill::begin(&self.store)
    }

    /// The largest body that is stored.
    pub(in crate::cache) fn object_bytes_max(&self) -> u64 {
        self.object_bytes_max
    }

    /// Is a body worth writing slice by slice, before it is whole? That it was asked for is remembered by `put`.
    pub(in crate::cache) fn admits_early(&self, key: &str, head: &Head) -> bool {
        let primary = self.primary(key);
        let asked_before = self.store.kind(primary).is_some() || self.admission.remembers(primary);
        !head.selection.is_for_one_query() && asked_before && self.store.affords()
    }

    /// Remembers that a body was asked for which is never put, because memory is too small for it.
    pub(in crate::cache) fn remember_request(&self, key: &str) {
        self.store.count(Outcome::FirstRequest);
        self.admission.admits(self.primary(key), self.clock.now());
    }

    fn admitted(&self, key: &str, own: KeyHash, entry: &Entry) -> Admitted {
        // Which of the queries of its key it is good for does not show in its hash.
        if entry.head.selection.is_for_one_query() {
            return Admitted::No;
        }
        // What is in slices was admitted before they were written.
        if entry.content.sliced().is_some() {
            return Admitted::Yes;
        }
        let (admitted, outcome) = if entry.content.len() > self.object_bytes_max {
            (Admitted::No, Outcome::TooLarge)
        } else if self.store.kind(own).is_none() && !self.admission.admits(self.asked(key, entry), self.clock.now()) {
            // What is on disk already has been asked for before.
            (Admitted::AtNextRequest, Outcome::FirstRequest)
        } else if !self.store.affords() {
            (Admitted::No, Outcome::Rate)
        } else {
            return Admitted::Yes;
        };
        self.store.count(outcome);
        admitted
    }

    /// By what requests for a response are told apart. Until one of its variants is put, a key's spec is another each time.
    fn asked(&self, key: &str, entry: &Entry) -> KeyHash {
        let names = entry.head.selection.names();
        if names.is_empty() {
            return self.primary(key);
        }
        self.variant(key, &Spec { generation: 0, names }.variant(&entry.head.selection))
    }

    /// Gives up what a response takes the place of that is not put itself: of a key whose spec stands, this variant only.
    fn give_up_older(&self, primary: KeyHash, own: KeyHash, spec_stands: bool) {
        if spec_stands {
            self.store.remove(own);
        } else {
            self.remove_all(primary);
        }
    }

    /// Gives up everything under a key.
    pub(in crate::cache) fn remove(&self, key: &str) {
        self.remove_all(self.primary(key));
    }

    fn remove_all(&self, primary: KeyHash) {
        self.store.remove(primary);
        self.forget_spec(primary);
    }

    /// Gives up one response of a key; where nobody knows which record is its, all of them.
    pub(in crate::cache) fn give_up(&self, key: &str, selection: &Selection) {
        let primary = self.primary(key);
        let names = selection.names();
        match self.specs.get(&primary) {
            Some(spec) if spec.names == names => {
                self.store.remove(self.variant(key, &spec.variant(selection)));
            }
            // Then it is not under the spec that stands, and cannot be found.
            Some(_) if !names.is_empty() => {}
            _ => self.remove(key),
        }
    }

    /// Was nothing put or removed since this was read? A variant whose spec is gone is out of reach, though it is there.
    pub(in crate::cache) fn is_latest(&self, recalled: Recalled) -> bool {
        let Recalled { key, mark, primary, generation, .. } = recalled;
        let stands = || self.specs.get(&primary).is_some_and(|spec| spec.generation == generation);
        self.store.is_latest(key, mark) && (generation == 0 || stands())
    }

    /// Is it worth a place in memory? Small ones come first.
    pub(in crate::cache) fn promotes(&self, entry: &Entry) -> bool {
        let Some(recalled) = entry.recalled else { return false };
        let reads = if entry.content.len() <= SMALL_BYTES { 1 } else { 2 };
        entry.content.here().is_some() && recalled.reads >= reads
    }

    /// The spec may have been read from disk at this moment: whoever does that looks again whether it stands, so it is
    /// forgotten after the record is replaced.
    fn forget_spec(&self, primary: KeyHash) {
        self.specs.entry(primary).and_compute_with(|_| Op::Remove);
    }

    fn primary(&self, key: &str) -> KeyHash {
        self.store.hash(&[key.as_bytes()])
    }

    fn variant(&self, key: &str, values: &[u8]) -> KeyHash {
        self.store.hash(&[key.as_bytes(), values])
    }

    async fn find(&self, key: &Key, request: &HeaderMap, patience: Patience) -> Result<Entry, Missed> {
        let primary = self.primary(key.as_str());
        let (own, generation) = match self.store.kind(primary) {
            Some(Kind::Entry) => (primary, 0),
            Some(Kind::Spec) => {
                let spec = self.spec(primary, key.as_str(), patience).await?;
                (self.variant(key.as_str(), &spec.variant_for(request)), spec.generation)
            }
            _ => return Err(Missed::Absent),
        };
        let record = self.read(own, Kind::Entry, patience).await?;
        let form = form::decode(record.meta.clone()).ok_or(Missed::Absent)?;
        let of_key = form.key == key.as_str() && form.generation == generation;
        if !of_key || !form.head.selection.matches(request, key.query()) {
            return Err(Missed::Absent);
        }
        self.entry(form, (primary, own), record, request).ok_or(Missed::Absent)
    }

    fn entry(
        &self,
        form: Form,
        (primary, key): (KeyHash, KeyHash),
        record: Record,
        request: &HeaderMap,
    ) -> Option<Entry> {
        let content = match form.extent {
            Extent::Inline => Content::Here(record.body),
            Extent::Sliced { generation, total } => {
                Content::Sliced(Arc::new(Sliced::new(&self.store, generation, total)))
            }
        };
        if !content.is_present_for(request, &form.head.headers) {
            if self.store.is_latest(key, record.mark) {
                self.store.remove(key);
            }
            return None;
        }
        let (mark, generation, reads) = (record.mark, form.generation, record.reads);
        let recalled = Recalled { key, mark, generation, primary, reads };
        Some(Entry::recalled(form.head, content, (form.epoch, recalled)))
    }

    /// The spec of a key.
    async fn spec(&self, primary: KeyHash, key: &str, patience: Patience) -> Result<Arc<Spec>, Missed> {
        if let Some(known) = self.specs.get(&primary) {
            return Ok(known);
        }
        let record = self.read(primary, Kind::Spec, patience).await?;
        let spec = Arc::new(Spec::decode(record.meta, key).ok_or(Missed::Absent)?);
        let noted = self.specs.entry(primary).and_compute_with(|known| match known {
            // What was put or removed since the read must not be undone by it.
            None if self.store.is_latest(primary, record.mark) => Op::Put(spec.clone()),
            _ => Op::Nop,
        });
        Ok(match noted {
            CompResult::Inserted(noted) | CompResult::Unchanged(noted) => noted.into_value(),
            _ => spec,
        })
    }

    async fn read(&self, key: KeyHash, kind: Kind, patience: Patience) -> Result<Record, Missed> {
        let record = match self.store.read(key) {
            Reading::Here(record) => Some(record),
            Reading::Absent => None,
            Reading::Later(_) if patience == Patience::Now => return Err(Missed::Later),
            Reading::Later(later) => self.store.wait(later).await,
        };
        record.filter(|record| record.kind == kind).ok_or(Missed::Absent)
    }
}

#[cfg(test)]
mod tests;
