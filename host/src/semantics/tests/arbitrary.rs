//! Rules that hold whatever a message says: arbitrary header sections through everything that reads one.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use proptest::prelude::*;

use crate::clock::Timestamp;
use crate::semantics::{
    CacheControl, Candidate, Forwarded, Overrides, Pieces, Policy, Reuse, Selection, Targets, Verdict, Wishes, fields,
    http_date, none_match_names, not_modified, pieces, range_applies, reduce_to_not_modified, reuse, update,
    usable_on_error, validation,
};

/// The fields that anything here reads.
const NAMES: [&str; 24] = [
    "cache-control",
    "cdn-cache-control",
    "surrogate-control",
    "pragma",
    "age",
    "date",
    "expires",
    "last-modified",
    "etag",
    "vary",
    "set-cookie",
    "authorization",
    "connection",
    "te",
    "content-length",
    "content-range",
    "content-type",
    "accept",
    "if-none-match",
    "if-modified-since",
    "if-match",
    "if-range",
    "range",
    "cdn-loop",
];

/// What such fields are made of.
const PIECES: [&str; 32] = [
    "max-age",
    "s-maxage",
    "=",
    "60",
    "0",
    "-1",
    "99999999999999999999",
    "\"",
    ",",
    ";",
    " ",
    "no-store",
    "no-cache",
    "private",
    "public",
    "must-understand",
    "must-revalidate",
    "stale-while-revalidate",
    "stale-if-error",
    "*",
    "accept",
    "cookie",
    "bytes=",
    "0-",
    "-5",
    "W/",
    "\"a\"",
    "close",
    "Fri, 15 Jan 2027 08:00:00 GMT",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "edge-1",
];

fn values() -> impl Strategy<Value = HeaderValue> {
    let made =
        prop::collection::vec(prop::sample::select(&PIECES[..]), 0..6).prop_map(|pieces| pieces.concat().into_bytes());
    let random = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![3 => made, 1 => random].prop_filter_map("no value", |bytes| HeaderValue::from_bytes(&bytes).ok())
}

const TARGETED: [&str; 2] = ["cdn-cache-control", "surrogate-control"];

fn sections() -> impl Strategy<Value = HeaderMap> {
    let names = prop::sample::select(&NAMES[..]).prop_map(HeaderName::from_static);
    prop::collection::vec((names, values()), 0..8).prop_map(|lines| {
        let mut map = HeaderMap::new();
        lines.into_iter().for_each(|(name, value)| _ = map.append(name, value));
        map
    })
}

fn verdict(request: &HeaderMap, status: u16, response: &HeaderMap) -> Verdict {
    let now = Timestamp::from_unix(Duration::from_secs(1_800_000_000));
    Candidate {
        method: &Method::GET,
        request,
        status: StatusCode::from_u16(status).expect("within the range of statuses"),
        response,
        requested: now,
        received: now,
        targets: &Targets::new(&TARGETED.map(HeaderName::from_static), "edge-1"),
        policy: &Policy::default(),
        overrides: crate::semantics::Overrides::default(),
    }
    .verdict()
}

/// From now to the end of the year 9999, the last that a date can name.
const LIFETIME_MAX: Duration = Duration::from_secs(253_402_300_800);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_stored_was_allowed_and_has_an_end(
        request in sections(),
        status in prop_oneof![Just(200), 100_u16..1_000],
        response in sections(),
    ) {
        let Verdict::Store(freshness) = verdict(&request, status, &response) else { return Ok(()) };
        let control = CacheControl::of(&response);
        let targeted = TARGETED.iter().any(|name| response.contains_key(*name));
        prop_assert!(targeted || !control.private);
        prop_assert!(targeted || !control.no_store || control.must_understand);
        prop_assert!(!fields::list(&response, &header::VARY).any(|name| name == "*"));
        prop_assert!(freshness.lifetime <= LIFETIME_MAX, "{:?}", freshness.lifetime);
        prop_assert!(!matches!(status, 100..=199 | 206 | 304));
    }

    #[test]
    fn what_is_used_is_fresh_or_was_allowed_to_be_stale(
        response in sections(),
        request in sections(),
        age in prop_oneof![0_u64..200, any::<u64>()],
    ) {
        let Verdict::Store(terms) = verdict(&HeaderMap::new(), 200, &response) else { return Ok(()) };
        let (age, wishes) = (Duration::from_secs(age), Wishes::of(&request));
        match reuse(&terms, age, &wishes) {
            Reuse::Fresh => prop_assert!(age < terms.lifetime && !terms.validate_always && !wishes.no_cache),
            Reuse::Stale => prop_assert!(!terms.never_stale && wishes.max_stale.is_some()),
            Reuse::StaleWhileRevalidate => prop_assert!(!terms.never_stale && !terms.while_revalidate.is_zero()),
            Reuse::Validate(why) => prop_assert!(matches!(why, Forwarded::Stale | Forwarded::Request)),
        }
        prop_assert!(!usable_on_error(&terms, age) || !(terms.never_stale || terms.validate_always));
    }

    #[test]
    fn nothing_is_known_to_the_client_unless_it_says_so(request in sections(), stored in sections()) {
        let received = Timestamp::from_unix(Duration::from_secs(1_800_000_000));
        let conditional = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE].iter().any(|name| request.contains_key(name));
        prop_assert!(!not_modified(&request, &stored, received) || conditional);
        prop_assert!(!none_match_names(&request, &stored) || request.contains_key(header::IF_NONE_MATCH));
        prop_assert!(range_applies(&request, &stored) || request.contains_key(header::IF_RANGE));
    }

    #[test]
    fn a_request_selects_what_it_was_answered_with(request in sections(), response in sections()) {
        prop_assert!(Selection::of(&response, &request).matches(&request, None));
    }

    #[test]
    fn one_connections_fields_stay_on_it(mut message in sections()) {
        let signed = message.get_all("cdn-loop").iter().count();
        fields::strip_hop_by_hop(&mut message);
        prop_assert!(!message.contains_key(header::CONNECTION) && !message.contains_key(header::TE));
        prop_assert_eq!(message.get_all("cdn-loop").iter().count(), signed);
    }

    #[test]
    fn a_confirmed_response_keeps_what_describes_its_body(stored in sections(), confirmed in sections()) {
        let mut updated = stored.clone();
        update(&mut updated, &confirmed);
        for name in [header::CONTENT_LENGTH, header::CONTENT_RANGE, header::ETAG] {
            prop_assert_eq!(fields::joined(&updated, &name), fields::joined(&stored, &name));
        }
        prop_assert!(validation(&updated).count() <= 2);
        reduce_to_not_modified(&mut updated);
        prop_assert!(!updated.contains_key(header::CONTENT_LENGTH) && !updated.contains_key(header::CONTENT_TYPE));
    }

    #[test]
    fn any_value_is_a_range_or_none_and_a_date_or_none(value in values(), length in any::<u64>()) {
        _ = http_date(&value);
        if let Pieces::Some(found) = pieces(&String::from_utf8_lossy(value.as_bytes()), length) {
            prop_assert!(found.iter().all(|piece| piece.start < piece.end && piece.end <= length));
        }
    }
}
