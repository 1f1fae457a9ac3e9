//! A thousand clients at once: one fetch where the answer may be shared, and nobody waits for another's where it may not.
//!
//! What is promised is an order of events, not a time: the origin keeps the rest of its answer back until every client has
//! the first piece of it. `benches/src/bin/stampede.rs` has the times.

use std::time::Duration;

use support::{Answer, Gate, Origin, RawClient, TestNode};

const CLIENTS: usize = 1_000;
const WAITING: &str = "forebay_cache_collapsed_waiters";

/// Sends one request on each of so many connections; the fields differ by the client's number.
async fn crowd(node: &TestNode, clients: usize, fields: impl Fn(usize) -> &'static str) -> Vec<RawClient> {
    let mut crowd = Vec::with_capacity(clients);
    for number in 0..clients {
        let mut client = node.connect().await;
        client.send(format!("GET /a HTTP/1.1\r\nHost: test.example\r\n{}\r\n", fields(number))).await;
        crowd.push(client);
    }
    crowd
}

fn alike(_: usize) -> &'static str {
    ""
}

async fn waiting(node: &TestNode, clients: usize) {
    node.metric_is(WAITING, &[], clients as f64).await;
}

/// Everybody reads up to the first piece of the body; what else has come stays with the client.
async fn everybody_has(crowd: &mut [RawClient], piece: &str) {
    for client in crowd {
        assert_eq!(client.response_head().await.status, 200);
        let mut body = String::new();
        while !body.contains(piece) {
            let more = client.some().await;
            assert!(!more.is_empty(), "the connection ended after {body:?}");
            body.push_str(std::str::from_utf8(&more).expect("the body is text"));
        }
    }
}

/// The answer in two pieces, the second behind a gate.
fn two_pieces(directives: &str, end: &Gate) -> Answer {
    Answer::chunked(&["early ", "late"]).header("Cache-Control", directives).finishing_after(end)
}

#[tokio::test]
async fn a_thousand_clients_are_one_fetch_and_all_read_it_as_it_comes() {
    let origin = Origin::start().await;
    let (head, end) = (Gate::closed(), Gate::closed());
    origin.on("/a", two_pieces("max-age=60", &end).after(&head));
    let node = TestNode::before(&origin, "");
    let mut clients = crowd(&node, CLIENTS, alike).await;
    waiting(&node, CLIENTS - 1).await;
    head.open();
    everybody_has(&mut clients, "early ").await;
    end.open();
    for client in &mut clients {
        client.until("late").await;
    }
    assert_eq!(origin.count("/a"), 1);
    waiting(&node, 0).await;
}

#[tokio::test]
async fn nobody_waits_for_a_body_that_is_not_for_sharing() {
    let origin = Origin::start().await;
    let (head, end) = (Gate::closed(), Gate::closed());
    origin.once("/a", two_pieces("no-store", &end).after(&head));
    origin.on("/a", Answer::ok("own").header("Cache-Control", "no-store"));
    let node = TestNode::before(&origin, "");
    let mut clients = crowd(&node, CLIENTS, alike).await;
    waiting(&node, CLIENTS - 1).await;
    head.open();
    let mut leaders = Vec::new();
    for mut client in clients.drain(..) {
        let response = client.response_head().await;
        match response.header("content-length") {
            // The body of the first answer has not ended yet, and this client has all of its own.
            Some(_) => assert_eq!(client.until("own").await, "own"),
            None => leaders.push(client),
        }
    }
    assert_eq!((leaders.len(), origin.count("/a")), (1, CLIENTS));
    end.open();
    let mut body = String::new();
    while !body.contains("late") {
        body.push_str(&String::from_utf8(leaders[0].some().await).unwrap());
    }
}

/// A node that has answered `/a` once, long enough ago for it to be stale.
async fn stale(origin: &Origin, directives: &str) -> TestNode {
    let old = Answer::ok("old").header("Cache-Control", directives).header("ETag", "\"1\"");
    origin.once("/a", old);
    let node = TestNode::before(origin, "");
    node.get("/a").await;
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    node.advance(Duration::from_secs(61));
    node
}

#[tokio::test]
async fn a_thousand_clients_get_a_stale_response_while_one_fetch_refreshes_it() {
    let origin = Origin::start().await;
    let directives = "max-age=60, stale-while-revalidate=60";
    let node = stale(&origin, directives).await;
    let gate = Gate::closed();
    origin.on("/a", Answer::ok("new").header("Cache-Control", directives).after(&gate));
    for mut client in crowd(&node, CLIENTS, alike).await {
        assert_eq!(client.response().await.text(), "old");
    }
    assert_eq!(origin.count("/a"), 2);
    gate.open();
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!((node.get("/a").await.text(), origin.count("/a")), ("new", 2));
}

#[tokio::test]
async fn a_thousand_clients_wait_for_one_validation() {
    let origin = Origin::start().await;
    let node = stale(&origin, "max-age=60").await;
    let gate = Gate::closed();
    origin.on("/a", Answer::status(304, "").header("Cache-Control", "max-age=60").after(&gate));
    let clients = crowd(&node, CLIENTS, alike).await;
    waiting(&node, CLIENTS - 1).await;
    gate.open();
    for mut client in clients {
        assert_eq!(client.response().await.text(), "old");
    }
    assert_eq!(origin.count("/a"), 2);
    assert_eq!(origin.seen()[1].header("if-none-match"), Some("\"1\""));
}

#[tokio::test]
async fn of_known_variants_each_is_fetched_once() {
    const LANGUAGES: [&str; 4] = ["", "Accept-Language: de\r\n", "Accept-Language: en\r\n", "Accept-Language: fr\r\n"];
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.replying({
        let gate = gate.clone();
        move |seen| {
            let answer = Answer::ok(seen.header("accept-language").unwrap_or("none"));
            answer.header("Cache-Control", "max-age=60").header("Vary", "Accept-Language").after(&gate)
        }
    });
    let node = TestNode::before(&origin, "");
    let clients = crowd(&node, CLIENTS, |number| LANGUAGES[number % 4]).await;
    waiting(&node, CLIENTS - 1).await;
    gate.open();
    for (number, mut client) in clients.into_iter().enumerate() {
        let language = LANGUAGES[number % 4].trim_start_matches("Accept-Language: ").trim_end();
        let expected = if language.is_empty() { "none" } else { language };
        assert_eq!(client.response().await.text(), expected);
    }
    assert_eq!(origin.count("/a"), 4, "one for each variant");
}

#[tokio::test]
async fn the_first_client_leaves_and_the_others_read_on() {
    let origin = Origin::start().await;
    let (head, end) = (Gate::closed(), Gate::closed());
    origin.on("/a", two_pieces("max-age=60", &end).after(&head));
    let node = TestNode::before(&origin, "");
    let mut leader = crowd(&node, 1, alike).await;
    origin.requests_reach(1).await;
    let mut clients = crowd(&node, CLIENTS - 1, alike).await;
    waiting(&node, CLIENTS - 1).await;
    head.open();
    everybody_has(&mut leader, "early ").await;
    drop(leader);
    everybody_has(&mut clients, "early ").await;
    end.open();
    for client in &mut clients {
        client.until("late").await;
    }
    assert_eq!(origin.count("/a"), 1);
}
