//! One fetch per key: who waits for whom, and what happens when one of them goes away.

use support::{Answer, Gate, Origin, RawClient, TestNode};

const REQUEST: &str = "GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n";

fn fresh(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60")
}

/// Sends one request on each of so many connections.
async fn ask(node: &TestNode, clients: usize) -> Vec<RawClient> {
    let mut asking = Vec::new();
    for _ in 0..clients {
        let mut client = node.connect().await;
        client.send(REQUEST).await;
        asking.push(client);
    }
    asking
}

async fn waiters_are(node: &TestNode, waiters: u8) {
    node.metric_is("forebay_cache_collapsed_waiters", &[], f64::from(waiters)).await;
}

#[tokio::test]
async fn twenty_requests_at_once_are_one_fetch() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.on("/a", fresh("a").after(&gate));
    let node = TestNode::before(&origin, "");
    let clients = ask(&node, 20).await;
    waiters_are(&node, 19).await;
    gate.open();
    let mut collapsed = 0;
    for mut client in clients {
        let response = client.response().await;
        assert_eq!(response.text(), "a");
        collapsed += usize::from(response.header("cache-status").unwrap().contains("; collapsed"));
    }
    assert_eq!((collapsed, origin.count("/a")), (19, 1));
    node.metric_is("forebay_cache_requests_total", &[("status", "collapsed")], 19.0).await;
    waiters_are(&node, 0).await;
}

#[tokio::test]
async fn those_who_wait_read_the_body_as_it_comes() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.on("/a", Answer::chunked(&["early ", "late"]).header("Cache-Control", "max-age=60").finishing_after(&gate));
    let node = TestNode::before(&origin, "");
    let mut clients = ask(&node, 3).await;
    for client in &mut clients {
        client.response_head().await;
        client.until("early ").await;
    }
    gate.open();
    for mut client in clients {
        client.until("late").await;
    }
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn a_client_that_leaves_harms_nobody() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.on("/a", fresh("a").after(&gate));
    let node = TestNode::before(&origin, "");
    let mut first = ask(&node, 1).await;
    origin.requests_reach(1).await;
    let mut others = ask(&node, 2).await;
    waiters_are(&node, 2).await;
    drop(first.remove(0));
    drop(others.remove(0));
    waiters_are(&node, 1).await;
    gate.open();
    assert_eq!(others.remove(0).response().await.text(), "a");
    // Who reads along has the last byte a moment before it is stored.
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!(node.get("/a").await.header("cache-status"), Some("edge-1; hit; ttl=60"));
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn an_answer_that_cannot_be_stored_releases_those_who_wait() {
    let origin = Origin::start().await;
    let (head, end) = (Gate::closed(), Gate::closed());
    let uncacheable = Answer::chunked(&["early ", "late"]).header("Cache-Control", "no-store");
    origin.once("/a", uncacheable.clone().after(&head).finishing_after(&end));
    origin.on("/a", Answer::ok("own").header("Cache-Control", "no-store"));
    let node = TestNode::before(&origin, "");
    let mut clients = ask(&node, 3).await;
    waiters_are(&node, 2).await;
    head.open();
    let mut own = 0;
    // One of the three is still reading the first answer, whose end is held back; the others have their own.
    origin.requests_reach(3).await;
    let mut reading = Vec::new();
    for mut client in clients.drain(..) {
        let response = client.response_head().await;
        match response.header("content-length") {
            Some(_) => own += 1,
            None => reading.push(client),
        }
    }
    assert_eq!((own, reading.len()), (2, 1));
    end.open();
    let mut body = String::new();
    while !body.contains("late") {
        body.push_str(&String::from_utf8(reading[0].some().await).unwrap());
    }
}

#[tokio::test]
async fn requests_for_what_cannot_be_stored_do_not_wait_for_each_other_later() {
    let origin = Origin::start().await;
    origin.once("/a", Answer::ok("first").header("Cache-Control", "no-store"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    let gate = Gate::closed();
    origin.on("/a", Answer::ok("later").header("Cache-Control", "no-store").after(&gate));
    let clients = ask(&node, 4).await;
    // All four are at the origin while none is answered.
    origin.requests_reach(5).await;
    gate.open();
    for mut client in clients {
        let response = client.response().await;
        assert_eq!(response.text(), "later");
        assert_eq!(response.header("cache-status"), Some("edge-1; fwd=uri-miss; detail=uncacheable"));
    }
}

#[tokio::test]
async fn requests_for_what_is_too_large_to_store_do_not_wait_for_each_other_later() {
    let origin = Origin::start().await;
    let large = || fresh(&"x".repeat(3_000));
    let node = TestNode::start(&format!("[cache]\nobject_max = \"2KiB\"\n{}", support::one_route(&origin)));
    origin.on("/a", large());
    // The second passes by, and learns that the answer could be stored but for its size.
    for _ in 0..2 {
        assert_eq!(node.get("/a").await.body.len(), 3_000);
    }
    let gate = Gate::closed();
    origin.on("/a", large().after(&gate));
    let clients = ask(&node, 2).await;
    // Both are at the origin while neither is answered.
    origin.requests_reach(4).await;
    gate.open();
    for mut client in clients {
        let response = client.response().await;
        assert_eq!(response.header("cache-status"), Some("edge-1; fwd=uri-miss; detail=uncacheable"));
    }
}

#[tokio::test]
async fn requests_with_credentials_do_not_keep_others_from_sharing() {
    let origin = Origin::start().await;
    origin.once("/a", fresh("mine"));
    let node = TestNode::before(&origin, "");
    node.connect().await.request("GET", "/a", &[("Authorization", "Basic eA==")], b"").await;
    let gate = Gate::closed();
    origin.on("/a", fresh("a").after(&gate));
    let clients = ask(&node, 3).await;
    waiters_are(&node, 2).await;
    gate.open();
    for mut client in clients {
        assert_eq!(client.response().await.text(), "a");
    }
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_failed_fetch_is_everybodys_failure_and_nobodys_cache() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/a", Answer::hang_up().after(&gate)).on("/a", fresh("a"));
    let node = TestNode::before(&origin, "");
    let clients = ask(&node, 3).await;
    waiters_are(&node, 2).await;
    gate.open();
    for mut client in clients {
        assert_eq!(client.response().await.status, 502);
    }
    assert_eq!(node.get("/a").await.text(), "a");
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn fetches_under_way_are_counted() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.on("/a", fresh("a").after(&gate));
    let node = TestNode::before(&origin, "");
    let mut clients = ask(&node, 1).await;
    node.metric_is("forebay_cache_fills_inflight", &[], 1.0).await;
    gate.open();
    clients[0].response().await;
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
}
