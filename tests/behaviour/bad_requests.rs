//! Requests that are wrong: each is refused, counted, and the node serves on.

use support::{Answer, Origin, TestNode};

/// The status that answers these bytes on a new connection.
async fn status_of(node: &TestNode, bytes: impl AsRef<[u8]>) -> u16 {
    let mut client = node.connect().await;
    client.send(bytes).await;
    client.response().await.status
}

async fn good_node() -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    let node = TestNode::before(&origin, "");
    (origin, node)
}

#[tokio::test]
async fn malformed_heads_are_refused() {
    let (origin, node) = good_node().await;
    let malformed: [&[u8]; 9] = [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nbad field\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
        b"G@T{} / HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    let count = malformed.len();
    for bytes in malformed {
        assert_eq!(status_of(&node, bytes).await, 400, "{}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(origin.seen().len(), 0);
    let labels = [("listener", "front"), ("kind", "malformed")];
    node.metric_is("forebay_connection_errors_total", &labels, count as f64).await;
    assert_eq!(node.get("/").await.text(), "good");
}

#[tokio::test]
async fn framing_that_two_readers_could_read_differently_is_refused() {
    let (origin, node) = good_node().await;
    let smuggled = [
        "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "Content-Length: +3\r\n\r\nabc",
        "Content-Length: 3, 4\r\n\r\nabcd",
        "Content-Length: -1\r\n\r\n",
        "Transfer-Encoding: gzip\r\n\r\nabc",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ];
    for framing in smuggled {
        let request = format!("POST /a HTTP/1.1\r\nHost: test.example\r\n{framing}");
        assert_eq!(status_of(&node, &request).await, 400, "{framing:?}");
    }
    assert_eq!(origin.seen().len(), 0, "{:?}", origin.seen());
    assert_eq!(node.get("/").await.text(), "good");
}

#[tokio::test]
async fn both_framings_at_once_never_leave_a_second_request_behind() {
    let (origin, node) = good_node().await;
    let mut client = node.connect().await;
    client
        .send(
            "POST /a HTTP/1.1\r\nHost: test.example\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n\
             0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test.example\r\n\r\n",
        )
        .await;
    let response = client.response().await;
    assert!(matches!(response.status, 200 | 400), "{response:?}");
    assert!(client.is_closed().await || origin.count("/smuggled") <= 1);
    for seen in origin.seen() {
        assert!(seen.header("content-length").is_none() || seen.header("transfer-encoding").is_none(), "{seen:?}");
    }
}

#[tokio::test]
async fn a_request_names_exactly_one_host() {
    let (origin, node) = good_node().await;
    for fields in ["", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: a@b\r\n", "Host: a:b\r\n", "Host: \r\n"] {
        assert_eq!(status_of(&node, format!("GET / HTTP/1.1\r\n{fields}\r\n")).await, 400, "{fields:?}");
    }
    assert_eq!(origin.seen().len(), 0);
}

#[tokio::test]
async fn absolute_form_names_its_host_twice() {
    let (origin, node) = good_node().await;
    assert_eq!(status_of(&node, "GET http://a.example/ HTTP/1.1\r\n\r\n").await, 400);
    assert_eq!(origin.seen().len(), 0);
    assert_eq!(status_of(&node, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n").await, 200);
    assert_eq!(status_of(&node, "GET http://a.example/ HTTP/1.0\r\n\r\n").await, 200);
}

#[tokio::test]
async fn heads_above_the_limits_are_431() {
    let (origin, node) = good_node().await;
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    assert_eq!(status_of(&node, long).await, 431);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(101));
    assert_eq!(status_of(&node, many).await, 431);
    let just_enough = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(99));
    assert_eq!(status_of(&node, just_enough).await, 200);
    assert_eq!(origin.seen().len(), 1);
}

#[tokio::test]
async fn methods_for_forward_proxies_are_refused() {
    let (origin, node) = good_node().await;
    assert_eq!(status_of(&node, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n").await, 400);
    assert_eq!(status_of(&node, "TRACE / HTTP/1.1\r\nHost: a.example\r\n\r\n").await, 405);
    assert_eq!(status_of(&node, "GET ftp://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n").await, 400);
    assert_eq!(origin.seen().len(), 0);
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    let listener = "[[listener]]\nname = \"front\"\naddress = \"127.0.0.1:0\"\nheader_timeout = \"100ms\"\n";
    let node = TestNode::start(&format!("{listener}{}", support::one_route(&origin)));
    let mut client = node.connect().await;
    client.send("GET / HTTP/1.1\r\nHost:").await;
    let last_words = client.some().await;
    assert!(last_words.is_empty() || last_words.starts_with(b"HTTP/1.1 408"), "{last_words:?}");
    node.metric_is("forebay_connection_errors_total", &[("kind", "header_timeout")], 1.0).await;
    assert_eq!(node.get("/").await.text(), "good");
}

#[tokio::test]
async fn a_connection_above_the_limit_waits_for_one_to_end() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    let node = TestNode::start(&format!(
        "[node]\nworkers = 1\n[[listener]]\nname = \"front\"\naddress = \"127.0.0.1:0\"\nconnections_max = 1\n{}",
        support::one_route(&origin)
    ));
    let mut first = node.connect().await;
    first.get("/1").await;
    let mut second = node.connect().await;
    second.send("GET /2 HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    first.get("/3").await;
    assert_eq!(origin.count("/2"), 0, "one connection is served at a time");
    drop(first);
    assert_eq!(second.response().await.text(), "good");
}

#[tokio::test]
async fn a_limit_of_one_connection_serves_all_who_come_one_after_the_other() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    // No worker may hold the only place while another one has the client.
    let node = TestNode::start(&format!(
        "[node]\nworkers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\nconnections_max = 1\n{}",
        support::one_route(&origin)
    ));
    for number in 0..12 {
        assert_eq!(node.get(&format!("/{number}")).await.text(), "good");
    }
    assert_eq!(origin.seen().len(), 12);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    let listener = "[[listener]]\naddress = \"127.0.0.1:0\"\nkeep_alive_timeout = \"100ms\"\n";
    let node = TestNode::start(&format!("{listener}{}", support::one_route(&origin)));
    let mut client = node.connect().await;
    client.get("/").await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let (_origin, node) = good_node().await;
    let mut client = node.connect().await;
    client.send("GET / HTTP/1.0\r\nHost: test.example\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "good");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_request_split_at_every_byte_is_the_same_request() {
    let (origin, node) = good_node().await;
    let mut client = node.connect().await;
    for byte in b"POST /a HTTP/1.1\r\nHost: test.example\r\nContent-Length: 3\r\n\r\nabc" {
        client.send([*byte]).await;
    }
    assert_eq!(client.response().await.text(), "good");
    assert_eq!(origin.seen()[0].body, b"abc");
}
