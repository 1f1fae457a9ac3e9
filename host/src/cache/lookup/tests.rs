//! What lookups, leads, fills and followers promise each other, without any origin.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{FutureExt, poll_immediate};
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use http_body_util::BodyExt;
use prometheus::Registry;

use crate::body::BodyError;
use crate::cache::{
    Aside, Ask, Cache, FetchFailure, Filling, Follower, Head, Key, KeyRules, KeyShape, Landing, Lead, Lookup, Miss,
    PassReason, Recall, Stale, StaleUse, Standing, Turn,
};
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::semantics::{Forwarded, Freshness, ProxyError, Refusal, RequestHead, Selection, Wishes};

const OBJECT_BYTES_MAX: u64 = 2 << 20;

pub(in crate::cache) struct House {
    pub(in crate::cache) cache: Cache,
    pub(in crate::cache) clock: Clock,
    pub(in crate::cache) key: Key,
    registry: Registry,
}

pub(in crate::cache) fn house() -> House {
    let clock = Clock::set_to(Timestamp::from_unix(Duration::from_secs(1_000_000)));
    let limits = config::Cache {
        memory_bytes: 64 << 20,
        object_bytes_max: OBJECT_BYTES_MAX,
        fills_max: 3,
        uncacheable_ttl: Duration::from_secs(120),
        purge_records_max: 100,
        targeted_fields: Vec::new(),
        retry_backoff_max: Duration::ZERO,
        disk: None,
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
    House {
        cache,
        clock,
        key: Key::of(&request, &KeyShape { rules: &KeyRules::default(), origin: None, extra: None }),
        registry,
    }
}

impl House {
    pub(in crate::cache) fn look(&self) -> Lookup {
        self.look_for(&HeaderMap::new())
    }

    fn look_for(&self, headers: &HeaderMap) -> Lookup {
        self.look_while(Standing::Well, headers)
    }

    fn look_while(&self, standing: Standing, headers: &HeaderMap) -> Lookup {
        let ask = Ask { headers, wishes: Wishes::of(headers), standing: &|_| standing, recall: &Recall::Unasked };
        self.cache.lookup(&self.key, &ask, self.clock.now()).expect("there is no disk")
    }

    pub(in crate::cache) fn lead(&self) -> Lead {
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

    pub(in crate::cache) fn head(&self, length: Option<u64>) -> Head {
        Head {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            freshness: Freshness { lifetime: Duration::from_secs(60), ..Freshness::default() },
            received: self.clock.now(),
            selection: Selection::default(),
            length,
            forms: None,
            aside: Aside::default(),
        }
    }

    pub(in crate::cache) fn gauge(&self, name: &str) -> f64 {
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
    filling.finish().await;
    assert_eq!(body(shared(early).await).await.expect("whole"), "abcdef");
    assert_eq!(body(shared(late).await).await.expect("whole"), "abcdef");
    match house.look() {
        Lookup::Hit(entry) => assert_eq!(entry.content.here().expect("in memory"), "abcdef"),
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
    house.lead().fail(FetchFailure { error: ProxyError::DnsError, own_word: None, detail: "x".into() });
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_waited_and_to_nobody_after() {
    let house = house();
    let failure = FetchFailure { error: ProxyError::ConnectionRefused, own_word: None, detail: "x".into() };
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
    lead.release(Refusal::NoStore);
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
            _ => filling.finish().await,
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
    house.lead().fill(head).finish().await;
    let look = |headers: &HeaderMap| house.look_for(headers);
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
        let look = house.look_for(&request);
        let Lookup::Miss(Miss { turn: Turn::Lead(lead), .. }) = look else { panic!("{language} leads") };
        let mut filling = lead.fill(head);
        push(&mut filling, text.as_bytes()).await;
        filling.finish().await;
    }
    for (language, expected) in [("de", "zwei"), ("en", "one")] {
        match house.look_for(&asking_in(language)) {
            Lookup::Hit(entry) => assert_eq!(entry.content.here().expect("in memory"), expected),
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
    filling.finish().await;
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
    filling.finish().await;
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
    house.lead().fill(head).finish().await;
    house.clock.advance(Duration::from_secs(61));
    let first = house.look();
    assert!(matches!(&first, Lookup::Stale(Stale { refresh: Some(_), cause: StaleUse::WhileRevalidate, .. })));
    assert!(matches!(house.look(), Lookup::Stale(Stale { refresh: None, .. })), "one refreshes");
    let Lookup::Stale(Stale { entry, refresh: Some(lead), .. }) = first else { panic!("checked above") };
    lead.renew(house.head(None), &entry);
    assert!(matches!(house.look(), Lookup::Hit(_)));
}

#[tokio::test]
async fn an_origin_that_failed_is_asked_by_one_when_it_is_due_and_by_nobody_while_it_rests() {
    let house = house();
    let mut head = house.head(None);
    head.freshness.if_error = Duration::from_secs(30);
    house.lead().fill(head).finish().await;
    house.clock.advance(Duration::from_secs(61));
    let none = HeaderMap::new();
    let resting = house.look_while(Standing::Resting, &none);
    assert!(matches!(resting, Lookup::Stale(Stale { refresh: None, cause: StaleUse::BackOff, .. })));
    let due = house.look_while(Standing::Due, &none);
    assert!(matches!(due, Lookup::Stale(Stale { refresh: Some(_), cause: StaleUse::IfError, .. })));
    let next = house.look_while(Standing::Due, &none);
    assert!(matches!(next, Lookup::Stale(Stale { refresh: None, cause: StaleUse::IfError, .. })), "one asks");
    drop(due);
    assert!(matches!(house.look(), Lookup::Miss(Miss { turn: Turn::Lead(_), .. })), "well again: it is waited for");
    house.clock.advance(Duration::from_secs(30));
    assert!(matches!(house.look_while(Standing::Resting, &none), Lookup::Miss(_)), "there is nothing usable any more");
}

#[tokio::test]
async fn a_refresh_that_has_just_ended_is_not_made_again() {
    for _ in 0..300 {
        let house = house();
        let mut head = house.head(None);
        head.freshness.while_revalidate = Duration::from_secs(30);
        house.lead().fill(head).finish().await;
        house.clock.advance(Duration::from_secs(61));
        let start = std::sync::Barrier::new(4);
        let refresh = || {
            start.wait();
            match house.look() {
                Lookup::Stale(Stale { entry, refresh: Some(lead), .. }) => {
                    lead.renew(house.head(None), &entry);
                    1
                }
                _ => 0,
            }
        };
        let refreshes: u32 = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(refresh));
            threads.map(|thread| thread.join().expect("no panic")).iter().sum()
        });
        assert_eq!(refreshes, 1);
    }
}

#[tokio::test]
async fn a_head_is_replaced_only_while_its_entry_is_stored() {
    let house = house();
    house.lead().fill(house.head(None)).finish().await;
    let entry = house.cache.stored(&house.key, &HeaderMap::new(), &Recall::Unasked).expect("stored");
    let renamed = |name: &'static str| {
        let headers = HeaderMap::from_iter([(header::SERVER, HeaderValue::from_static(name))]);
        Head { headers, ..(*entry.head).clone() }
    };
    let server = || {
        house
            .cache
            .stored(&house.key, &HeaderMap::new(), &Recall::Unasked)
            .map(|entry| entry.head.headers["server"].clone())
    };
    house.cache.replace_head(&house.key, &entry, (renamed("a"), entry.validity.epoch()));
    assert_eq!(server().expect("stored"), "a");
    house.cache.replace_head(&house.key, &entry, (renamed("b"), entry.validity.epoch()));
    assert_eq!(server().expect("stored"), "a", "what was looked at is not there any more");
    house.cache.invalidate(&house.key);
    house.cache.replace_head(&house.key, &entry, (renamed("c"), entry.validity.epoch()));
    assert!(server().is_none());
}

#[tokio::test]
async fn above_the_limit_of_fills_each_request_fetches_for_itself() {
    let house = house();
    let leads: Vec<Lead> = (0..3).map(|_| Lead::alone(&house.key, house.cache.shared_shelf(), 0)).collect();
    assert!(matches!(house.look(), Lookup::Pass(PassReason::Busy)));
    drop(leads);
    drop(house.lead());
}
