//! Purges while something is being fetched: what was begun before one is never used after it.

use std::time::Duration;

use support::{Answer, Gate, Origin, RawClient, TestNode};

const REQUEST: &str = "GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n";
/// Every scope that `/a` with its tag is in.
const PURGES: [&str; 6] = [
    r#"{"all": true}"#,
    r#"{"host": "test.example"}"#,
    r#"{"url": "http://test.example/a"}"#,
    r#"{"prefix": "http://test.example/"}"#,
    r#"{"tag": "t"}"#,
    r#"{"url": "http://test.example/a", "soft": true}"#,
];

fn fresh(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60").header("Surrogate-Key", "t")
}

async fn purge(node: &TestNode, body: &str) {
    let json = [("Content-Type", "application/json")];
    let told = RawClient::connect(node.admin()).await.request("POST", "/v1/purge", &json, body.as_bytes()).await;
    assert_eq!(told.status, 200, "{}", told.text());
}

async fn asking(node: &TestNode) -> RawClient {
    let mut client = node.connect().await;
    client.send(REQUEST).await;
    client
}

async fn fills_are(node: &TestNode, fills: u8) {
    node.metric_is("forebay_cache_fills_inflight", &[], f64::from(fills)).await;
}

#[tokio::test]
async fn what_was_being_fetched_is_not_stored_and_nobody_joins_it() {
    for body in PURGES {
        for early in [true, false] {
            let (origin, gate) = (Origin::start().await, Gate::closed());
            let old = if early { fresh("old").after(&gate) } else { fresh("old").finishing_after(&gate) };
            origin.once("/a", old).on("/a", fresh("new"));
            let node = TestNode::before(&origin, "");
            let mut before = asking(&node).await;
            origin.requests_reach(1).await;
            if !early {
                before.response_head().await;
            }
            purge(&node, body).await;
            let after = node.get("/a").await;
            assert_eq!(after.text(), "new", "{body}, before the head: {early}");
            assert!(!after.header("cache-status").unwrap().contains("collapsed"), "{body}");
            gate.open();
            if early {
                assert_eq!(before.response().await.text(), "old", "it asked before the purge");
            }
            fills_are(&node, 0).await;
            assert_eq!(node.get("/a").await.text(), "new", "{body}: the older fetch took the newer one's place");
            assert_eq!(origin.count("/a"), 2, "{body}");
        }
    }
}

#[tokio::test]
async fn a_fetch_that_ends_alone_after_a_purge_leaves_nothing_usable() {
    for body in PURGES {
        let (origin, gate) = (Origin::start().await, Gate::closed());
        origin.once("/a", fresh("old").finishing_after(&gate)).on("/a", fresh("new"));
        let node = TestNode::before(&origin, "");
        let mut before = asking(&node).await;
        before.response_head().await;
        purge(&node, body).await;
        gate.open();
        fills_are(&node, 0).await;
        assert_eq!(node.get("/a").await.text(), "new", "{body}");
    }
}

#[tokio::test]
async fn a_purge_of_something_else_lets_a_fetch_be_shared() {
    for body in [r#"{"url": "http://test.example/b"}"#, r#"{"host": "b"}"#, r#"{"prefix": "http://test.example/b"}"#] {
        let (origin, gate) = (Origin::start().await, Gate::closed());
        origin.on("/a", fresh("a").after(&gate));
        let node = TestNode::before(&origin, "");
        let mut first = asking(&node).await;
        origin.requests_reach(1).await;
        purge(&node, body).await;
        let mut second = asking(&node).await;
        node.metric_is("forebay_cache_collapsed_waiters", &[], 1.0).await;
        gate.open();
        assert_eq!((first.response().await.text(), second.response().await.text()), ("a", "a"));
        assert_eq!(origin.count("/a"), 1, "{body}");
    }
}

#[tokio::test]
async fn a_foreign_tag_parts_requests_only_while_nobody_knows_the_tags() {
    for (early, fetches) in [(true, 2), (false, 1)] {
        let (origin, gate) = (Origin::start().await, Gate::closed());
        let answer = if early { fresh("a").after(&gate) } else { fresh("a").finishing_after(&gate) };
        origin.on("/a", answer);
        let node = TestNode::before(&origin, "");
        let mut first = asking(&node).await;
        origin.requests_reach(1).await;
        if !early {
            first.response_head().await;
        }
        purge(&node, r#"{"tag": "other"}"#).await;
        let mut second = asking(&node).await;
        if early {
            origin.requests_reach(2).await;
        } else {
            node.metric_is("forebay_cache_collapsed_waiters", &[], 1.0).await;
        }
        gate.open();
        assert_eq!(second.response().await.text(), "a");
        assert_eq!(origin.count("/a"), fetches);
    }
}

#[tokio::test]
async fn a_confirmation_asked_for_before_a_purge_brings_nothing_back() {
    for body in PURGES {
        let (origin, gate) = (Origin::start().await, Gate::closed());
        let confirmed =
            Answer::status(304, "").header("Cache-Control", "max-age=60").header("Surrogate-Key", "changed");
        origin
            .once("/a", fresh("old").header("ETag", "\"1\""))
            .once("/a", confirmed.after(&gate))
            .on("/a", fresh("new"));
        let node = TestNode::before(&origin, "");
        node.get("/a").await;
        node.advance(Duration::from_secs(60));
        let mut before = asking(&node).await;
        origin.requests_reach(2).await;
        purge(&node, body).await;
        gate.open();
        assert_eq!(before.response().await.text(), "old", "it asked before the purge");
        fills_are(&node, 0).await;
        assert_eq!(node.get("/a").await.text(), "new", "{body}");
    }
}

#[tokio::test]
async fn a_background_refresh_begun_before_a_purge_brings_nothing_back() {
    for body in PURGES {
        let (origin, gate) = (Origin::start().await, Gate::closed());
        let brief = |body: &str| {
            let answer = Answer::ok(body).header("Cache-Control", "max-age=60, stale-while-revalidate=9");
            answer.header("Surrogate-Key", "t")
        };
        origin.once("/a", brief("old")).once("/a", brief("between").finishing_after(&gate)).on("/a", brief("new"));
        let node = TestNode::before(&origin, "");
        node.get("/a").await;
        node.advance(Duration::from_secs(61));
        assert_eq!(node.get("/a").await.text(), "old");
        origin.requests_reach(2).await;
        purge(&node, body).await;
        gate.open();
        fills_are(&node, 0).await;
        node.advance(Duration::from_secs(10));
        assert_eq!(node.get("/a").await.text(), "new", "{body}");
    }
}

#[tokio::test]
async fn a_confirmation_keeps_the_tags_that_it_does_not_name() {
    let origin = Origin::start().await;
    let confirmed = Answer::status(304, "").header("Cache-Control", "max-age=60");
    origin.once("/a", fresh("old").header("ETag", "\"1\"")).once("/a", confirmed).on("/a", fresh("new"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(Duration::from_secs(60));
    assert_eq!(node.get("/a").await.text(), "old");
    purge(&node, r#"{"tag": "t"}"#).await;
    assert_eq!(node.get("/a").await.text(), "new");
}
