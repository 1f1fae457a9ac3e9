//! How a filter is configured, as far as cases say it; those with the same setup share a load.

use crate::config::HeaderPause;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Setup {
    /// As the filter reads them.
    pub(super) settings: String,
    pub(super) header_pause: HeaderPause,
}

impl Setup {
    /// A filter of which nothing else is said.
    pub(super) fn new(settings: String) -> Self {
        Self { settings, header_pause: HeaderPause::All }
    }
}
