//! What the operator of a route lays down about storing, for all that the origin leaves open.
//!
//! Handed to `storing` with every response. It never overrides what an origin forbids.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::StatusCode;

use super::trouble::Trouble;

/// A route's own rules.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The lifetime of a response whose origin states none and whose status allows to guess one.
    pub default_ttl: Option<Duration>,
    /// The same by status, also where none may be guessed; the first range that has the status counts.
    pub status_ttl: Vec<(RangeInclusive<u16>, Duration)>,
    /// The windows of RFC 5861, where the origin says nothing of them.
    pub while_revalidate: Duration,
    pub if_error: Duration,
    /// What a stale response may stand in for.
    pub stale_on: Vec<Trouble>,
    /// Is a response with `Set-Cookie` stored where the origin states a lifetime?
    pub store_set_cookie: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            default_ttl: None,
            status_ttl: Vec::new(),
            while_revalidate: Duration::ZERO,
            if_error: Duration::ZERO,
            stale_on: Trouble::ALL.to_vec(),
            store_set_cookie: true,
        }
    }
}

impl Policy {
    /// The lifetime that the operator gives responses of this status.
    pub(super) fn ttl_of(&self, status: StatusCode) -> Option<Duration> {
        self.status_ttl.iter().find(|(statuses, _)| statuses.contains(&status.as_u16())).map(|(_, ttl)| *ttl)
    }

    /// May a stale response stand in for this?
    pub fn covers(&self, trouble: Trouble) -> bool {
        self.stale_on.contains(&trouble)
    }
}

/// What a filter says of a response's freshness, in the place of what its origin says. It speaks for the time a response
/// is used, not for who may have it: what the origin keeps from shared caches stays so. Of each, `None` leaves it to the
/// origin and the route.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_range_with_the_status_counts() {
        let seconds = Duration::from_secs;
        let status_ttl = vec![(404..=404, seconds(60)), (400..=499, seconds(5))];
        let policy = Policy { status_ttl, ..Policy::default() };
        let ttl = |status| policy.ttl_of(StatusCode::from_u16(status).expect("a test status"));
        assert_eq!(
            [ttl(404), ttl(400), ttl(499), ttl(500)],
            [Some(seconds(60)), Some(seconds(5)), Some(seconds(5)), None]
        );
    }
}
