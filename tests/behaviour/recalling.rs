//! What was read from disk while something else happened to it, and what a later life of the node finds.

use std::time::Duration;

use support::{Answer, Gate, Origin, RawClient, TestNode, one_route};

fn node_with(origin: &Origin, keys: &str) -> TestNode {
    let disk = format!("[cache]\nmemory = \"1MiB\"\n[cache.disk]\npath = \"cache\"\nsize = \"64MiB\"\n{keys}\n");
    TestNode::start(&format!("{disk}{}", one_route(origin)))
}

fn lasting(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=600")
}

/// Asks past what is stored; the answer is still to come when the origin has been asked.
async fn asking_again(node: &TestNode, origin: &Origin) -> RawClient {
    let before = origin.seen().len();
    let mut client = node.connect().await;
    client.send("GET /a HTTP/1.1\r\nHost: test.example\r\nCache-Control: no-cache\r\n\r\n".to_owned()).await;
    origin.requests_reach(before + 1).await;
    client
}

/// Reads what is on disk until memory has it.
async fn promoted(node: &TestNode) {
    for _ in 0..3 {
        assert_eq!(node.get("/a").await.text(), "old");
    }
    node.metric_is("forebay_cache_requests_total", &[("status", "hit"), ("tier", "memory")], 2.0).await;
}

#[tokio::test]
async fn what_was_taken_into_memory_meanwhile_is_given_up_with_what_disk_had() {
    let (origin, gate) = (Origin::start().await, Gate::closed());
    origin.on("/a", lasting("old"));
    let node = node_with(&origin, "");
    node.get("/a").await;
    let node = node.restarted().await;
    origin.on("/a", Answer::ok("own").header("Cache-Control", "no-store").after(&gate));
    let mut client = asking_again(&node, &origin).await;
    promoted(&node).await;
    gate.open();
    assert_eq!(client.response().await.text(), "own");
    assert_eq!(node.get("/a").await.text(), "own");
}

#[tokio::test]
async fn what_a_head_says_holds_for_what_was_taken_into_memory_meanwhile() {
    let (origin, gate) = (Origin::start().await, Gate::closed());
    origin.on("/a", lasting("old").header("ETag", "\"1\""));
    let node = node_with(&origin, "");
    node.get("/a").await;
    let node = node.restarted().await;
    origin.on("/a", lasting("new").header("ETag", "\"2\"").after(&gate));
    let before = origin.seen().len();
    let mut client = node.connect().await;
    client.send("HEAD /a HTTP/1.1\r\nHost: test.example\r\nCache-Control: no-cache\r\n\r\n".to_owned()).await;
    origin.requests_reach(before + 1).await;
    promoted(&node).await;
    gate.open();
    assert_eq!(client.response_head().await.status, 200);
    assert_eq!(node.get("/a").await.text(), "new", "a HEAD said that it is another");
}

#[tokio::test]
async fn a_head_that_confirms_ends_what_a_soft_purge_began() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("kept").header("ETag", "\"1\""));
    let node = node_with(&origin, "");
    node.get("/a").await;
    let json = [("Content-Type", "application/json")];
    let url = br#"{"url": "http://test.example/a", "soft": true}"#;
    let purged = RawClient::connect(node.admin()).await.request("POST", "/v1/purge", &json, url).await;
    assert_eq!(purged.status, 200);
    node.advance(Duration::from_secs(1));
    node.connect().await.request("HEAD", "/a", &[], b"").await;
    assert_eq!(node.get("/a").await.header("cache-status"), Some("edge-1; hit; ttl=600"));
}

#[tokio::test]
async fn each_variant_enters_the_disk_with_its_second_request() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("stored").header("Vary", "X-Tier"));
    let node = node_with(&origin, "admission = \"second_request\"");
    for tier in ["a", "b", "a"] {
        node.get_with("/a", &[("X-Tier", tier)]).await;
    }
    let node = node.restarted().await;
    for (tier, requests) in [("a", 2), ("b", 3)] {
        node.get_with("/a", &[("X-Tier", tier)]).await;
        assert_eq!(origin.count("/a"), requests, "{tier}");
    }
}

