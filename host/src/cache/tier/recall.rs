//! What the disk tier brought for a request.

use std::sync::Arc;

use crate::cache::entry::Entry;

/// Whether the disk tier was asked for a request, and what it had.
#[derive(Debug, Clone, Default)]
pub enum Recall {
    #[default]
    Unasked,
    /// It was, and somebody waited for it.
    Asked(Option<Arc<Entry>>),
}

/// What a look that waits for nothing comes to.
#[derive(Debug)]
pub(in crate::cache) enum Sight {
    Absent,
    Here(Arc<Entry>),
    /// There may be something; the disk must be waited for.
    Later,
}
