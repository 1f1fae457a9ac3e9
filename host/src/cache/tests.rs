//! What lookups, leads, fills and followers promise each other, without any origin.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{FutureExt, poll_immediate};
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use http_body_util::BodyExt;
use prometheus::Registry;

use super::{
    Cache, FetchFailure, Filling, Follower, Head, Key, KeyRules, KeyShape, Landing, Lead, Lookup, Miss, PassReason,
    Turn,
};
use crate::body::BodyError;
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::semantics::{Forwarded, Freshness, ProxyError, RequestHead, Selection};

const OBJECT_BYTES_MAX: u64 = 2 << 20;

pub(super) struct House {
    pub(super) cache: Cache,
    pub(super) clock: Clock,
    pub(super) key: Key,
    registry: Registry,
}

pub(super) fn house() -> House {
    let clock = Clock::set_to(Timestamp::from_unix(Duration::from_secs(1_000_000)));
    let limits = config::Cache {
        memory_bytes: 64 << 20,
        object_bytes_max: OBJECT_BYTES_MAX,
        fills_max: 3,
        uncacheable_ttl: Duration::from_secs(120),
    };
    let registry = Registry::new();
    let cache = Cache::new(&limits, clock.clone(), &registry).expect("a cache");
    let request = RequestHead {
        method: Method::GET,
        scheme: Scheme::HTTP,
        authority: "a.example".parse().expect("a test authority"),
        path: "/x".parse().expect("a test path"),
        version: Version::HTTP_11,
        headers: HeaderMap::new(),
    };
    House { cache, clock, key: Key::of(&request, &KeyShape { rules: &KeyRules::default(), origin: None }), registry }
}

impl House {
    pub(super) fn look(&self) -> Lookup {
        self.cache.lookup(&self.key, &HeaderMap::new(), self.clock.now())
    }

    pub(super) fn lead(&self) -> Lead {
        match self.look() {
            Lookup::Miss(Miss { turn: Turn::Lead(lead), .. }) => lead,
            _ => panic!("the first one leads"),
        }
    }

    fn follow(&self) -> Follower {
        match self.look() {
            Lookup::Miss(Miss { turn: Turn::Follow(follower), .. }) => follower,
            _ => panic!("the next one follows"),
        }
    }

    pub(super) fn head(&self, length: Option<u64>) -> Head {
        Head {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            freshness: Freshness { lifetime: Duration::from_secs(60), ..Freshness::default() },
            received: self.clock.now(),
            selection: Selection::default(),
            length,
            forms: None,
        }
    }

    pub(super) fn gauge(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name).expect("registered");
        family.get_metric()[0].get_gauge().get_value()
    }
}

async fn shared(follower: Follower) -> Follower {
    match follower.landing().await {
        Landing::Shared(_, follower) => follower,
        _ => panic!("a shared answer"),
    }
}

async fn body(follower: Follower) -> Result<Bytes, BodyError> {
    follower.collect().await.map(http_body_util::Collected::to_bytes)
}

async fn push(filling: &mut Filling, chunk: &'static [u8]) {
    filling.push(Bytes::from_static(chunk)).await.expect("wanted");
}

#[tokio::test]
async fn late_and_early_followers_read_the_same_body_and_the_next_one_hits() {
    let house = house();
    let lead = house.lead();
    let early = house.follow();
    let mut filling = lead.fill(house.head(Some(6)));
    push(&mut filling, b"abc").await;
    let late = house.follow();
    push(&mut filling, b"def").await;
    filling.finish();
    assert_eq!(body(shared(early).await).await.expect("whole"), "abcdef");
    assert_eq!(body(shared(late).await).await.expect("whole"), "abcdef");
    match house.look() {
        Lookup::Hit(entry) => assert_eq!(entry.body, "abcdef"),
        _ => panic!("stored"),
    }
    assert_eq!(house.gauge("forebay_cache_fills_inflight"), 0.0);
    assert_eq!(house.gauge("forebay_cache_collapsed_waiters"), 0.0);
}

