//! What requests ask of stored responses (RFC 9111 section 5.2.1).

use std::time::Duration;

use support::{Answer, Origin, TestNode};

fn fresh(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60")
}

/// What a request with this field gets from a node that has stored `answer` so many seconds ago: the body, and what
/// `Cache-Status` says first.
async fn outcome(answer: Answer, age: u64, field: (&str, &str)) -> (String, String) {
    let origin = Origin::start().await;
    origin.once("/a", answer).on("/a", fresh("new"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(Duration::from_secs(age));
    let response = node.get_with("/a", &[field]).await;
    let status = response.header("cache-status").expect("the node says what it did");
    let first = status.split("; ").nth(1).expect("and whether it asked");
    (response.text().to_owned(), first.to_owned())
}

#[tokio::test]
async fn a_request_can_want_a_fresher_response() {
    let cases = [
        (0, ("Cache-Control", "no-cache"), "fwd=request"),
        (0, ("Pragma", "no-cache"), "fwd=request"),
        (0, ("Pragma", "other"), "hit"),
        (30, ("Cache-Control", "max-age=30"), "hit"),
        (31, ("Cache-Control", "max-age=30"), "fwd=request"),
        (50, ("Cache-Control", "min-fresh=10"), "hit"),
        (51, ("Cache-Control", "min-fresh=10"), "fwd=request"),
        (61, ("Cache-Control", "min-fresh=0, max-stale"), "fwd=request"),
    ];
    for (age, field, expected) in cases {
        let body = if expected == "hit" { "old" } else { "new" };
        assert_eq!(
            outcome(fresh("old"), age, field).await,
            (body.to_owned(), expected.to_owned()),
            "{field:?} at {age}"
        );
    }
}

#[tokio::test]
async fn a_request_can_accept_a_stale_response_unless_the_origin_forbids_it() {
    let strict = |directive: &str| Answer::ok("old").header("Cache-Control", directive);
    let cases = [
        (fresh("old"), 90, "max-stale=30", "hit"),
        (fresh("old"), 91, "max-stale=30", "fwd=stale"),
        (fresh("old"), 9_000, "max-stale", "hit"),
        (strict("max-age=60, must-revalidate"), 61, "max-stale", "fwd=stale"),
        (strict("max-age=60, proxy-revalidate"), 61, "max-stale", "fwd=stale"),
        (strict("s-maxage=60"), 61, "max-stale", "fwd=stale"),
    ];
    for (answer, age, wish, expected) in cases {
        let body = if expected == "hit" { "old" } else { "new" };
        let found = outcome(answer.clone(), age, ("Cache-Control", wish)).await;
        assert_eq!(found, (body.to_owned(), expected.to_owned()), "{wish} at {age}: {answer:?}");
    }
}

#[tokio::test]
async fn pragma_says_nothing_beside_cache_control() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("a"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.get_with("/a", &[("Pragma", "no-cache"), ("Cache-Control", "max-age=60")]).await;
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn a_response_to_a_no_store_request_is_not_stored() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("a"));
    let node = TestNode::before(&origin, "");
    let response = node.get_with("/a", &[("Cache-Control", "no-store")]).await;
    assert_eq!(response.header("cache-status"), Some("edge-1; fwd=request; detail=no_store"));
    node.get("/a").await;
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_response_fetched_for_one_request_renews_what_is_stored() {
    let origin = Origin::start().await;
    origin.once("/a", fresh("old")).once("/a", fresh("new"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.get_with("/a", &[("Cache-Control", "no-cache")]).await;
    assert_eq!(node.get("/a").await.text(), "new");
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn only_if_cached_never_asks_the_origin() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("a")).on("/own", Answer::ok("own").header("Cache-Control", "no-store"));
    let node = TestNode::before(&origin, "");
    let only = [("Cache-Control", "only-if-cached")];
    assert_eq!(node.get_with("/a", &only).await.status, 504);
    assert_eq!(origin.count("/a"), 0);
    node.get("/a").await;
    assert_eq!(node.get_with("/a", &only).await.text(), "a");
    node.advance(Duration::from_secs(60));
    assert_eq!(node.get_with("/a", &only).await.status, 504);
    assert_eq!(origin.count("/a"), 1);
    // A key known as uncacheable and a HEAD go to the origin on other ways than a miss.
    node.get("/own").await;
    assert_eq!(node.get_with("/own", &only).await.status, 504);
    let head = node.connect().await.request("HEAD", "/own", &only, b"").await;
    assert_eq!((head.status, origin.count("/own")), (504, 1));
    // What may not be answered from the store is not fetched either.
    for contradiction in [("Cache-Control", "only-if-cached, no-store"), ("If-Match", "\"1\"")] {
        assert_eq!(node.get_with("/a", &[contradiction, only[0]]).await.status, 504, "{contradiction:?}");
    }
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn only_if_cached_is_answered_504_where_the_cache_is_passed_by() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("a"));
    let only = ("Cache-Control", "only-if-cached");
    let uncached = TestNode::before(&origin, "[route.cache]\nenabled = false\n");
    assert_eq!(uncached.get_with("/a", &[only]).await.status, 504);
    let node = TestNode::before(&origin, "");
    let posted = node.connect().await.request("POST", "/a", &[only], b"x").await;
    assert_eq!(posted.status, 504);
    assert_eq!(node.get_with("/a", &[only, ("If-Match", "\"1\"")]).await.status, 504);
    assert_eq!(node.get_with("/a", &[("Cache-Control", "only-if-cached, no-store")]).await.status, 504);
    assert_eq!(origin.seen().len(), 0);
}

#[tokio::test]
async fn a_route_that_does_not_heed_requests_answers_from_what_is_stored() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("a")).on("/b", fresh("b"));
    let node = TestNode::before(&origin, "[route.cache]\nhonour_request = false\n");
    // Stored, although the request forbids it, and fetched, although it does not want that.
    node.get_with("/a", &[("Cache-Control", "no-store")]).await;
    assert_eq!(node.get_with("/b", &[("Cache-Control", "only-if-cached")]).await.status, 200);
    for wish in ["no-cache", "max-age=0", "min-fresh=3600", "no-store", "only-if-cached"] {
        let response = node.get_with("/a", &[("Cache-Control", wish)]).await;
        assert_eq!(response.header("cache-status"), Some("edge-1; hit; ttl=60"), "{wish}");
    }
    node.get_with("/a", &[("Pragma", "no-cache")]).await;
    assert_eq!(origin.count("/a"), 1);
    node.advance(Duration::from_secs(61));
    node.get_with("/a", &[("Cache-Control", "max-stale")]).await;
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_reload_of_what_is_immutable_asks_nobody_while_it_is_fresh() {
    let immutable = || Answer::ok("old").header("Cache-Control", "max-age=60, immutable").header("ETag", "\"1\"");
    let cases = [
        (1, ("Cache-Control", "max-age=0"), "hit"),
        (59, ("Cache-Control", "max-age=0"), "hit"),
        (60, ("Cache-Control", "max-age=0"), "fwd=request"),
        (1, ("Cache-Control", "no-cache"), "fwd=request"),
        (1, ("Pragma", "no-cache"), "fwd=request"),
    ];
    for (age, field, expected) in cases {
        assert_eq!(outcome(immutable(), age, field).await.1, expected, "{field:?} at {age}");
    }
}
