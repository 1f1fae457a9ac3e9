//! Bodies that are too large for memory: they go to disk in slices while they come, and are read back from there.

use support::{RawClient, River, TestNode, drink, water};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// A node whose memory takes bodies of up to 1 MiB, with these lines in its disk tier.
fn node(river: &River, disk: &str) -> TestNode {
    TestNode::start(&format!(
        "[cache]\nmemory = \"16MiB\"\nobject_max = \"1MiB\"\n\
         [cache.disk]\npath = \"disk\"\nsize = \"512MiB\"\nqueue = \"16MiB\"\n{disk}\n\
         [origins.site]\nservers = [\"{}\"]\n[[route]]\norigin = \"site\"\n",
        river.url()
    ))
}

/// Asks with these fields; the response's head, with the body still to come.
async fn ask(node: &TestNode, fields: &str) -> (RawClient, support::Response) {
    let mut client = node.connect().await;
    client.send(format!("GET /a HTTP/1.1\r\nHost: test.example\r\n{fields}\r\n")).await;
    let head = client.response_head().await;
    (client, head)
}

/// Asks for all of a body of this length, reads it, and waits until it is stored, where it is fetched.
async fn read_whole(node: &TestNode, bytes: u64) -> support::Response {
    let (mut client, head) = ask(node, "").await;
    assert_eq!(head.status, 200);
    drink(&mut client, 0, bytes).await;
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    head
}

async fn read_range(node: &TestNode, range: std::ops::Range<u64>) -> support::Response {
    let (mut client, head) = ask(node, &format!("Range: bytes={}-{}\r\n", range.start, range.end - 1)).await;
    assert_eq!(head.status, 206, "{range:?}");
    assert_eq!(head.header("content-length"), Some(&*(range.end - range.start).to_string()));
    drink(&mut client, range.start, range.end).await;
    head
}

#[tokio::test]
async fn a_body_too_large_for_memory_is_stored_on_disk_and_served_whole_and_in_ranges() {
    let bytes = 5 * MIB + 123;
    let river = River::of_length(bytes).await;
    let node = node(&river, "");
    assert_eq!(read_whole(&node, bytes).await.header("cache-status"), Some("edge-1; fwd=uri-miss; ttl=60; stored"));
    let hit = Some("edge-1; hit; ttl=60");
    let again = read_whole(&node, bytes).await;
    assert_eq!((again.header("cache-status"), again.header("content-length")), (hit, Some("5243003")));
    let edge = 256 * KIB;
    for range in
        [0..1, 0..edge, edge - 1..edge + 1, edge..2 * edge, 3 * MIB + 5..4 * MIB - 7, bytes - 1..bytes, 0..bytes]
    {
        assert_eq!(read_range(&node, range).await.header("cache-status"), hit);
    }
    assert_eq!(river.requests(), 1);
}

#[tokio::test]
async fn conditions_heads_and_several_ranges_are_answered_from_slices() {
    let bytes = 2 * MIB + 10;
    let river = River::of_length(bytes).await;
    let node = node(&river, "");
    read_whole(&node, bytes).await;
    let mut client = node.connect().await;
    let head = client.request("HEAD", "/a", &[], b"").await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("2097162")));
    let known = node.get_with("/a", &[("If-None-Match", "\"1\"")]).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    let (mut other, head) = ask(&node, "Range: bytes=0-9\r\nIf-Range: \"2\"\r\n").await;
    assert_eq!(head.status, 200, "another representation is meant");
    drink(&mut other, 0, bytes).await;
    let beyond = node.get_with("/a", &[("Range", "bytes=2097162-")]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */2097162")));
    let several = node.get_with("/a", &[("Range", "bytes=10-19,262140-262150,-5")]).await;
    assert_eq!((several.status, several.header("content-length")), (206, Some(&*several.body.len().to_string())));
    let mut rest = &several.body[..];
    for (start, end) in [(10, 20), (262_140, 262_151), (bytes - 5, bytes)] {
        let place = format!("Content-Range: bytes {start}-{}/{bytes}\r\n\r\n", end - 1);
        let at =
            rest.windows(place.len()).position(|window| window == place.as_bytes()).expect("its place") + place.len();
        assert_eq!(rest[at..at + (end - start) as usize], water(start, end));
        rest = &rest[at..];
    }
    assert_eq!(river.requests(), 1);
}

