//! A request's look into the cache: what it brings, and what the back-off knows of its origin.

use std::sync::Arc;

use super::failure::Failure;
use super::visit::Visit;
use crate::cache::{Ask, Entry, Key, Lookup, Parts, StaleUse, Standing};
use crate::clock::Timestamp;
use crate::origin::Origin;

/// What the cache has to say, or whose turn it is to fetch.
pub(super) fn up(visit: &Visit<'_>, origin: &Origin, key: &Key, now: Timestamp) -> Result<Lookup, Failure> {
    let standing = standing(visit, origin, key, now)?;
    Ok(visit.edge.cache.lookup(key, &Ask { standing: &standing, ..ask(visit)? }, now))
}

/// How the origin does, as far as the route lets a stale response stand in for it.
pub(super) fn standing<'v>(
    visit: &'v Visit<'_>,
    origin: &'v Origin,
    key: &'v Key,
    now: Timestamp,
) -> Result<impl Fn(StaleUse) -> Standing + 'v, Failure> {
    let passage = visit.passage()?;
    Ok(move |purpose| {
        let Some(doubt) = visit.edge.backoff.doubt(origin.name(), key.as_str(), now) else { return Standing::Well };
        let covered = purpose == StaleUse::WhileRevalidate || passage.route.policy.covers(doubt.trouble);
        if covered { doubt.standing } else { Standing::Well }
    })
}

/// An entry that answers as it is; nobody's turn is taken.
pub(super) fn peek(visit: &Visit<'_>, key: &Key, now: Timestamp) -> Result<Option<Arc<Entry>>, Failure> {
    Ok(visit.edge.cache.peek(key, &ask(visit)?, now))
}

/// Parts that may be used as they are; nobody's turn is taken.
pub(super) fn peek_parts(visit: &Visit<'_>, key: &Key, now: Timestamp) -> Result<Option<Arc<Parts>>, Failure> {
    Ok(visit.edge.cache.peek_parts(key, &ask(visit)?, now))
}

fn ask<'v>(visit: &'v Visit<'_>) -> Result<Ask<'v>, Failure> {
    let passage = visit.passage()?;
    Ok(Ask { headers: &passage.head.headers, wishes: passage.wishes, standing: &|_| Standing::Well })
}
