//! A stale response is confirmed by its origin and not fetched again (RFC 9111 sections 4.3 and 3.2).

use std::time::Duration;

use support::{Answer, Gate, Origin, RawClient, TestNode};

const MODIFIED: &str = "Fri, 01 Jan 2027 00:00:00 GMT";
const MINUTE: Duration = Duration::from_secs(60);

fn tagged(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60").header("ETag", "\"1\"")
}

fn confirmed() -> Answer {
    Answer::status(304, "").header("Cache-Control", "max-age=30").header("ETag", "\"1\"")
}

/// Sends one request for `/a` on each of so many connections.
async fn ask(node: &TestNode, clients: usize) -> Vec<RawClient> {
    let mut asking = Vec::new();
    for _ in 0..clients {
        let mut client = node.connect().await;
        client.send("GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
        asking.push(client);
    }
    asking
}

#[tokio::test]
async fn a_304_renews_the_stored_response() {
    let origin = Origin::start().await;
    origin.once("/a", tagged("kept").header("Last-Modified", MODIFIED).header("X-Version", "old"));
    origin.once("/a", confirmed().header("X-Version", "new"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(MINUTE);
    let renewed = node.get("/a").await;
    assert_eq!((renewed.status, renewed.text(), renewed.header("x-version")), (200, "kept", Some("new")));
    assert_eq!(renewed.header("cache-status"), Some("edge-1; fwd=stale; fwd-status=304; ttl=30; stored"));
    let asked = &origin.seen()[1];
    assert_eq!((asked.header("if-none-match"), asked.header("if-modified-since")), (Some("\"1\""), Some(MODIFIED)));
    let hit = node.get("/a").await;
    assert_eq!((hit.text(), hit.header("x-version"), hit.header("age")), ("kept", Some("new"), Some("0")));
    assert_eq!(hit.header("cache-status"), Some("edge-1; hit; ttl=30"));
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn what_describes_the_stored_body_is_not_taken_from_a_304() {
    let origin = Origin::start().await;
    origin.once("/a", tagged("kept"));
    origin.once("/a", confirmed().header("Content-Length", "999").header("Content-Encoding", "gzip"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(MINUTE);
    for _ in 0..2 {
        let response = node.get("/a").await;
        assert_eq!((response.text(), response.header("content-length")), ("kept", Some("4")));
        assert_eq!(response.header("content-encoding"), None);
    }
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_200_to_a_validation_takes_the_place_of_what_was_stored() {
    let origin = Origin::start().await;
    origin.once("/a", tagged("old")).once("/a", tagged("new").header("ETag", "\"2\""));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(MINUTE);
    let replaced = node.get("/a").await;
    assert_eq!((replaced.text(), replaced.header("cache-status")), ("new", Some("edge-1; fwd=stale; ttl=60; stored")));
    assert_eq!(node.get("/a").await.text(), "new");
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn what_has_no_validator_is_fetched_without_conditions() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a").header("Cache-Control", "max-age=60"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(MINUTE);
    assert_eq!(node.get("/a").await.text(), "a");
    let asked = &origin.seen()[1];
    assert_eq!((asked.header("if-none-match"), asked.header("if-modified-since")), (None, None));
}

#[tokio::test]
async fn many_requests_for_a_stale_response_are_one_validation() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/a", tagged("kept")).on("/a", confirmed().after(&gate));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(MINUTE);
    let clients = ask(&node, 20).await;
    node.metric_is("forebay_cache_collapsed_waiters", &[], 19.0).await;
    gate.open();
    for mut client in clients {
        let response = client.response().await;
        assert_eq!((response.status, response.text()), (200, "kept"));
    }
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_no_cache_response_is_validated_for_every_request() {
    let origin = Origin::start().await;
    origin.once("/a", tagged("kept").header("Cache-Control", "no-cache"));
    origin.on("/a", confirmed().header("Cache-Control", "no-cache"));
    let node = TestNode::before(&origin, "");
    for asked in 1..4 {
        let response = node.get("/a").await;
        assert_eq!((response.status, response.text(), origin.count("/a")), (200, "kept", asked));
    }
    assert!(origin.seen()[1..].iter().all(|seen| seen.header("if-none-match") == Some("\"1\"")));
}

#[tokio::test]
async fn a_no_cache_response_is_not_shared_by_those_who_wait_for_it() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    let own = |body: &str| Answer::ok(body).header("Cache-Control", "no-cache").header("ETag", "\"1\"");
    origin.once("/a", own("1").after(&gate)).once("/a", own("2")).once("/a", own("3"));
    let node = TestNode::before(&origin, "");
    let clients = ask(&node, 3).await;
    node.metric_is("forebay_cache_collapsed_waiters", &[], 2.0).await;
    gate.open();
    let mut bodies = Vec::new();
    for mut client in clients {
        bodies.push(client.response().await.text().to_owned());
    }
    bodies.sort();
    assert_eq!(bodies, ["1", "2", "3"]);
}

#[tokio::test]
async fn validations_of_a_no_cache_response_go_side_by_side() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/a", tagged("kept").header("Cache-Control", "no-cache")).on("/a", confirmed().after(&gate));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    let clients = ask(&node, 3).await;
    // All three are at the origin while none is answered.
    origin.requests_reach(4).await;
    gate.open();
    for mut client in clients {
        assert_eq!(client.response().await.text(), "kept");
    }
}

#[tokio::test]
async fn the_clients_condition_is_its_own_and_the_stored_validator_is_the_nodes() {
    let origin = Origin::start().await;
    origin.once("/a", tagged("kept")).on("/a", confirmed());
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    for (tag, status, body) in [("\"1\"", 304, ""), ("\"0\"", 200, "kept")] {
        node.advance(MINUTE);
        let response = node.get_with("/a", &[("If-None-Match", tag)]).await;
        assert_eq!((response.status, response.text()), (status, body), "{tag}");
        assert_eq!(origin.seen().last().unwrap().header("if-none-match"), Some("\"1\""));
    }
}
