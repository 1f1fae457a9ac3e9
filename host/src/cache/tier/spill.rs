//! A body that goes to the store slice by slice as it comes, before anybody knows whether it will be whole.
//!
//! It is found by nobody until a head names its generation; where that never happens, its slices are garbage that eviction
//! takes with the rest.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::slice::{SLICE_BYTES, Slices};
use super::sliced::Sliced;
use crate::cache::disk::{Put, Store};

/// How long a body waits for room in the store's queue. Whoever fetches it waits as well, so a disk that hangs must not
/// hold it for longer than a client would bear.
const ROOM_WAIT: Duration = Duration::from_secs(2);

/// The duty to write one body.
pub(in crate::cache) struct Spill {
    slices: Slices,
    /// What is here of the slice that is not complete.
    current: Vec<Bytes>,
    current_bytes: u64,
    /// Complete slices that were put.
    number: u64,
}

/// What a body does where the store's queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) enum Pressure {
    /// It waits, because there is no other place for it.
    Wait,
    /// It gives up its place in the store.
    Skip,
}

/// The store takes no more of this body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) struct NoRoom;

impl Spill {
    pub(in crate::cache) fn begin(store: &Store) -> Self {
        Self { slices: Slices::begin(store), current: Vec::new(), current_bytes: 0, number: 0 }
    }

    /// Where its slices lie.
    pub(in crate::cache) fn slices(&self) -> &Slices {
        &self.slices
    }

    /// Takes the next bytes, and tells how many from the start can be read back by now.
    pub(in crate::cache) async fn push(&mut self, mut chunk: Bytes, pressure: Pressure) -> Result<u64, NoRoom> {
        loop {
            let room = SLICE_BYTES - self.current_bytes;
            if (chunk.len() as u64) < room {
                self.current_bytes += chunk.len() as u64;
                self.current.push(chunk);
                return Ok(self.number * SLICE_BYTES);
            }
            // It is no more than the chunk has.
            self.current.push(chunk.split_to(room as usize));
            self.put(pressure).await?;
            self.number += 1;
        }
    }

    /// Writes what is left. The whole body is in the store then.
    pub(in crate::cache) async fn finish(mut self, pressure: Pressure) -> Result<Sliced, NoRoom> {
        let total = self.number * SLICE_BYTES + self.current_bytes;
        if self.current_bytes > 0 {
            self.put(pressure).await?;
        }
        Ok(Sliced::of(self.slices, total))
    }

    async fn put(&mut self, pressure: Pressure) -> Result<(), NoRoom> {
        let mut slice = BytesMut::with_capacity(self.current.iter().map(Bytes::len).sum());
        self.current.drain(..).for_each(|chunk| slice.extend_from_slice(&chunk));
        self.current_bytes = 0;
        let put = match pressure {
            Pressure::Wait => {
                let room = tokio::time::timeout(ROOM_WAIT, self.slices.room(slice.len())).await.ok().flatten();
                self.slices.put_in(room.ok_or(NoRoom)?, self.number, slice.freeze())
            }
            Pressure::Skip => self.slices.put(self.number, slice.freeze()),
        };
        match put {
            Put::Queued => Ok(()),
            Put::Skipped => Err(NoRoom),
        }
    }
}
