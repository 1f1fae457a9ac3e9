//! Directives meant for caches in front of an origin (RFC 9213, Edge Architecture section 2.2).

use std::time::Duration;

use support::{Answer, Origin, TestNode, one_route};

/// What `Cache-Status` says of the first request for a response with these fields.
async fn judged(fields: &[(&str, &str)]) -> String {
    judged_by("", fields).await
}

/// The same for a node with these lines in its configuration.
async fn judged_by(config: &str, fields: &[(&str, &str)]) -> String {
    let origin = Origin::start().await;
    origin.on("/a", fields.iter().fold(Answer::ok("a"), |answer, (name, value)| answer.header(name, value)));
    let node = TestNode::start(&format!("{config}{}", one_route(&origin)));
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

#[tokio::test]
async fn what_is_no_structured_field_is_ignored_whole() {
    let wrong = [
        "",
        "max-age=100, &&&",
        "max-age =100",
        "max-age= 100",
        "Max-Age=100",
        "max-age=\"100\"",
        "no-store=1",
        "max-age=1.0",
    ];
    for value in wrong {
        assert_eq!(judged(&[(CACHE, "max-age=10"), (CDN, value)]).await, "ttl=10; stored", "{value}");
        assert_eq!(judged(&[(CACHE, "no-store"), (CDN, value)]).await, "detail=no_store", "{value}");
        let fields = [(CACHE, "max-age=10"), (CDN, value), (SURROGATE, "max-age=50")];
        assert_eq!(judged(&fields).await, "ttl=50; stored", "{value}");
    }
}

#[tokio::test]
async fn a_directive_that_nobody_knows_silences_cache_control_all_the_same() {
    let dated = ("Last-Modified", "Fri, 15 Jan 2027 07:50:00 GMT");
    let date = ("Date", "Fri, 15 Jan 2027 08:00:00 GMT");
    assert_eq!(judged(&[(CACHE, "no-store"), (CDN, "none"), dated, date]).await, "ttl=60; stored");
}

#[tokio::test]
async fn the_operator_chooses_the_fields_and_their_order() {
    let fields = [(CACHE, "max-age=1"), (CDN, "max-age=2"), (SURROGATE, "max-age=3"), ("X-Cache-Control", "max-age=4")];
    let cases = [
        ("", "ttl=2; stored"),
        ("[cache]\ntargeted_fields = []\n", "ttl=1; stored"),
        ("[cache]\ntargeted_fields = [\"Surrogate-Control\", \"CDN-Cache-Control\"]\n", "ttl=3; stored"),
        ("[cache]\ntargeted_fields = [\"x-cache-control\", \"CDN-Cache-Control\"]\n", "ttl=4; stored"),
    ];
    for (config, expected) in cases {
        assert_eq!(judged_by(config, &fields).await, expected, "{config}");
    }
}

#[tokio::test]
async fn a_node_that_does_not_heed_surrogate_control_does_not_say_so() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a"));
    let node = TestNode::start(&format!("[cache]\ntargeted_fields = [\"CDN-Cache-Control\"]\n{}", one_route(&origin)));
    node.get("/a").await;
    assert_eq!(origin.seen()[0].header("surrogate-capability"), None);
}

#[tokio::test]
async fn a_surrogates_extension_is_a_time_of_staleness() {
    let origin = Origin::start().await;
    let answer = |body: &str| Answer::ok(body).header(SURROGATE, "max-age=60+30");
    origin.once("/a", answer("old")).on("/a", answer("new"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(Duration::from_secs(89));
    let stale = node.get("/a").await;
    assert_eq!(stale.header("cache-status"), Some("edge-1; hit; ttl=-29; detail=stale_while_revalidate"));
    assert_eq!(judged(&[(CACHE, "max-age=10"), (SURROGATE, "no-store-remote")]).await, "detail=no_store");
}

#[tokio::test]
async fn credentials_need_the_same_words_in_a_targeted_field() {
    let origin = Origin::start().await;
    origin.once("/a", Answer::ok("old").header(CDN, "max-age=60, must-revalidate, stale-if-error=600"));
    origin.on("/a", Answer::status(503, "down"));
    let node = TestNode::before(&origin, "");
    origin.on("/b", Answer::ok("b").header(CDN, "max-age=60"));
    let credentials = [("Authorization", "Basic x")];
    let refused = node.get_with("/b", &credentials).await;
    assert_eq!(refused.header("cache-status"), Some("edge-1; fwd=uri-miss; detail=authorization"));
    node.get_with("/a", &credentials).await;
    assert_eq!(node.get("/a").await.text(), "old");
    node.advance(Duration::from_secs(61));
    assert_eq!(node.get("/a").await.status, 503);
}
