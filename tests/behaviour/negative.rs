//! Answers whose origin states no freshness, stored by their status: errors, redirects and whatever a route names.

use std::time::Duration;

use support::{Answer, Gate, Origin, TestNode};

const RULES: &str = "[route.cache]\ndefault_ttl = \"5m\"\n[route.cache.status_ttl]\n302 = \"1h\"\n404 = \"1m\"\n4xx = \"10s\"\n5xx = \"5s\"\n";

/// What `Cache-Status` says of the first request for this response.
async fn judged(answer: Answer) -> String {
    let origin = Origin::start().await;
    origin.on("/a", answer);
    let node = TestNode::before(&origin, RULES);
    let response = node.get("/a").await;
    let status = response.header("cache-status").expect("the node says what it did");
    status.strip_prefix("edge-1; fwd=uri-miss; ").expect("nothing was stored").to_owned()
}

#[tokio::test]
async fn the_most_exact_rule_for_a_status_counts() {
    let cases = [
        (200, "ttl=300; stored"),
        (301, "ttl=300; stored"),
        (302, "ttl=3600; stored"),
        (307, "detail=no_freshness"),
        (404, "ttl=60; stored"),
        (403, "ttl=10; stored"),
        (410, "ttl=10; stored"),
        (500, "ttl=5; stored"),
        (503, "ttl=5; stored"),
    ];
    for (status, expected) in cases {
        assert_eq!(judged(Answer::status(status, "a")).await, expected, "{status}");
    }
}

#[tokio::test]
async fn what_the_origin_says_counts_before_any_rule() {
    let cases = [
        ("Cache-Control", "max-age=7", "ttl=7; stored"),
        ("Cache-Control", "no-store", "detail=no_store"),
        ("Cache-Control", "private", "detail=private"),
        ("Cache-Control", "no-cache", "detail=no_cache"),
        ("Cache-Control", "max-age=0", "detail=expired"),
        ("Expires", "0", "detail=expired"),
        ("CDN-Cache-Control", "max-age=8", "ttl=8; stored"),
        ("Set-Cookie", "a=b", "detail=set_cookie"),
        ("Vary", "*", "detail=vary_star"),
    ];
    for (name, value, expected) in cases {
        assert_eq!(judged(Answer::status(404, "a").header(name, value)).await, expected, "{name}: {value}");
    }
}

#[tokio::test]
async fn an_error_is_answered_from_the_store_for_its_time_and_no_longer() {
    for (status, seconds) in [(404, 60), (403, 10), (503, 5)] {
        let origin = Origin::start().await;
        origin.once("/a", Answer::status(status, "down")).on("/a", Answer::ok("up"));
        let windows = "stale_while_revalidate = \"1h\"\nstale_if_error = \"1h\"\ndefault_ttl";
        let node = TestNode::before(&origin, &RULES.replace("default_ttl", windows));
        node.get("/a").await;
        node.advance(Duration::from_secs(seconds - 1));
        let hit = node.get("/a").await;
        assert_eq!((hit.status, hit.header("cache-status")), (status, Some("edge-1; hit; ttl=1")));
        node.advance(Duration::from_secs(1));
        assert_eq!(node.get("/a").await.text(), "up", "no window makes an error last: {status}");
        assert_eq!(origin.count("/a"), 2);
    }
}

#[tokio::test]
async fn an_error_does_not_take_the_place_of_what_stands_in_for_it() {
    let origin = Origin::start().await;
    origin.once("/a", Answer::ok("kept").header("Cache-Control", "max-age=60, stale-if-error=600"));
    origin.on("/a", Answer::status(503, "down"));
    let node = TestNode::before(&origin, RULES);
    node.get("/a").await;
    node.advance(Duration::from_secs(60));
    for _ in 0..3 {
        let response = node.get("/a").await;
        assert_eq!((response.status, response.text()), (200, "kept"));
        node.advance(Duration::from_secs(2));
    }
}

#[tokio::test]
async fn an_error_that_a_background_refresh_brings_is_not_stored() {
    let origin = Origin::start().await;
    origin.once("/a", Answer::ok("kept").header("Cache-Control", "max-age=60, stale-while-revalidate=600"));
    origin.on("/a", Answer::status(503, "down"));
    let node = TestNode::before(&origin, RULES);
    node.get("/a").await;
    node.advance(Duration::from_secs(60));
    for _ in 0..3 {
        assert_eq!(node.get("/a").await.text(), "kept");
        node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
        node.advance(Duration::from_secs(3));
    }
    assert!(origin.count("/a") > 1);
}

#[tokio::test]
async fn another_variant_than_the_stale_one_waits_for_nobody_and_is_told_of_the_error() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    let varied = |answer: Answer| answer.header("Vary", "X-Kind");
    origin.once("/a", varied(Answer::ok("kept")).header("Cache-Control", "max-age=60, stale-if-error=600"));
    origin.once("/a", varied(Answer::status(503, "down")).after(&gate)).on("/a", Answer::status(503, "own"));
    let node = TestNode::before(&origin, "");
    node.get_with("/a", &[("X-Kind", "1")]).await;
    node.advance(Duration::from_secs(60));
    let mut clients = [node.connect().await, node.connect().await];
    clients[0].send("GET /a HTTP/1.1\r\nHost: test.example\r\nX-Kind: 1\r\n\r\n").await;
    origin.requests_reach(2).await;
    clients[1].send("GET /a HTTP/1.1\r\nHost: test.example\r\nX-Kind: 2\r\n\r\n").await;
    let other = clients[1].response().await;
    assert_eq!((other.status, other.text()), (503, "own"));
    gate.open();
    assert_eq!(clients[0].response().await.text(), "kept");
}
