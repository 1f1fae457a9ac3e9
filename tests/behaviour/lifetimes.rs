//! How long a response lasts where its origin does not simply say so (RFC 9111 sections 4.2.2, 4.2.3 and 7.3).

use std::time::Duration;

use support::{Answer, Origin, TestNode};

const NOW: &str = "Fri, 15 Jan 2027 08:00:00 GMT";

/// What `Cache-Status` says of the first request for this response.
async fn judged(answer: Answer) -> String {
    let origin = Origin::start().await;
    origin.on("/a", answer.header("Date", NOW));
    let node = TestNode::before(&origin, "");
    let response = node.get("/a").await;
    let status = response.header("cache-status").expect("the node says what it did");
    status.strip_prefix("edge-1; fwd=uri-miss; ").expect("nothing was stored").to_owned()
}

#[tokio::test]
async fn a_tenth_of_the_time_since_its_change_is_guessed_and_at_most_a_day() {
    let cases = [
        ("Fri, 15 Jan 2027 07:50:00 GMT", "ttl=60; stored"),
        ("Tue, 05 Jan 2027 08:00:00 GMT", "ttl=86400; stored"),
        ("Tue, 05 Jan 2027 08:00:10 GMT", "ttl=86399; stored"),
        ("Sun, 15 Jan 2017 08:00:00 GMT", "ttl=86400; stored"),
        ("Fri, 15 Jan 2027 09:00:00 GMT", "ttl=0; stored"),
    ];
    for (modified, expected) in cases {
        assert_eq!(judged(Answer::ok("a").header("Last-Modified", modified)).await, expected, "{modified}");
    }
    assert_eq!(judged(Answer::ok("a").header("Last-Modified", "last week")).await, "ttl=0; stored");
    assert_eq!(judged(Answer::ok("a")).await, "detail=no_freshness");
}

#[tokio::test]
async fn nothing_is_guessed_for_a_status_that_does_not_allow_it() {
    let dated = |status| Answer::status(status, "a").header("Last-Modified", "Fri, 15 Jan 2027 07:50:00 GMT");
    for status in [200, 203, 301, 308, 404, 410] {
        assert_eq!(judged(dated(status)).await, "ttl=60; stored", "{status}");
    }
    for status in [302, 307, 403, 500, 503] {
        assert_eq!(judged(dated(status)).await, "detail=no_freshness", "{status}");
    }
}

#[tokio::test]
async fn a_response_that_sets_a_cookie_is_stored_only_where_the_origin_says_how_long() {
    let cookie = |answer: Answer| answer.header("Set-Cookie", "a=b");
    let undated = Answer::ok("a").header("Last-Modified", "Fri, 15 Jan 2027 07:50:00 GMT");
    assert_eq!(judged(cookie(undated)).await, "detail=set_cookie");
    assert_eq!(judged(cookie(Answer::ok("a").header("Cache-Control", "max-age=60"))).await, "ttl=60; stored");
    assert_eq!(
        judged(cookie(Answer::ok("a").header("Expires", "Fri, 15 Jan 2027 08:01:00 GMT"))).await,
        "ttl=60; stored"
    );
}

#[tokio::test]
async fn a_response_whose_age_nobody_knows_is_asked_for_every_time() {
    for ages in [&["junk"][..], &["-1"], &["1.5"], &["10", "20"]] {
        let origin = Origin::start().await;
        let answer = Answer::ok("a").header("Cache-Control", "max-age=60").header("ETag", "\"1\"");
        origin.on("/a", ages.iter().fold(answer, |answer, age| answer.header("Age", age)));
        let node = TestNode::before(&origin, "");
        for asked in 1..4 {
            let response = node.get("/a").await;
            assert_eq!((response.status, origin.count("/a")), (200, asked), "{ages:?}");
            assert_eq!(response.header("age"), Some("2147483648"), "{ages:?}");
        }
        assert_eq!(origin.seen()[1].header("if-none-match"), Some("\"1\""), "{ages:?}");
    }
}

#[tokio::test]
async fn the_time_before_it_arrived_counts() {
    let origin = Origin::start().await;
    let answer = |body| Answer::ok(body).header("Cache-Control", "max-age=60");
    origin.once("/a", answer("old").header("Age", "50").header("Date", "Fri, 15 Jan 2027 07:59:50 GMT"));
    origin.on("/a", answer("new"));
    let node = TestNode::before(&origin, "");
    let first = node.get("/a").await;
    assert_eq!((first.header("age"), first.text()), (Some("50"), "old"));
    node.advance(Duration::from_secs(9));
    assert_eq!(node.get("/a").await.header("age"), Some("59"));
    node.advance(Duration::from_secs(1));
    assert_eq!(node.get("/a").await.text(), "new");
}

#[tokio::test]
async fn a_stale_response_says_how_old_it_is_and_warns_of_nothing() {
    let origin = Origin::start().await;
    origin.on(
        "/a",
        Answer::ok("a").header("Cache-Control", "max-age=60, stale-while-revalidate=9999999").header("Age", "50"),
    );
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(Duration::from_secs(1_000_000));
    let stale = node.get("/a").await;
    assert_eq!((stale.header("age"), stale.header("warning")), (Some("1000050"), None));
    assert_eq!(stale.header("cache-status"), Some("edge-1; hit; ttl=-999990; detail=stale_while_revalidate"));
}
