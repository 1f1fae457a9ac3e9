//! Directives meant for caches in front of an origin (RFC 9213, Edge Architecture section 2.2).

use support::{Answer, Origin, TestNode};

/// What `Cache-Status` says of the first request for a response with these fields.
async fn judged(fields: &[(&str, &str)]) -> String {
    let origin = Origin::start().await;
    origin.on("/a", fields.iter().fold(Answer::ok("a"), |answer, (name, value)| answer.header(name, value)));
    let node = TestNode::before(&origin, "");
    let response = node.get("/a").await;
    let status = response.header("cache-status").expect("the node says what it did");
    status.strip_prefix("edge-1; fwd=uri-miss; ").expect("nothing was stored").to_owned()
}

const CACHE: &str = "Cache-Control";
const CDN: &str = "CDN-Cache-Control";
const SURROGATE: &str = "Surrogate-Control";

#[tokio::test]
async fn a_targeted_field_stands_in_the_place_of_cache_control() {
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[(CACHE, "max-age=10"), (CDN, "max-age=100")], "ttl=100; stored"),
        (&[(CACHE, "max-age=10"), (SURROGATE, "max-age=100")], "ttl=100; stored"),
        (&[(CACHE, "no-store"), (CDN, "max-age=100")], "ttl=100; stored"),
        (&[(CACHE, "private"), (SURROGATE, "max-age=100")], "ttl=100; stored"),
        (&[(CACHE, "max-age=10"), (CDN, "no-store")], "detail=no_store"),
        (&[(CACHE, "max-age=10"), (SURROGATE, "no-store")], "detail=no_store"),
        (&[(CACHE, "max-age=10"), (CDN, "private")], "detail=private"),
        (&[(CACHE, "max-age=10"), (CDN, "no-cache")], "detail=no_cache"),
        (&[(CACHE, "s-maxage=10"), (CDN, "max-age=5, s-maxage=100")], "ttl=100; stored"),
    ];
    for (fields, expected) in cases {
        assert_eq!(judged(fields).await, expected, "{fields:?}");
    }
}

#[tokio::test]
async fn cdn_cache_control_is_heard_before_surrogate_control() {
    assert_eq!(judged(&[(SURROGATE, "max-age=10"), (CDN, "max-age=100")]).await, "ttl=100; stored");
    assert_eq!(judged(&[(SURROGATE, "max-age=10"), (CDN, "no-store")]).await, "detail=no_store");
}

#[tokio::test]
async fn what_is_addressed_to_another_node_is_not_heard() {
    let cases: [(&str, &str); 5] = [
        ("max-age=100;edge-2", "ttl=10; stored"),
        ("no-store;edge-2", "ttl=10; stored"),
        ("max-age=100;edge-1", "ttl=100; stored"),
        ("max-age=5;edge-2, max-age=100;edge-1", "ttl=100; stored"),
        ("content=\"ESI/1.0\"", "ttl=10; stored"),
    ];
    for (surrogate, expected) in cases {
        assert_eq!(judged(&[(CACHE, "max-age=10"), (SURROGATE, surrogate)]).await, expected, "{surrogate}");
    }
}

#[tokio::test]
async fn expires_says_nothing_beside_a_targeted_field() {
    let expires = ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(judged(&[expires, (CDN, "max-age=100")]).await, "ttl=100; stored");
}

#[tokio::test]
async fn the_origin_learns_that_surrogate_control_is_heeded() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    assert!(origin.seen()[0].header("surrogate-capability").is_some_and(|told| told.contains("edge-1")));
}
