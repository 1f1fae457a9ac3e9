//! A request's look into the cache: what it brings, and what the back-off knows of its origin.

use std::sync::Arc;

use super::backoff::Doubt;
use super::failure::Failure;
use super::visit::{Passage, Visit};
use crate::cache::{Ask, Cold, Entry, Key, KeyShape, Lookup, Parts, StaleUse, Standing};
use crate::clock::Timestamp;
use crate::origin::Origin;

/// The key of the request, by its route's rules; `origin` is in it where a filter chose it.
pub(super) fn key(visit: &Visit<'_>, (origin, chosen): (&Origin, bool)) -> Result<Key, Failure> {
    let passage = visit.passage()?;
    let shape = KeyShape {
        rules: &passage.route.key_rules,
        origin: chosen.then(|| &**origin.name()),
        extra: passage.verbs.as_ref().map(|verbs| &verbs.extra),
    };
    Ok(visit.edge.cache.key(&passage.head, &shape))
}

/// What the cache has to say, or whose turn it is to fetch. Waits for the disk where memory has nothing to say.
pub(super) async fn up(visit: &mut Visit<'_>, origin: &Origin, key: &Key, now: Timestamp) -> Result<Lookup, Failure> {
    loop {
        match once(visit, origin, key, now)? {
            Ok(lookup) => return Ok(lookup),
            // Once it was asked, it is cold no more.
            Err(Cold) => Box::pin(recall(visit, key)).await?,
        }
    }
}

fn once(visit: &Visit<'_>, origin: &Origin, key: &Key, now: Timestamp) -> Result<Result<Lookup, Cold>, Failure> {
    let passage = visit.passage()?;
    let doubt = || visit.edge.backoff.doubt(origin.name(), key.as_str(), now);
    let standing = |purpose| standing(passage, doubt(), purpose);
    let ask =
        Ask { headers: &passage.head.headers, wishes: passage.wishes, standing: &standing, recall: &visit.recall };
    Ok(visit.edge.cache.lookup(key, &ask, now))
}

/// Asks the disk for what memory does not have, for whoever then looks without waiting.
pub(super) async fn recall(visit: &mut Visit<'_>, key: &Key) -> Result<(), Failure> {
    visit.recall = visit.edge.cache.recall(key, &visit.passage()?.head.headers).await;
    Ok(())
}

/// What a doubt about its origin means for a stale response that might be used for this purpose.
pub(super) fn standing(passage: &Passage, doubt: Option<Doubt>, purpose: StaleUse) -> Standing {
    match doubt {
        Some(doubt) if purpose == StaleUse::WhileRevalidate || passage.route.policy.covers(doubt.trouble) => {
            doubt.standing
        }
        _ => Standing::Well,
    }
}

/// An entry that answers as it is. Waits for the disk where memory has nothing to say.
pub(super) async fn peek(visit: &mut Visit<'_>, key: &Key, now: Timestamp) -> Result<Option<Arc<Entry>>, Failure> {
    loop {
        let peeked = visit.edge.cache.peek(key, &ask(visit)?, now);
        match peeked {
            Ok(entry) => return Ok(entry),
            // Once it was asked, it is cold no more.
            Err(Cold) => Box::pin(recall(visit, key)).await?,
        }
    }
}

/// Parts that may be used as they are; nobody's turn is taken.
pub(super) fn peek_parts(visit: &Visit<'_>, key: &Key, now: Timestamp) -> Result<Option<Arc<Parts>>, Failure> {
    Ok(visit.edge.cache.peek_parts(key, &ask(visit)?, now))
}

fn ask<'v>(visit: &'v Visit<'_>) -> Result<Ask<'v>, Failure> {
    let passage = visit.passage()?;
    Ok(Ask {
        headers: &passage.head.headers,
        wishes: passage.wishes,
        standing: &|_| Standing::Well,
        recall: &visit.recall,
    })
}
