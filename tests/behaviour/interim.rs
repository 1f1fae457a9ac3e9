//! Interim responses: passed on to the client that caused the fetch, and to nobody else, and never kept (RFC 9110 section
//! 15.2, RFC 8297).

use support::{Answer, Gate, Origin, RawClient, TestNode};

const HINT: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x-own\r\nX-Own: 1\r\n\r\n";
const GET: &str = "GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n";

fn hinted(body: &str) -> Answer {
    Answer::ok(body).preceded_by(HINT)
}

async fn node_before(answer: Answer) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.on("/a", answer);
    let node = TestNode::before(&origin, "");
    (origin, node)
}

/// The statuses of the next so many heads.
async fn statuses(client: &mut RawClient, count: usize) -> Vec<u16> {
    let mut found = Vec::new();
    for _ in 0..count {
        found.push(client.response_head().await.status);
    }
    found
}

#[tokio::test]
async fn early_hints_reach_the_client_while_the_origin_is_still_thinking() {
    for caching in ["max-age=60", "no-store"] {
        let gate = Gate::closed();
        let (_origin, node) = node_before(hinted("page").header("Cache-Control", caching).after(&gate)).await;
        let mut client = node.connect().await;
        client.send(GET).await;
        let hint = client.response_head().await;
        assert_eq!((hint.status, hint.header("link")), (103, Some("</a.css>; rel=preload")), "{caching}");
        assert_eq!((hint.header("via"), hint.header("x-own")), (Some("1.1 edge-1"), None), "{caching}");
        gate.open();
        let page = client.response().await;
        assert_eq!((page.status, page.text(), page.header("link")), (200, "page", None), "{caching}");
    }
}

#[tokio::test]
async fn what_is_stored_has_no_trace_of_them() {
    let (origin, node) = node_before(hinted("page").header("Cache-Control", "max-age=60")).await;
    let mut client = node.connect().await;
    client.send(GET).await;
    assert_eq!(statuses(&mut client, 1).await, [103]);
    assert_eq!(client.response().await.text(), "page");
    client.send(GET).await;
    let hit = client.response_head().await;
    assert_eq!((hit.status, hit.header("link"), origin.count("/a")), (200, None, 1));
}

#[tokio::test]
async fn hints_that_come_together_with_the_answer_still_come_first() {
    let both = format!("{HINT}{HINT}HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\r\n");
    let (_origin, node) = node_before(Answer::raw(both)).await;
    let mut client = node.connect().await;
    for _ in 0..3 {
        client.send(GET).await;
        assert_eq!(statuses(&mut client, 3).await, [103, 103, 200]);
    }
}

#[tokio::test]
async fn every_method_gets_them() {
    let (_origin, node) = node_before(hinted("page")).await;
    let mut client = node.connect().await;
    for method in ["HEAD", "POST", "GET"] {
        client.send(GET.replace("GET", method)).await;
        assert_eq!(statuses(&mut client, 2).await, [103, 200], "{method}");
        if method != "HEAD" {
            assert_eq!(client.until("page").await, "page", "{method}");
        }
    }
}

#[tokio::test]
async fn pipelined_requests_get_each_its_own() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    let mut client = node.connect().await;
    let request = |target: &str| GET.replace("/a", target);
    for target in ["/1", "/2", "/3"] {
        let hint = HINT.replace("a.css", &format!("{}.css", &target[1..]));
        origin.on(target, Answer::ok("").header("Cache-Control", "max-age=60").preceded_by(hint));
    }
    client.send([request("/1"), request("/2"), request("/1"), request("/3")].concat()).await;
    let mut found = Vec::new();
    for _ in 0..7 {
        let head = client.response_head().await;
        found.push((head.status, head.header("link").map(|link| link.chars().nth(2).expect("a target"))));
    }
    let expected = [(103, Some('1')), (200, None), (103, Some('2')), (200, None), (200, None), (103, Some('3'))];
    assert_eq!(found[..6], expected, "the second /1 is a hit");
    assert_eq!(found[6], (200, None));
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_none() {
    let (_origin, node) = node_before(hinted("page")).await;
    let mut client = node.connect().await;
    client.send(GET.replace("1.1", "1.0")).await;
    assert_eq!(statuses(&mut client, 1).await, [200]);
    assert_eq!(client.until("page").await, "page");
}

#[tokio::test]
async fn who_reads_along_gets_none() {
    let gate = Gate::closed();
    let (origin, node) = node_before(hinted("page").header("Cache-Control", "max-age=60").after(&gate)).await;
    let (mut leader, mut follower) = (node.connect().await, node.connect().await);
    leader.send(GET).await;
    assert_eq!(statuses(&mut leader, 1).await, [103]);
    follower.send(GET).await;
    node.metric_is("forebay_cache_collapsed_waiters", &[], 1.0).await;
    gate.open();
    assert_eq!(statuses(&mut follower, 1).await, [200]);
    assert_eq!((leader.response().await.text(), origin.count("/a")), ("page", 1));
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_its_body_hears_both() {
    let (origin, node) = node_before(hinted("made")).await;
    let mut client = node.connect().await;
    client.send("POST /a HTTP/1.1\r\nHost: test.example\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(statuses(&mut client, 1).await, [100]);
    client.send("abc").await;
    assert_eq!(statuses(&mut client, 1).await, [103]);
    assert_eq!((client.response().await.text(), &*origin.seen()[0].body), ("made", &b"abc"[..]));
}

#[tokio::test]
async fn a_flood_of_them_ends_and_the_answer_comes() {
    let (_origin, node) = node_before(hinted("page").preceded_by(HINT.repeat(5_000))).await;
    let mut client = node.connect().await;
    client.send(GET).await;
    let mut hints = 0;
    while client.response_head().await.status == 103 {
        hints += 1;
    }
    assert!((1..400).contains(&hints), "{hints} hints");
    assert_eq!(client.until("page").await, "page");
    assert_eq!(node.get("/a").await.text(), "page");
}

#[tokio::test]
async fn hints_for_a_client_that_is_gone_harm_nobody() {
    let gate = Gate::closed();
    let answer = Answer::ok("page").header("Cache-Control", "max-age=60").preceded_by(HINT.repeat(20)).after(&gate);
    let (origin, node) = node_before(answer).await;
    let mut client = node.connect().await;
    client.send(GET).await;
    origin.requests_reach(1).await;
    drop(client);
    gate.open();
    assert_eq!(node.get("/a").await.text(), "page");
    assert_eq!(origin.count("/a"), 1);
}
