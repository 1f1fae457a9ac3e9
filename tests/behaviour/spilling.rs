//! What happens to a large body while it is being written to disk: it is purged, or changed by an unsafe request.

use support::{RawClient, River, TestNode, drink};

const MIB: u64 = 1 << 20;
const BYTES: u64 = 5 * MIB;

fn node(river: &River) -> TestNode {
    TestNode::start(&format!(
        "[cache]\nmemory = \"16MiB\"\nobject_max = \"1MiB\"\n[cache.disk]\npath = \"disk\"\nsize = \"256MiB\"\n\
         [origins.site]\nservers = [\"{}\"]\n[[route]]\norigin = \"site\"\n",
        river.url()
    ))
}

async fn ask(node: &TestNode, method: &str) -> (RawClient, support::Response) {
    let mut client = node.connect().await;
    client.send(format!("{method} /a HTTP/1.1\r\nHost: test.example\r\n\r\n")).await;
    let head = client.response_head().await;
    (client, head)
}

async fn purge(node: &TestNode, scope: &str) {
    let json = [("Content-Type", "application/json")];
    let mut door = RawClient::connect(node.admin()).await;
    assert_eq!(door.request("POST", "/v1/purge", &json, scope.as_bytes()).await.status, 200);
}

/// A body of which a part is written when `happens` happens. Its first reader gets all of it, and nobody later any of it.
async fn is_not_stored_where(happens: impl AsyncFn(&TestNode)) {
    let river = River::of_length(BYTES).await;
    let node = node(&river);
    river.dam(2 * MIB);
    let (mut first, _) = ask(&node, "GET").await;
    river.pours(2 * MIB).await;
    happens(&node).await;
    let before = river.requests();
    let (mut late, head) = ask(&node, "GET").await;
    assert_eq!(head.header("cache-status"), Some("edge-1; fwd=uri-miss; ttl=60; stored"));
    assert_eq!(river.requests(), before + 1, "it does not join what began before");
    river.dam(u64::MAX);
    drink(&mut first, 0, BYTES).await;
    drink(&mut late, 0, BYTES).await;
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    let (mut hit, head) = ask(&node, "GET").await;
    assert_eq!(head.header("cache-status"), Some("edge-1; hit; ttl=60"), "what began afterwards is stored");
    drink(&mut hit, 0, BYTES).await;
}

#[tokio::test]
async fn what_was_purged_or_changed_while_it_was_written_is_not_stored() {
    for scope in [r#"{"url": "http://test.example/a"}"#, r#"{"all": true}"#] {
        is_not_stored_where(async |node| purge(node, scope).await).await;
    }
    is_not_stored_where(async |node| _ = ask(node, "POST").await).await;
}

#[tokio::test]
async fn what_is_purged_while_it_is_written_alone_is_on_disk_in_no_life() {
    let river = River::of_length(BYTES).await;
    let node = node(&river);
    river.dam(2 * MIB);
    let (mut first, _) = ask(&node, "GET").await;
    river.pours(2 * MIB).await;
    purge(&node, r#"{"prefix": "http://test.example/"}"#).await;
    river.dam(u64::MAX);
    drink(&mut first, 0, BYTES).await;
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    let node = node.restarted().await;
    let (mut again, head) = ask(&node, "GET").await;
    assert_eq!(head.header("cache-status"), Some("edge-1; fwd=uri-miss; ttl=60; stored"));
    drink(&mut again, 0, BYTES).await;
    assert_eq!(river.requests(), 2);
}

#[tokio::test]
async fn what_is_softly_purged_while_it_is_written_is_stored_stale() {
    let river = River::of_length(BYTES).await;
    let node = node(&river);
    river.dam(2 * MIB);
    let (mut first, _) = ask(&node, "GET").await;
    river.pours(2 * MIB).await;
    purge(&node, r#"{"url": "http://test.example/a", "soft": true}"#).await;
    river.dam(u64::MAX);
    drink(&mut first, 0, BYTES).await;
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    let node = node.restarted().await;
    let (mut again, head) = ask(&node, "GET").await;
    assert_eq!(head.header("cache-status"), Some("edge-1; fwd=stale; ttl=60; stored"));
    drink(&mut again, 0, BYTES).await;
}
