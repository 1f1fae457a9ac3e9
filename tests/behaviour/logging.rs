//! The access log: one line per exchange, readable by the usual tools, impossible to forge.

use serde_json::Value;
use support::{Answer, Origin, TestNode, one_route};

#[tokio::test]
async fn a_line_says_what_was_asked_and_what_the_cache_did() {
    let origin = Origin::start().await;
    origin.on("/a?b=1", Answer::ok("abc").header("Cache-Control", "max-age=60"));
    let node = TestNode::before(&origin, "");
    let fields = [("User-Agent", "test/1.0"), ("Referer", "http://here.example/")];
    let response = node.connect().await.request("GET", "/a?b=1", &fields, b"").await;
    let line = node.logged("/a?b=1").await;
    let start = "127.0.0.1 - - [15/Jan/2027:08:00:00 +0000] \"GET /a?b=1 HTTP/1.1\" 200 3 \"http://here.example/\" \"test/1.0\"";
    assert!(line.starts_with(start), "{line}");
    let id = format!("id=\"{}\"", response.header("x-request-id").unwrap());
    for part in
        ["host=\"test.example\"", "route=\"all\"", "cache=miss", "origin=site", "filter_us=", "ending=whole", &id]
    {
        assert!(line.contains(part), "{part} in {line}");
    }
    node.get("/a?b=1").await;
    assert!(node.logged("cache=hit").await.contains("tier=memory"));
}

#[tokio::test]
async fn a_line_says_whose_fault_a_failure_was() {
    let gone = Origin::start().await.url();
    let node = TestNode::start(&format!(
        "[origins.gone]\nservers = [\"{gone}\"]\n[[route]]\nhost = \"test.example\"\npath = \"/\"\norigin = \"gone\"\n"
    ));
    node.get("/origin").await;
    let line = node.logged("/origin").await;
    assert!(line.contains("\" 502 ") && line.contains("failure=connection_refused fault=origin"), "{line}");
    node.connect().await.request("GET", "/client", &[("Host", "other.example")], b"").await;
    let line = node.logged("/client").await;
    assert!(line.contains("\" 404 ") && line.contains("failure=no_route fault=client"), "{line}");
}

#[tokio::test]
async fn json_lines_have_the_same_facts() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("abc"));
    let log = "[log]\naccess = \"./access.log\"\naccess_format = \"json\"\n";
    let node = TestNode::start(&format!("{log}{}", one_route(&origin)));
    node.connect().await.request("GET", "/a", &[("User-Agent", "a\"b")], b"").await;
    let line: Value = serde_json::from_str(&node.logged("/a").await).expect("a line is one JSON object");
    assert_eq!((&line["status"], &line["bytes"], &line["ua"]), (&200.into(), &3.into(), &"a\"b".into()));
    assert_eq!((&line["cache"], &line["detail"]), (&"miss".into(), &"no_freshness".into()));
}

#[tokio::test]
async fn nothing_a_client_sends_can_forge_a_line() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a"));
    let node = TestNode::before(&origin, "");
    node.connect().await.request("GET", "/forge", &[("User-Agent", "x\" 200 \"\t\\")], b"").await;
    let line = node.logged("/forge").await;
    assert!(line.contains("\"x\\x22 200 \\x22\\x09\\x5C\""), "{line}");
}

#[tokio::test]
async fn a_client_that_leaves_is_logged_as_such() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::never());
    let node = TestNode::before(&origin, "");
    let mut client = node.connect().await;
    client.send("GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    origin.requests_reach(1).await;
    drop(client);
    let line = node.logged("\"GET /a HTTP/1.1\"").await;
    assert!(line.contains("\" 499 ") && line.contains("ending=client_abort"), "{line}");
    node.metric_is("forebay_http_requests_total", &[("code", "499")], 1.0).await;
}
