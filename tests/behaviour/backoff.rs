//! A failing origin is asked again after growing pauses, not at every request, while there are stale responses to use.
//!
//! The first pause is between half a second and a second, the next twice that.

use std::time::Duration;

use support::{Answer, Gate, Origin, TestNode, one_route};

fn lasting(body: &str, directives: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", directives)
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

const REVALIDATED: &str = "max-age=60, stale-while-revalidate=6000";
const COVERED: &str = "max-age=60, stale-if-error=6000";

/// A node that has stored `/a`, stale by now, and an origin that answers `then` to every request for it.
async fn stale(directives: &str, then: Answer) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.once("/a", lasting("kept", directives)).on("/a", then);
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(millis(60_000));
    (origin, node)
}

/// The `detail` of the answer to a request for `target`, which must be the stored one.
async fn detail(node: &TestNode, target: &str) -> String {
    let response = node.get(target).await;
    assert_eq!((response.status, response.text()), (200, "kept"));
    let told = response.header("cache-status").expect("the node says what it did");
    told.split("detail=").nth(1).unwrap_or_default().to_owned()
}

async fn settled(node: &TestNode) {
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
}

#[tokio::test]
async fn a_refresh_that_failed_is_made_again_after_growing_pauses() {
    let (origin, node) = stale(REVALIDATED, Answer::status(500, "broken")).await;
    // The pause before each look, whether the origin is asked then, and so what the client is told.
    let looks =
        [(0, true), (1, false), (498, false), (501, true), (999, false), (1_001, true), (1_999, false), (2_001, true)];
    let mut asked = 1;
    for (pause, asks) in looks {
        node.advance(millis(pause));
        let expected = if asks { "stale_while_revalidate" } else { "backoff" };
        assert_eq!(detail(&node, "/a").await, expected, "after {pause} ms");
        asked += usize::from(asks);
        origin.requests_reach(asked).await;
        settled(&node).await;
        assert_eq!(origin.count("/a"), asked, "after {pause} ms");
    }
    let backoff = [("route", "all"), ("reason", "backoff")];
    node.metric_is("forebay_cache_stale_total", &backoff, 4.0).await;
    node.metric_is("forebay_cache_stale_total", &[("route", "all"), ("reason", "stale_while_revalidate")], 4.0).await;
}

#[tokio::test]
async fn one_success_ends_the_pauses() {
    let (origin, node) = stale(REVALIDATED, Answer::status(500, "broken")).await;
    detail(&node, "/a").await;
    settled(&node).await;
    origin.once("/a", lasting("kept", REVALIDATED));
    node.advance(millis(1_000));
    assert_eq!(detail(&node, "/a").await, "stale_while_revalidate");
    settled(&node).await;
    assert_eq!(detail(&node, "/a").await, "", "fresh again");
    node.advance(millis(60_000));
    assert_eq!(detail(&node, "/a").await, "stale_while_revalidate", "nothing speaks against asking");
    settled(&node).await;
    node.advance(millis(1_000));
    assert_eq!(detail(&node, "/a").await, "stale_while_revalidate", "the pauses start small again");
}

#[tokio::test]
async fn while_an_origin_rests_its_stale_responses_answer_at_once() {
    for failure in [Answer::hang_up(), Answer::status(503, "down")] {
        let (origin, node) = stale(COVERED, failure.clone()).await;
        assert_eq!(detail(&node, "/a").await, "stale_if_error", "{failure:?}");
        let asked = origin.seen().len();
        for _ in 0..5 {
            assert_eq!(detail(&node, "/a").await, "backoff", "{failure:?}");
        }
        assert_eq!(origin.seen().len(), asked, "{failure:?}");
    }
}

#[tokio::test]
async fn nobody_waits_for_the_next_attempt() {
    let (origin, node) = stale(COVERED, Answer::status(503, "down")).await;
    detail(&node, "/a").await;
    let gate = Gate::closed();
    origin.on("/a", lasting("new", COVERED).after(&gate));
    node.advance(millis(1_000));
    for _ in 0..3 {
        assert_eq!(detail(&node, "/a").await, "stale_if_error");
    }
    origin.requests_reach(3).await;
    gate.open();
    settled(&node).await;
    assert_eq!((node.get("/a").await.text(), origin.count("/a")), ("new", 3));
}

#[tokio::test]
async fn a_lost_connection_speaks_against_the_origin_and_an_error_against_its_key() {
    for (failure, expected) in [(Answer::hang_up(), "backoff"), (Answer::status(503, "down"), "stale_while_revalidate")]
    {
        let origin = Origin::start().await;
        origin.once("/a", lasting("kept", COVERED)).on("/a", failure.clone());
        origin.on("/b", lasting("kept", REVALIDATED)).on("/c", Answer::ok("fetched"));
        let node = TestNode::before(&origin, "");
        node.get("/a").await;
        node.get("/b").await;
        node.advance(millis(60_000));
        detail(&node, "/a").await;
        assert_eq!(detail(&node, "/b").await, expected, "{failure:?}");
        assert_eq!(node.get("/c").await.text(), "fetched", "who has nothing stale asks: {failure:?}");
    }
}

#[tokio::test]
async fn a_client_that_wants_no_stored_response_asks_a_resting_origin() {
    let (origin, node) = stale(COVERED, Answer::status(503, "down")).await;
    detail(&node, "/a").await;
    node.get_with("/a", &[("Cache-Control", "no-cache")]).await;
    assert_eq!(origin.count("/a"), 3);
}

#[tokio::test]
async fn after_its_window_a_stale_response_is_not_used_however_long_the_origin_rests() {
    let (_origin, node) = stale("max-age=60, stale-if-error=1", Answer::status(503, "down")).await;
    detail(&node, "/a").await;
    node.advance(millis(1_000));
    assert_eq!(node.get("/a").await.status, 503);
}

#[tokio::test]
async fn without_a_longest_pause_the_origin_is_asked_every_time() {
    let origin = Origin::start().await;
    origin.once("/a", lasting("kept", COVERED)).on("/a", Answer::status(503, "down"));
    let node = TestNode::start(&format!("[cache]\nretry_backoff_max = \"0s\"\n{}", one_route(&origin)));
    node.get("/a").await;
    node.advance(millis(60_000));
    for asked in 2..5 {
        assert_eq!((detail(&node, "/a").await.as_str(), origin.count("/a")), ("stale_if_error", asked));
    }
}