#[tokio::test]
async fn who_comes_while_it_fills_reads_from_the_start_and_ranges_at_once() {
    let (bytes, here) = (12 * MIB, 7 * MIB);
    let river = River::of_length(bytes).await;
    river.dam(here);
    let node = node(&river, "");
    let (mut first, _) = ask(&node, "").await;
    drink(&mut first, 0, here).await;
    let (mut late, head) = ask(&node, "").await;
    assert_eq!(head.header("cache-status"), Some("edge-1; fwd=uri-miss; ttl=60; collapsed"));
    drink(&mut late, 0, here).await;
    for range in [MIB..2 * MIB, here - 10..here, 0..10] {
        read_range(&node, range).await;
    }
    let (mut ahead, head) = ask(&node, &format!("Range: bytes={}-\r\n", bytes - 10)).await;
    assert_eq!(head.status, 206);
    river.dam(bytes);
    drink(&mut ahead, bytes - 10, bytes).await;
    drink(&mut first, here, bytes).await;
    drink(&mut late, here, bytes).await;
    assert_eq!(read_whole(&node, bytes).await.header("cache-status"), Some("edge-1; hit; ttl=60"));
    assert_eq!(river.requests(), 1);
}

#[tokio::test]
async fn a_slow_reader_holds_nobody_up() {
    let bytes = 48 * MIB;
    let river = River::of_length(bytes).await;
    let node = node(&river, "");
    let (mut slow, _) = ask(&node, "").await;
    read_whole(&node, bytes).await;
    river.pours(bytes).await;
    assert_eq!(read_whole(&node, bytes).await.header("cache-status"), Some("edge-1; hit; ttl=60"));
    drink(&mut slow, 0, bytes).await;
    assert_eq!(river.requests(), 1);
}

#[tokio::test]
async fn a_body_of_unknown_length_that_outgrows_memory_goes_to_disk() {
    let bytes = 3 * MIB + 1;
    let river = River::start(bytes, "Cache-Control: max-age=60\r\n").await;
    river.dam(2 * MIB);
    let node = node(&river, "");
    let mut clients = [node.connect().await, node.connect().await];
    for client in &mut clients {
        client.send("GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
        river.pours(2 * MIB).await;
    }
    river.dam(bytes);
    for client in &mut clients {
        let response = client.response().await;
        assert_eq!((response.header("transfer-encoding"), response.complete), (Some("chunked"), true));
        assert!(response.body == water(0, bytes));
    }
    assert_eq!(read_whole(&node, bytes).await.header("content-length"), Some("3145729"));
    assert_eq!(river.requests(), 1);
}

#[tokio::test]
async fn a_fill_goes_on_without_clients_where_little_is_missing() {
    let bytes = 8 * MIB;
    let river = River::of_length(bytes).await;
    river.dam(2 * MIB);
    let node = node(&river, "");
    let (mut client, _) = ask(&node, "").await;
    drink(&mut client, 0, 2 * MIB).await;
    drop(client);
    river.dam(bytes);
    river.pours(bytes).await;
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!(read_whole(&node, bytes).await.header("cache-status"), Some("edge-1; hit; ttl=60"));
    assert_eq!(river.requests(), 1);
}

#[tokio::test]
async fn a_fill_ends_with_its_last_client_where_much_or_nobody_knows_how_much_is_missing() {
    let much = format!("Content-Length: {}\r\n", 70 * MIB);
    for length in [much.as_str(), ""] {
        let river = River::start(70 * MIB, &format!("{length}Cache-Control: max-age=60\r\n")).await;
        river.dam(2 * MIB);
        let node = node(&river, "");
        let (client, _) = ask(&node, "").await;
        river.pours(2 * MIB).await;
        drop(client);
        assert!(node.logged("/a").await.contains("ending=client_abort"));
        river.dam(u64::MAX);
        river.is_refused(1).await;
        node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
        let (_client, head) = ask(&node, "").await;
        assert_eq!(head.header("cache-status"), Some("edge-1; fwd=uri-miss; ttl=60; stored"));
        assert_eq!(river.requests(), 2);
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_was_said_is_not_stored() {
    let river = River::start(2 * MIB, &format!("Content-Length: {}\r\nCache-Control: max-age=60\r\n", 3 * MIB)).await;
    let node = node(&river, "");
    for requests in 1..3 {
        let short = node.get("/a").await;
        assert!(!short.complete && short.body == water(0, 2 * MIB));
        node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
        assert_eq!(river.requests(), requests);
    }
}

#[tokio::test]
async fn a_body_too_large_for_disk_passes_and_is_not_stored() {
    let bytes = 5 * MIB;
    for length in [format!("Content-Length: {bytes}\r\n"), String::new()] {
        let river = River::start(bytes, &format!("{length}Cache-Control: max-age=60\r\n")).await;
        let node = node(&river, "object_max = \"4MiB\"");
        for requests in 1..3 {
            assert_eq!(node.get("/a").await.body.len() as u64, bytes);
            assert_eq!(river.requests(), requests);
        }
    }
}
