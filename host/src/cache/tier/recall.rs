//! What the disk tier brought for a request.

use std::sync::Arc;

use crate::cache::disk::{KeyHash, Mark};
use crate::cache::entry::Entry;

/// Whether the disk tier was asked for a request, and what it had.
#[derive(Debug, Clone, Default)]
pub enum Recall {
    #[default]
    Unasked,
    /// It was, and somebody waited for it.
    Asked(Option<Arc<Entry>>),
}

/// Where an entry was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) struct Recalled {
    pub(in crate::cache) key: KeyHash,
    pub(in crate::cache) mark: Mark,
    /// How often it was read before, up to a small number.
    pub(in crate::cache) reads: u8,
}

/// What a look that waits for nothing comes to.
#[derive(Debug)]
pub(in crate::cache) enum Sight {
    Absent,
    Here(Arc<Entry>),
    /// There may be something; the disk must be waited for.
    Later,
}
