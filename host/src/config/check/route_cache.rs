//! `[route.cache]`: what a route lays down about storing, beside what origins and clients say.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::cache_key;
use crate::config::bound;
use crate::config::field::Field;
use crate::config::model::{RouteCache, StaleOn};
use crate::config::section::Section;

/// The words of `stale_on`; by default all of them count.
const FAILURES: [(&str, StaleOn); 3] =
    [("connect", StaleOn::Connect), ("timeout", StaleOn::Timeout), ("5xx", StaleOn::ServerError)];

pub(super) fn check(section: &mut Section<'_>) -> RouteCache {
    RouteCache {
        enabled: section.field("enabled").and_then(|field| field.boolean()).unwrap_or(true),
        default_ttl: section.field("default_ttl").and_then(|field| field.duration(&bound::DEFAULT_TTL)),
        key: section.section("key", cache_key::check),
        status_ttl: section.field("status_ttl").map(|field| status_ttl(&field)).unwrap_or_default(),
        stale_while_revalidate: section.duration("stale_while_revalidate", &bound::STALE_WINDOW),
        stale_if_error: section.duration("stale_if_error", &bound::STALE_WINDOW),
        stale_on: section
            .field("stale_on")
            .and_then(|field| stale_on(&field))
            .unwrap_or(FAILURES.map(|it| it.1).into()),
        honour_request: section.field("honour_request").and_then(|field| field.boolean()).unwrap_or(true),
        store_set_cookie: section.field("store_set_cookie").and_then(|field| field.boolean()).unwrap_or(true),
    }
}

fn stale_on(field: &Field<'_>) -> Option<Vec<StaleOn>> {
    Some(field.elements()?.iter().filter_map(|element| element.choice(&FAILURES)).collect())
}

/// Statuses before their classes, so that the first one that has a status is the most exact.
fn status_ttl(field: &Field<'_>) -> Vec<(RangeInclusive<u16>, Duration)> {
    let mut table = Vec::new();
    for (key, member) in field.members().unwrap_or_default() {
        let (statuses, ttl) = (statuses(&key), member.duration(&bound::DEFAULT_TTL));
        match statuses {
            Ok(statuses) => table.extend(ttl.map(|ttl| (statuses, ttl))),
            Err(why) => member.fault(format!("{key:?} {why}")),
        }
    }
    table.sort_by_key(|(statuses, _)| statuses.end() - statuses.start());
    table
}

/// The statuses that a key names: `404`, or the class `4xx`.
fn statuses(key: &str) -> Result<RangeInclusive<u16>, &'static str> {
    const MEND: &str = "is not a status; write one as in \"404\", or a class as in \"5xx\"";
    let digits =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten();
    let range = match key.strip_suffix("xx") {
        Some(class) if class.len() == 1 => digits(class).map(|class| class * 100..=class * 100 + 99),
        None if key.len() == 3 => digits(key).map(|status| status..=status),
        _ => None,
    };
    match range {
        Some(range) if matches!(*range.start(), 206 | 304) => {
            Err("is no whole response and stored in no case by its status; leave it out")
        }
        Some(range) if (200..600).contains(range.start()) => Ok(range),
        Some(range) if (100..200).contains(range.start()) => Err("is never a last response; write 200 to 599"),
        _ => Err(MEND),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_status_or_a_class() {
        for (key, expected) in
            [("404", 404..=404), ("200", 200..=200), ("599", 599..=599), ("5xx", 500..=599), ("2xx", 200..=299)]
        {
            assert_eq!(statuses(key), Ok(expected), "{key}");
        }
        for key in [
            "", "xx", "4x", "4xxx", "404xx", "0404", "+04", "40 ", "600", "099", "000", "6xx", "0xx", "1xx", "100",
            "206", "304", "٤٠٤",
        ] {
            assert!(statuses(key).is_err(), "{key}");
        }
    }
}
