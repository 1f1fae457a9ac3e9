//! What a look at the stored responses found for a request.

use std::sync::Arc;

use super::entry::Entry;
use super::parts::Parts;
use crate::semantics::{Forwarded, Reuse};

/// What is stored for a request.
pub(super) enum Found {
    Nothing(Forwarded),
    Entry(Arc<Entry>, Reuse),
    /// Parts that may be used as they are.
    Parts(Arc<Parts>),
    /// Nothing in memory, and the disk was not waited for yet.
    Cold,
}

/// Whether a look met something that was purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purged {
    None,
    Some,
}
