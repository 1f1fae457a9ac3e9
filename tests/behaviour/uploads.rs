//! Request bodies that are announced, and request bodies that do not come.

use support::{Answer, Origin, TestNode, one_route};

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up_and_the_clients_fault() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    let listener = "[[listener]]\naddress = \"127.0.0.1:0\"\nbody_timeout = \"200ms\"\n";
    let node = TestNode::start(&format!("{listener}{}", one_route(&origin)));
    let mut client = node.connect().await;
    client.send("POST /form HTTP/1.1\r\nHost: test.example\r\nContent-Length: 10\r\n\r\nabc").await;
    let told = client.response().await;
    assert_eq!(told.status, 408);
    assert_eq!(told.header("cache-status"), Some("edge-1; fwd=method; detail=request_stalled"));
    let status = told.header("proxy-status").expect("the node's own answer");
    assert!(status.starts_with("edge-1; error=http_request_error; details="), "{status}");
    assert!(client.is_closed().await, "the rest of the body would be taken for a request");
    let line = node.logged("/form").await;
    assert!(line.contains("fault=client"), "{line}");
    node.metric_is("forebay_origin_requests_total", &[("code", "request_stalled")], 1.0).await;
    // The origin never saw the end of that request.
    origin.open_connections_are(0).await;
    assert_eq!((node.get("/").await.text(), origin.seen().len()), ("good", 1));
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let origin = Origin::start().await;
    origin.on("/form", Answer::status(201, "made"));
    let node = TestNode::before(&origin, "");
    let mut client = node.connect().await;
    client.send("POST /form HTTP/1.1\r\nHost: test.example\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.response_head().await.status, 100);
    client.send("abc").await;
    let response = client.response().await;
    assert_eq!((response.status, response.text()), (201, "made"));
    let seen = &origin.seen()[0];
    assert_eq!((seen.header("expect"), seen.body.as_slice()), (None, &b"abc"[..]));
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_is_not_asked_for_a_body_that_nobody_wants() {
    let origin = Origin::start().await;
    let node = TestNode::start(&one_route(&origin).replace("\"*\"", "\"known.example\""));
    let mut client = node.connect().await;
    client
        .send("POST /form HTTP/1.1\r\nHost: other.example\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(client.response_head().await.status, 404);
    assert_eq!(origin.seen().len(), 0);
}