#[tokio::test]
async fn what_memory_gave_up_enters_the_disk_when_it_is_asked_for_again() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("stored"));
    let node = node_with(&origin, "admission = \"second_request\"");
    node.get("/a").await;
    let mut door = RawClient::connect(node.admin()).await;
    let all = br#"{"all": true}"#;
    assert_eq!(door.request("POST", "/v1/purge", &[("Content-Type", "application/json")], all).await.status, 200);
    node.get("/a").await;
    let node = node.restarted().await;
    assert_eq!(node.get("/a").await.header("cache-status"), Some("edge-1; hit; ttl=600"));
}

#[tokio::test]
async fn a_later_life_does_not_find_what_equivalent_queries_replaced() {
    let origin = Origin::start().await;
    origin.on("/a?x=1", lasting("old"));
    let node = node_with(&origin, "");
    node.get("/a?x=1").await;
    origin.on("/a?x=1", lasting("new").header("No-Vary-Search", "key-order"));
    assert_eq!(node.get_with("/a?x=1", &[("Cache-Control", "no-cache")]).await.text(), "new");
    let node = node.restarted().await;
    assert_eq!(node.get("/a?x=1").await.text(), "new");
}

#[tokio::test]
async fn above_the_write_rate_responses_stay_off_the_disk_and_older_ones_leave_it() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("old")).on("/b", lasting(&"b".repeat(700 << 10)));
    let node = node_with(&origin, "write_rate = \"64KiB\"");
    for target in ["/a", "/b"] {
        node.get(target).await;
    }
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    origin.on("/a", lasting("new"));
    node.get_with("/a", &[("Cache-Control", "no-cache")]).await;
    node.metric_is("forebay_disk_admissions_total", &[("result", "rate")], 1.0).await;
    let asked = origin.count("/a");
    let node = node.restarted().await;
    assert_eq!(node.get("/a").await.text(), "new");
    assert_eq!(origin.count("/a"), asked + 1, "neither of them is on disk");
}

#[tokio::test]
async fn a_locked_folder_leaves_the_second_node_with_memory_alone() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("stored"));
    let first = node_with(&origin, "");
    let folder = first.folder().join("cache");
    let disk = format!("[cache]\nmemory = \"1MiB\"\n[cache.disk]\npath = {folder:?}\nsize = \"64MiB\"\n");
    let second = TestNode::start(&format!("{disk}{}", one_route(&origin)));
    second.metric_is("forebay_disk_state", &[("state", "locked")], 1.0).await;
    second.get("/a").await;
    assert_eq!(second.get("/a").await.header("cache-status"), Some("edge-1; hit; ttl=600"));
    first.metric_is("forebay_disk_state", &[("state", "ok")], 1.0).await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_leaves_the_node_with_memory_alone() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("stored"));
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let folder = file.path().join("cache");
    let disk = format!("[cache]\nmemory = \"1MiB\"\n[cache.disk]\npath = {folder:?}\nsize = \"64MiB\"\n");
    let node = TestNode::start(&format!("{disk}{}", one_route(&origin)));
    node.get("/a").await;
    assert_eq!(node.get("/a").await.header("cache-status"), Some("edge-1; hit; ttl=600"));
    node.metric_is("forebay_disk_state", &[("state", "ok")], 0.0).await;
}

#[tokio::test]
async fn keys_of_an_earlier_life_with_parts_are_purged_and_changed_by_their_url() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("old"));
    let disk = "[cache]\nmemory = \"1MiB\"\n[cache.disk]\npath = \"cache\"\nsize = \"64MiB\"\n";
    let route = "[route.cache]\nkey.headers = [\"x-device\"]\n";
    let mut node = TestNode::start(&format!("{disk}{}{route}", one_route(&origin)));
    let desk = [("X-Device", "desk")];
    for given_up in ["purge", "change"] {
        origin.on("/a", lasting("old"));
        assert_eq!(node.get_with("/a", &desk).await.text(), "old", "{given_up}");
        node = node.restarted().await;
        origin.on("/a", lasting("new"));
        if given_up == "purge" {
            let url = br#"{"url": "http://test.example/a"}"#;
            let json = [("Content-Type", "application/json")];
            RawClient::connect(node.admin()).await.request("POST", "/v1/purge", &json, url).await;
        } else {
            node.connect().await.request("POST", "/a", &[("Content-Length", "0")], b"").await;
        }
        node = node.restarted().await;
        assert_eq!(node.get_with("/a", &desk).await.text(), "new", "{given_up}");
        node.connect().await.request("POST", "/a", &[("Content-Length", "0")], b"").await;
    }
}
