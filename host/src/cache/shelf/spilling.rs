//! Where a body goes that is too large for memory, and how large it may be.
//!
//! Asked by fills; the disk tier decides.

use super::Shelf;
use crate::cache::entry::Head;
use crate::cache::tier::{Spill, Tier};

impl Shelf {
    /// Begins to write a body to disk, where there is one.
    pub(in crate::cache) fn spill(&self) -> Option<Spill> {
        self.tiers.disk().map(Tier::spill)
    }

    /// Is a body that is too large to stand beside its head on disk worth writing there?
    pub(in crate::cache) fn admits_early(&self, key: &str, head: &Head) -> bool {
        self.tiers.disk().is_some_and(|disk| disk.admits_early(key, head))
    }

    /// A body that is too large for memory was not admitted to disk; the next request for it may be another matter.
    pub(in crate::cache) fn remember_request(&self, key: &str) {
        self.tiers.disk().into_iter().for_each(|disk| disk.remember_request(key));
    }

    /// The largest whole body that would be stored.
    pub(in crate::cache) fn body_bytes_max(&self) -> u64 {
        self.tiers.disk().map_or(self.object_bytes_max, |disk| disk.object_bytes_max().max(self.object_bytes_max))
    }
}