#[tokio::test]
async fn a_lost_lead_wakes_its_followers_and_one_takes_over() {
    let house = house();
    let lead = house.lead();
    let mut waiting = pin!(house.follow().landing());
    assert!(poll_immediate(waiting.as_mut()).await.is_none());
    drop(lead);
    assert!(matches!(waiting.await, Landing::Lost));
    house.lead().fail(FetchFailure { error: ProxyError::DnsError, detail: "x".into() });
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_waited_and_to_nobody_after() {
    let house = house();
    let failure = FetchFailure { error: ProxyError::ConnectionRefused, detail: "x".into() };
    let lead = house.lead();
    let waiting = [house.follow(), house.follow()];
    lead.fail(failure.clone());
    for follower in waiting {
        assert!(matches!(follower.landing().await, Landing::Failed(told) if told == failure));
    }
    drop(house.lead());
}

#[tokio::test]
async fn a_released_key_is_passed_by_for_its_time() {
    let house = house();
    let lead = house.lead();
    let follower = house.follow();
    lead.release();
    assert!(matches!(follower.landing().await, Landing::Released));
    assert!(matches!(house.look(), Lookup::Pass(PassReason::Uncacheable)));
    house.clock.advance(Duration::from_secs(119));
    assert!(matches!(house.look(), Lookup::Pass(PassReason::Uncacheable)));
    house.clock.advance(Duration::from_secs(1));
    drop(house.lead());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_broken_for_all_and_never_stored() {
    for end in ["fail", "drop", "short", "long"] {
        let house = house();
        let lead = house.lead();
        let follower = house.follow();
        let mut filling = lead.fill(house.head(Some(if end == "long" { 2 } else { 6 })));
        push(&mut filling, b"abc").await;
        match end {
            "fail" => filling.fail(BodyError::Incomplete),
            "drop" => drop(filling),
            _ => filling.finish(),
        }
        body(shared(follower).await).await.expect_err(end);
        drop(house.lead());
    }
}

#[tokio::test]
async fn a_body_too_large_to_store_is_passed_on_within_a_window() {
    let house = house();
    let lead = house.lead();
    let mut fast = shared_now(lead.follower());
    let slow = house.follow();
    let mut filling = lead.fill(house.head(None));
    let mut fast = fast.as_mut().await;
    let mut slow = shared(slow).await;
    let chunk = Bytes::from(vec![7_u8; 512 << 10]);
    let mut pushed = 0_usize;
    // The slow one reads nothing, so the writer is stopped soon after the limit.
    while filling.push(chunk.clone()).now_or_never().is_some() {
        pushed += 1;
        fast.frame().await.expect("a frame").expect("data");
        assert!(pushed < 16, "the window is bounded");
    }
    assert!(pushed * chunk.len() >= usize::try_from(OBJECT_BYTES_MAX).expect("small"));
    // A newcomer cannot join any more, and the key is known now.
    assert!(matches!(house.look(), Lookup::Pass(PassReason::Uncacheable)));
    for _ in 0..=pushed {
        slow.frame().await.expect("a frame").expect("data");
    }
    assert!(filling.push(chunk.clone()).now_or_never().is_some(), "there is room again");
    drop(slow);
    drop(fast);
    assert!(filling.push(chunk).await.is_err(), "nobody reads any more");
}

fn shared_now(follower: Follower) -> std::pin::Pin<Box<dyn Future<Output = Follower>>> {
    Box::pin(shared(follower))
}

#[tokio::test]
async fn other_request_headers_and_old_age_are_misses_that_say_so() {
    let house = house();
    let mut german = HeaderMap::new();
    german.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("de"));
    let mut head = house.head(None);
    head.headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    head.selection = Selection::of(&head.headers, &german);
    house.lead().fill(head).finish();
    let look = |headers: &HeaderMap| house.cache.lookup(&house.key, headers, house.clock.now());
    assert!(matches!(look(&german), Lookup::Hit(_)));
    assert!(matches!(look(&HeaderMap::new()), Lookup::Miss(Miss { forwarded: Forwarded::VaryMiss, .. })));
    house.clock.advance(Duration::from_secs(60));
    assert!(matches!(look(&german), Lookup::Miss(Miss { forwarded: Forwarded::Stale, stale: Some(_), .. })));
}

fn asking_in(language: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(language))])
}

#[tokio::test]
async fn variants_stand_side_by_side_and_the_newest_takes_its_own_place() {
    let house = house();
    for (language, text) in [("de", "eins"), ("en", "one"), ("de", "zwei")] {
        let mut request = asking_in(language);
        let mut head = house.head(None);
        head.headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
        head.selection = Selection::of(&head.headers, &request);
        // The third one is fresh already, so it must be asked for.
        request.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let look = house.cache.lookup(&house.key, &request, house.clock.now());
        let Lookup::Miss(Miss { turn: Turn::Lead(lead), .. }) = look else { panic!("{language} leads") };
        let mut filling = lead.fill(head);
        push(&mut filling, text.as_bytes()).await;
        filling.finish();
    }
    for (language, expected) in [("de", "zwei"), ("en", "one")] {
        match house.cache.lookup(&house.key, &asking_in(language), house.clock.now()) {
            Lookup::Hit(entry) => assert_eq!(entry.body, expected),
            _ => panic!("{language} is stored"),
        }
    }
}

#[tokio::test]
async fn what_was_asked_before_an_invalidation_is_not_stored_after_it() {
    let house = house();
    let mut filling = house.lead().fill(house.head(None));
    push(&mut filling, b"old").await;
    house.cache.invalidate(&house.key);
    filling.finish();
    drop(house.lead());
}

#[tokio::test]
async fn a_response_for_one_use_is_kept_for_validation_and_shared_with_nobody() {
    let house = house();
    let lead = house.lead();
    let (own, other) = (lead.follower(), house.follow());
    let mut head = house.head(None);
    head.freshness.validate_always = true;
    let mut filling = lead.fill(head);
    push(&mut filling, b"mine").await;
    filling.finish();
    assert!(matches!(other.landing().await, Landing::Released));
    assert_eq!(body(shared(own).await).await.expect("whole"), "mine");
    let look = house.look();
    assert!(matches!(look, Lookup::Miss(Miss { stale: Some(_), turn: Turn::Lead(_), .. })));
}

#[tokio::test]
async fn a_stale_response_is_served_while_one_request_refreshes_it() {
    let house = house();
    let mut head = house.head(None);
    head.freshness.while_revalidate = Duration::from_secs(30);
    house.lead().fill(head).finish();
    house.clock.advance(Duration::from_secs(61));
    let first = house.look();
    assert!(matches!(&first, Lookup::Stale(_, Some(_))));
    assert!(matches!(house.look(), Lookup::Stale(_, None)), "one refreshes");
    let Lookup::Stale(_, Some(lead)) = first else { panic!("checked above") };
    lead.renew(house.head(None), Bytes::new());
    assert!(matches!(house.look(), Lookup::Hit(_)));
}

#[tokio::test]
async fn above_the_limit_of_fills_each_request_fetches_for_itself() {
    let house = house();
    let leads: Vec<Lead> = (0..3).map(|_| Lead::alone(&house.key, house.cache.shared_shelf())).collect();
    assert!(matches!(house.look(), Lookup::Pass(PassReason::Busy)));
    drop(leads);
    drop(house.lead());
}
