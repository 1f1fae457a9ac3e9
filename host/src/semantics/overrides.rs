//! What a filter says of a response's freshness, in the place of what its origin says.
//!
//! It speaks for the time a response is used, not for who may have it: what the origin keeps from shared caches stays so.

use std::time::Duration;

/// Of each, `None` leaves it to the origin and the route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overrides {
    /// How long it is fresh, from its arrival here.
    pub ttl: Option<Duration>,
    /// The windows of RFC 5861.
    pub while_revalidate: Option<Duration>,
    pub if_error: Option<Duration>,
}

impl Overrides {
    /// Is the origin overruled in anything?
    pub(super) fn any(&self) -> bool {
        *self != Self::default()
    }
}
