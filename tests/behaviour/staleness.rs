//! Stale responses while a fresh one is fetched, and in the place of a failing origin (RFC 5861).

use std::time::Duration;

use support::{Answer, Gate, Origin, TestNode, one_route};

fn lasting(body: &str, directives: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", directives)
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test]
async fn a_stale_response_is_sent_at_once_and_refreshed_once() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    let answer = |body| lasting(body, "max-age=60, stale-while-revalidate=30");
    origin.once("/a", answer("old")).on("/a", answer("new").after(&gate));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(seconds(70));
    for _ in 0..5 {
        let stale = node.get("/a").await;
        assert_eq!((stale.text(), stale.header("age")), ("old", Some("70")));
        assert_eq!(stale.header("cache-status"), Some("edge-1; hit; ttl=-10; detail=stale_while_revalidate"));
    }
    origin.requests_reach(2).await;
    gate.open();
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    let renewed = node.get("/a").await;
    assert_eq!((renewed.text(), renewed.header("cache-status")), ("new", Some("edge-1; hit; ttl=60")));
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_background_refresh_validates() {
    let origin = Origin::start().await;
    let directives = "max-age=60, stale-while-revalidate=30";
    origin.once("/a", lasting("kept", directives).header("ETag", "\"1\""));
    origin.on("/a", Answer::status(304, "").header("Cache-Control", directives));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(seconds(60));
    node.get("/a").await;
    origin.requests_reach(2).await;
    assert_eq!(origin.seen()[1].header("if-none-match"), Some("\"1\""));
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    let hit = node.get("/a").await;
    assert_eq!((hit.text(), hit.header("cache-status")), ("kept", Some("edge-1; hit; ttl=60")));
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_what_is_stored() {
    let origin = Origin::start().await;
    origin.once("/a", lasting("kept", "max-age=60, stale-while-revalidate=30")).on("/a", Answer::status(500, "broken"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(seconds(60));
    for asked in 2..5 {
        assert_eq!(node.get("/a").await.text(), "kept");
        origin.requests_reach(asked).await;
        node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    }
}

#[tokio::test]
async fn after_its_window_a_stale_response_waits_for_the_origin() {
    let origin = Origin::start().await;
    let answer = |body| lasting(body, "max-age=60, stale-while-revalidate=30");
    origin.once("/a", answer("old")).on("/a", answer("new"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(seconds(90));
    let response = node.get("/a").await;
    assert_eq!((response.text(), response.header("cache-status")), ("new", Some("edge-1; fwd=stale; ttl=60; stored")));
}

#[tokio::test]
async fn must_revalidate_forbids_the_window() {
    for strict in ["must-revalidate", "proxy-revalidate", "s-maxage=60"] {
        let origin = Origin::start().await;
        let answer = |body| lasting(body, &format!("max-age=60, stale-while-revalidate=30, {strict}"));
        origin.once("/a", answer("old")).on("/a", answer("new"));
        let node = TestNode::before(&origin, "");
        node.get("/a").await;
        node.advance(seconds(60));
        assert_eq!(node.get("/a").await.text(), "new", "{strict}");
    }
}

#[tokio::test]
async fn a_client_that_limits_the_age_gets_no_stale_response() {
    for (wish, body) in [("max-age=600", "new"), ("max-age=600, max-stale=20", "old")] {
        let origin = Origin::start().await;
        let answer = |body| lasting(body, "max-age=60, stale-while-revalidate=30");
        origin.once("/a", answer("old")).on("/a", answer("new"));
        let node = TestNode::before(&origin, "");
        node.get("/a").await;
        node.advance(seconds(70));
        assert_eq!(node.get_with("/a", &[("Cache-Control", wish)]).await.text(), body, "{wish}");
    }
}

/// A node whose origin has answered `first` for `/a` once and answers `then` from now on.
async fn failing(first: Answer, then: Answer) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.once("/a", first).on("/a", then);
    let timeout = "first_byte_timeout = \"200ms\"\n[[route]]";
    let node = TestNode::start(&one_route(&origin).replace("[[route]]", timeout));
    node.get("/a").await;
    (origin, node)
}

#[tokio::test]
async fn a_stale_response_stands_in_for_an_origin_that_fails() {
    let failures = [Answer::status(500, "down"), Answer::status(503, "down"), Answer::hang_up(), Answer::never()];
    for failure in failures {
        let (origin, node) = failing(lasting("kept", "max-age=60, stale-if-error=30"), failure.clone()).await;
        node.advance(seconds(89));
        let stale = node.get("/a").await;
        assert_eq!((stale.status, stale.text(), stale.header("age")), (200, "kept", Some("89")), "{failure:?}");
        assert_eq!(
            stale.header("cache-status"),
            Some("edge-1; fwd=stale; ttl=-29; detail=stale_if_error"),
            "{failure:?}"
        );
        assert!(origin.count("/a") >= 2, "the origin was asked first");
        node.advance(seconds(1));
        assert!(node.get("/a").await.status >= 500, "the window is over: {failure:?}");
    }
}

#[tokio::test]
async fn a_stale_response_stands_in_for_an_origin_that_is_gone() {
    let (origin, node) = failing(lasting("kept", "max-age=60, stale-if-error=30"), Answer::ok("never")).await;
    drop(origin);
    node.advance(seconds(60));
    let stale = node.get("/a").await;
    assert_eq!((stale.status, stale.text()), (200, "kept"));
    node.advance(seconds(30));
    assert_eq!(node.get("/a").await.status, 502);
}

#[tokio::test]
async fn an_error_is_told_where_the_origin_forbids_to_hide_it() {
    let directives = [
        "max-age=60",
        "max-age=60, stale-if-error=30, must-revalidate",
        "max-age=60, stale-if-error=30, proxy-revalidate",
        "s-maxage=60, stale-if-error=30",
        "max-age=60, stale-if-error=0",
    ];
    for directives in directives {
        for (failure, status) in [(Answer::status(503, "down"), 503), (Answer::hang_up(), 502)] {
            let (_origin, node) = failing(lasting("kept", directives), failure).await;
            node.advance(seconds(61));
            assert_eq!(node.get("/a").await.status, status, "{directives}");
        }
    }
}

#[tokio::test]
async fn an_answer_below_500_is_no_error() {
    let (_origin, node) = failing(lasting("kept", "max-age=60, stale-if-error=30"), Answer::status(404, "gone")).await;
    node.advance(seconds(61));
    assert_eq!(node.get("/a").await.status, 404);
}
