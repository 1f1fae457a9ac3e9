//! Tables of what is stored, refused, and on which terms.

use super::*;
use crate::semantics::tests::headers;

type Lines<'a> = &'a [(&'static str, &'a str)];

fn policy() -> Policy {
    Policy { default_ttl: Some(Duration::from_secs(300)), ..Policy::default() }
}

fn judge(method: Method, request: Lines<'_>, status: u16, response: Lines<'_>) -> Verdict {
    judge_by(&policy(), method, request, (status, response))
}

fn judge_by(policy: &Policy, method: Method, request: Lines<'_>, response: (u16, Lines<'_>)) -> Verdict {
    judge_over((policy, Overrides::default()), &method, request, response)
}

fn judge_over(
    (policy, overrides): (&Policy, Overrides),
    method: &Method,
    request: Lines<'_>,
    (status, response): (u16, Lines<'_>),
) -> Verdict {
    let now = Timestamp::from_unix(Duration::from_secs(1_000_000_000));
    Candidate {
        method,
        request: &headers(request),
        status: StatusCode::from_u16(status).expect("a test status"),
        response: &headers(response),
        requested: now,
        received: now,
        targets: &Targets::new(&[HeaderName::from_static("surrogate-control")], "edge-1"),
        policy,
        overrides,
    }
    .verdict()
}

#[test]
fn what_is_refused_and_why() {
    let fresh = ("cache-control", "max-age=60");
    let cases: [(Method, Lines<'_>, u16, Lines<'_>, Refusal); 15] = [
        (Method::POST, &[], 200, &[fresh], Refusal::Method),
        (Method::GET, &[], 206, &[fresh], Refusal::Partial),
        (Method::GET, &[], 304, &[fresh], Refusal::Status),
        (Method::GET, &[], 200, &[("cache-control", "no-store, max-age=60")], Refusal::NoStore),
        (Method::GET, &[], 200, &[("cache-control", "private, max-age=60")], Refusal::Private),
        (Method::GET, &[], 200, &[("cache-control", "no-cache")], Refusal::NoCache),
        (Method::GET, &[("authorization", "Basic x")], 200, &[fresh], Refusal::Authorization),
        (Method::GET, &[], 200, &[fresh, ("vary", "accept, *")], Refusal::VaryStar),
        (Method::GET, &[], 200, &[fresh, ("vary", "accept language")], Refusal::VaryStar),
        (Method::GET, &[], 200, &[fresh, ("vary", "accept, X-Forwarded-For")], Refusal::VaryClient),
        (Method::GET, &[], 200, &[fresh, ("vary", "x-request-id")], Refusal::VaryClient),
        (Method::GET, &[], 200, &[("set-cookie", "a=b")], Refusal::SetCookie),
        (Method::GET, &[], 500, &[], Refusal::NoFreshness),
        (Method::GET, &[], 200, &[("cache-control", "max-age=0")], Refusal::Expired),
        (Method::GET, &[], 200, &[fresh, ("age", "60")], Refusal::Expired),
    ];
    for (method, request, status, response, expected) in cases {
        assert_eq!(judge(method, request, status, response), Verdict::Refuse(expected), "{status} {response:?}");
    }
}

#[test]
fn what_is_stored_and_for_how_long() {
    let cases: [(Lines<'_>, u16, Lines<'_>, u64); 10] = [
        (&[], 200, &[("cache-control", "max-age=60")], 60),
        (&[], 200, &[], 300),
        (&[], 404, &[], 300),
        (&[], 500, &[("cache-control", "max-age=60")], 60),
        (&[("authorization", "x")], 200, &[("cache-control", "public, max-age=60")], 60),
        (&[("authorization", "x")], 200, &[("cache-control", "s-maxage=7")], 7),
        (&[], 200, &[("set-cookie", "a=b"), ("cache-control", "max-age=60")], 60),
        (&[], 200, &[("cache-control", "no-store"), ("surrogate-control", "max-age=7;edge-1")], 7),
        (&[], 200, &[("cache-control", "max-age=60"), ("surrogate-control", "max-age=7;other")], 60),
        (&[], 200, &[("cache-control", "no-store, must-understand, max-age=60")], 60),
    ];
    for (request, status, response, seconds) in cases {
        let Verdict::Store(freshness) = judge(Method::GET, request, status, response) else {
            panic!("{response:?} is refused");
        };
        assert_eq!(freshness.lifetime, Duration::from_secs(seconds), "{response:?}");
    }
}

/// The lifetime in seconds, or the word of the refusal.
type Ruling = Result<u64, &'static str>;

fn ruled(policy: &Policy, status: u16, response: Lines<'_>) -> Ruling {
    match judge_by(policy, Method::GET, &[], (status, response)) {
        Verdict::Store(freshness) => Ok(freshness.lifetime.as_secs()),
        Verdict::Refuse(refusal) => Err(refusal.word()),
    }
}

#[test]
fn a_ttl_by_status_counts_where_the_origin_is_silent() {
    let seconds = Duration::from_secs;
    let status_ttl = vec![(404..=404, seconds(60)), (302..=302, seconds(0)), (500..=599, seconds(5))];
    let policy = Policy { status_ttl, ..policy() };
    let cases: [(u16, Lines<'_>, Ruling); 12] = [
        (404, &[], Ok(60)),
        (410, &[], Ok(300)),
        (503, &[], Ok(5)),
        (302, &[], Err("no_freshness")),
        (302, &[("etag", "\"1\"")], Ok(0)),
        (307, &[], Err("no_freshness")),
        (404, &[("cache-control", "max-age=7")], Ok(7)),
        (503, &[("expires", "Sun, 09 Sep 2001 01:47:00 GMT")], Ok(20)),
        (503, &[("cache-control", "no-store")], Err("no_store")),
        (404, &[("cache-control", "private")], Err("private")),
        (404, &[("set-cookie", "a=b")], Err("set_cookie")),
        (404, &[("cache-control", "no-cache")], Err("no_cache")),
    ];
    for (status, response, expected) in cases {
        assert_eq!(ruled(&policy, status, response), expected, "{status} {response:?}");
    }
}

#[test]
fn cookies_are_stored_only_where_both_origin_and_operator_allow_it() {
    let never = Policy { store_set_cookie: false, ..policy() };
    let cookie = ("set-cookie", "a=b");
    let cases: [(Lines<'_>, Ruling, Ruling); 4] = [
        (&[cookie], Err("set_cookie"), Err("set_cookie")),
        (&[cookie, ("cache-control", "max-age=9")], Ok(9), Err("set_cookie")),
        (&[cookie, ("cache-control", "public")], Ok(300), Err("set_cookie")),
        (&[cookie, ("cache-control", "private=\"set-cookie\"")], Ok(300), Ok(300)),
    ];
    for (response, by_default, by_never) in cases {
        assert_eq!(ruled(&policy(), 200, response), by_default, "{response:?}");
        assert_eq!(ruled(&never, 200, response), by_never, "{response:?}");
    }
}

#[test]
fn the_operators_windows_are_for_what_the_origin_left_open() {
    let seconds = Duration::from_secs;
    let policy = Policy { while_revalidate: seconds(7), if_error: seconds(8), ..policy() };
    let tag = ("etag", "\"1\"");
    let cases: [(u16, Lines<'_>, (u64, u64)); 6] = [
        (200, &[("cache-control", "max-age=60")], (7, 8)),
        (200, &[("cache-control", "max-age=60, stale-while-revalidate=0")], (0, 8)),
        (200, &[("cache-control", "max-age=60, stale-if-error=9")], (7, 9)),
        (200, &[("surrogate-control", "max-age=60+5")], (5, 5)),
        (200, &[("cache-control", "max-age=0"), tag], (0, 0)),
        (503, &[("cache-control", "max-age=60")], (0, 0)),
    ];
    for (status, response, expected) in cases {
        let verdict = judge_by(&policy, Method::GET, &[], (status, response));
        let Verdict::Store(freshness) = verdict else { panic!("{response:?} is refused") };
        let found = (freshness.while_revalidate.as_secs(), freshness.if_error.as_secs());
        assert_eq!(found, expected, "{status} {response:?}");
    }
}

#[test]
fn what_gave_the_lifetime_is_told() {
    let hour = Duration::from_secs(3_600);
    let status_ttl = vec![(404..=404, hour)];
    let policy = Policy { default_ttl: None, status_ttl, ..Policy::default() };
    let tag = ("etag", "\"1\"");
    let expires = ("expires", "Sun, 09 Sep 2001 02:46:40 GMT");
    let modified = ("last-modified", "Sat, 08 Sep 2001 15:46:40 GMT");
    let every = ("cache-control", "max-age=3600, s-maxage=3600");
    let cases: [(u16, Lines<'_>, LifetimeSource); 9] = [
        (404, &[("surrogate-control", "max-age=3600"), every, expires], LifetimeSource::Targeted),
        (404, &[every, expires, modified], LifetimeSource::SMaxage),
        (404, &[("cache-control", "max-age=3600"), expires, modified], LifetimeSource::MaxAge),
        (404, &[expires, modified], LifetimeSource::Expires),
        (404, &[modified], LifetimeSource::StatusTtl),
        (200, &[modified], LifetimeSource::Heuristic),
        (200, &[tag], LifetimeSource::Nothing),
        (200, &[("cache-control", "no-cache"), tag], LifetimeSource::Nothing),
        (410, &[("surrogate-control", "no-cache"), every, tag], LifetimeSource::Nothing),
    ];
    let source = |policy: &Policy, status, response| match judge_by(policy, Method::GET, &[], (status, response)) {
        Verdict::Store(freshness) => (freshness.source, freshness.lifetime),
        Verdict::Refuse(refusal) => panic!("{response:?} is refused: {}", refusal.word()),
    };
    for (status, response, expected) in cases {
        let lifetime = if expected == LifetimeSource::Nothing { Duration::ZERO } else { hour };
        assert_eq!(source(&policy, status, response), (expected, lifetime), "{status} {response:?}");
    }
    let policy = Policy { default_ttl: Some(hour), ..policy };
    assert_eq!(source(&policy, 200, &[modified]), (LifetimeSource::DefaultTtl, hour));
}

#[test]
fn a_filter_overrides_times_and_nothing_that_protects() {
    let seconds = Duration::from_secs;
    let says = |ttl: u64, window: u64| Overrides {
        ttl: Some(seconds(ttl)),
        while_revalidate: Some(seconds(window)),
        if_error: Some(seconds(window)),
    };
    let judge = |overrides, response: Lines<'_>| judge_over((&policy(), overrides), &Method::GET, &[], (200, response));
    for response in [
        &[("cache-control", "max-age=60, stale-while-revalidate=1")][..],
        &[("cache-control", "max-age=0")],
        &[("cache-control", "s-maxage=60"), ("age", "7")],
        &[("expires", "0")],
        &[],
    ] {
        let Verdict::Store(freshness) = judge(says(30, 5), response) else { panic!("{response:?}") };
        assert_eq!(freshness.lifetime - freshness.initial_age, seconds(30), "{response:?}");
        assert_eq!((freshness.while_revalidate, freshness.if_error), (seconds(5), seconds(5)), "{response:?}");
        assert_eq!((freshness.never_stale, freshness.source), (false, LifetimeSource::Filter), "{response:?}");
    }
    for (value, refusal) in
        [("no-store", Refusal::NoStore), ("private", Refusal::Private), ("no-cache", Refusal::NoCache)]
    {
        assert_eq!(judge(says(30, 0), &[("cache-control", value)]), Verdict::Refuse(refusal), "{value}");
    }
    let Verdict::Store(strict) = judge(says(30, 5), &[("cache-control", "max-age=9, must-revalidate")]) else {
        panic!("it may be stored")
    };
    assert!(strict.never_stale, "an origin that says so is not used stale");
    assert_eq!(judge(says(30, 0), &[("set-cookie", "a=b")]), Verdict::Refuse(Refusal::SetCookie));
    assert_eq!(judge(says(0, 0), &[("cache-control", "max-age=60")]), Verdict::Refuse(Refusal::Expired));
}
