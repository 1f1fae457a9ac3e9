//! Fields that `private` or `no-cache` name are for the client that the response was fetched for, and the rest is stored
//! (RFC 9111 sections 5.2.2.4 and 5.2.2.7).

use std::time::Duration;

use support::{Answer, Gate, Origin, TestNode};

fn personal(directive: &str) -> Answer {
    let answer = Answer::ok("a").header("Cache-Control", &format!("max-age=60, {directive}"));
    answer.header("Set-Cookie", "id=1").header("Set-Cookie", "name=x").header("X-Shared", "1").header("ETag", "\"1\"")
}

#[tokio::test]
async fn the_named_fields_go_to_the_first_client_and_the_rest_to_all() {
    for directive in ["private=\"Set-Cookie\"", "no-cache=\"set-cookie, x-other\""] {
        let origin = Origin::start().await;
        origin.on("/a", personal(directive));
        let node = TestNode::before(&origin, "");
        let first = node.get("/a").await;
        assert_eq!(first.headers("set-cookie"), ["id=1", "name=x"], "{directive}");
        let hit = node.get("/a").await;
        assert_eq!((hit.header("set-cookie"), hit.header("x-shared")), (None, Some("1")), "{directive}");
        assert_eq!(hit.header("cache-status"), Some("edge-1; hit; ttl=60"), "{directive}");
        assert_eq!(origin.count("/a"), 1);
    }
}

#[tokio::test]
async fn who_waits_for_the_same_fetch_does_not_get_them() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.on("/a", personal("private=\"set-cookie\"").after(&gate));
    let node = TestNode::before(&origin, "");
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = node.connect().await;
        client.send("GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
        clients.push(client);
    }
    node.metric_is("forebay_cache_collapsed_waiters", &[], 4.0).await;
    gate.open();
    let mut cookies = 0;
    for mut client in clients {
        cookies += usize::from(client.response().await.header("set-cookie").is_some());
    }
    assert_eq!(cookies, 1);
}

#[tokio::test]
async fn a_confirmation_keeps_its_own_fields_from_others_too() {
    let origin = Origin::start().await;
    let directives = "max-age=60, private=\"set-cookie\"";
    origin.once("/a", personal("private=\"set-cookie\""));
    origin.on("/a", Answer::status(304, "").header("Cache-Control", directives).header("Set-Cookie", "id=2"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(Duration::from_secs(60));
    assert_eq!(node.get("/a").await.header("set-cookie"), Some("id=2"));
    assert_eq!(node.get("/a").await.header("set-cookie"), None);
}

#[tokio::test]
async fn a_field_that_the_stored_response_needs_makes_the_directive_count_for_the_whole() {
    let cases = [
        ("private=\"vary\"", "edge-1; fwd=uri-miss; detail=private"),
        ("private=\"content-type, set-cookie\"", "edge-1; fwd=uri-miss; detail=private"),
        ("private=\"a b\"", "edge-1; fwd=uri-miss; detail=private"),
    ];
    for (directive, expected) in cases {
        let origin = Origin::start().await;
        origin.on("/a", personal(directive));
        let node = TestNode::before(&origin, "");
        assert_eq!(node.get("/a").await.header("cache-status"), Some(expected), "{directive}");
    }
}

#[tokio::test]
async fn a_route_that_stores_no_cookies_stores_the_rest_without_them() {
    let origin = Origin::start().await;
    origin.on("/a", personal("public")).on("/b", personal("private=\"set-cookie\""));
    let node = TestNode::before(&origin, "[route.cache]\nstore_set_cookie = false\n");
    assert_eq!(node.get("/a").await.header("cache-status"), Some("edge-1; fwd=uri-miss; detail=set_cookie"));
    node.get("/b").await;
    assert_eq!(node.get("/b").await.header("cache-status"), Some("edge-1; hit; ttl=60"));
}
