//! The store with no cache above it, for who measures it alone.

use bytes::Bytes;
use prometheus::Registry;

use super::answer::{Put, Reading};
use super::record::Kind;
use super::state::State;
use super::store::Store;
use crate::config;

/// A store of bytes under keys. Dropping it closes it.
pub struct BareStore(Store);

impl BareStore {
    /// Opens or makes the folder. What is in it is found again in the background if it takes long: `is_ready`.
    pub fn open(config: &config::Disk) -> Result<Self, prometheus::Error> {
        Ok(Self(Store::open(config, &Registry::new())?))
    }

    /// Is everything that was on the disk found again?
    pub fn is_ready(&self) -> bool {
        self.0.state() == State::Ok
    }

    /// Puts meta and body under a key as soon as the queue has room; `false` where the store takes nothing.
    pub async fn put(&self, key: &[u8], meta: Bytes, body: Bytes) -> bool {
        let Some(room) = self.0.reserve(meta.len() + body.len()).await else { return false };
        self.0.put_in(room, self.0.hash(&[key]), Kind::Entry, (meta, body)) == Put::Queued
    }

    /// Meta and body of a key, read in place if they are in memory.
    pub async fn get(&self, key: &[u8]) -> Option<(Bytes, Bytes)> {
        let record = match self.0.read(self.0.hash(&[key])) {
            Reading::Here(record) => record,
            Reading::Later(later) => self.0.wait(later).await?,
            Reading::Absent => return None,
        };
        Some((record.meta, record.body))
    }

    /// Bytes that wait to be written.
    pub fn waiting_bytes(&self) -> usize {
        self.0.waiting_bytes()
    }

    /// Records on the disk, and the bytes of memory that finding them takes.
    pub fn index(&self) -> (usize, usize) {
        self.0.index()
    }
}
