//! Which answers take the place of what is stored, and which say nothing of it (RFC 9111 sections 3.5 and 4.3.3).

use std::time::Duration;

use support::{Answer, Origin, Response, TestNode};

const LASTING: &str = "max-age=60, stale-while-revalidate=600";
const CREDENTIALS: (&str, &str) = ("Authorization", "Basic x");

/// A node that has `/a` stored, and an origin that answers so the next time.
async fn stored(next: Answer) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.once("/a", Answer::ok("kept").header("ETag", "\"1\"").header("Cache-Control", LASTING));
    origin.once("/a", next).on("/a", Answer::status(410, "gone").header("Cache-Control", "no-store"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    (origin, node)
}

fn outcome(response: &Response) -> (u16, &str, Option<&str>) {
    (response.status, response.text(), response.header("cache-status"))
}

#[tokio::test]
async fn nobody_empties_the_store_with_credentials() {
    let answers = [
        Answer::status(401, "who?"),
        Answer::status(401, "who?").header("Cache-Control", "no-store"),
        Answer::ok("mine").header("Cache-Control", "private"),
        Answer::status(304, "").header("Cache-Control", "private"),
    ];
    for answer in answers {
        let (origin, node) = stored(answer.clone()).await;
        node.get_with("/a", &[CREDENTIALS, ("Cache-Control", "no-cache")]).await;
        assert_eq!(origin.count("/a"), 2, "{answer:?}");
        assert_eq!(outcome(&node.get("/a").await), (200, "kept", Some("edge-1; hit; ttl=60")), "{answer:?}");
    }
}

#[tokio::test]
async fn a_refresh_with_credentials_leaves_what_is_stored() {
    let (origin, node) = stored(Answer::status(401, "who?")).await;
    node.advance(Duration::from_secs(70));
    assert_eq!(node.get_with("/a", &[CREDENTIALS]).await.text(), "kept");
    origin.requests_reach(2).await;
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!(node.get("/a").await.text(), "kept");
}

#[tokio::test]
async fn too_many_requests_leave_what_is_stored() {
    let (origin, node) = stored(Answer::status(429, "slow down")).await;
    node.advance(Duration::from_secs(70));
    for requests in 2..=3 {
        assert_eq!(node.get("/a").await.text(), "kept");
        origin.requests_reach(requests).await;
        node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    }
    assert_eq!(outcome(&node.get("/a").await).0, 410, "and an answer that is for good takes its place");
}

#[tokio::test]
async fn who_wants_a_stored_response_only_does_not_have_the_origin_asked() {
    let (origin, node) = stored(Answer::status(504, "not cached here either")).await;
    node.advance(Duration::from_secs(70));
    let stale = node.get_with("/a", &[("Cache-Control", "only-if-cached")]).await;
    let detail = "edge-1; hit; ttl=-10; detail=stale_while_revalidate";
    assert_eq!(outcome(&stale), (200, "kept", Some(detail)));
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!(origin.count("/a"), 1);
    node.get("/a").await;
    origin.requests_reach(2).await;
    assert_eq!(origin.seen()[1].header("cache-control"), None);
}

#[tokio::test]
async fn fields_for_surrogates_stay_hidden_where_a_confirmed_response_is_not_kept() {
    let origin = Origin::start().await;
    let answer = Answer::ok("kept").header("ETag", "\"1\"").header("Surrogate-Key", "k");
    origin.once("/a", answer.header("Cache-Control", "max-age=60"));
    origin.on("/a", Answer::status(304, "").header("Cache-Control", "private"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(Duration::from_secs(60));
    let confirmed = node.get("/a").await;
    assert_eq!((confirmed.text(), confirmed.header("surrogate-key")), ("kept", None));
}
