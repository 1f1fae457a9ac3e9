//! Large bodies as they lie on disk: after a restart, damaged, evicted, confirmed, coded.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use support::{Answer, Origin, RawClient, River, TestNode, drink, one_route, water};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// A disk tier in the node's own folder, with these keys.
fn disk(keys: &str) -> String {
    format!("[cache]\nmemory = \"16MiB\"\nobject_max = \"1MiB\"\n[cache.disk]\npath = \"disk\"\n{keys}\n")
}

fn site(river: &River) -> String {
    format!("[origins.site]\nservers = [\"{}\"]\n[[route]]\norigin = \"site\"\n", river.url())
}

fn before(river: &River, keys: &str) -> TestNode {
    TestNode::start(&(disk(keys) + &site(river)))
}

async fn ask(node: &TestNode, target: &str, fields: &str) -> (RawClient, support::Response) {
    let mut client = node.connect().await;
    client.send(format!("GET {target} HTTP/1.1\r\nHost: test.example\r\n{fields}\r\n")).await;
    let head = client.response_head().await;
    (client, head)
}

/// Asks for all of a body, reads it, and waits until it is stored, where it is fetched.
async fn read_whole(node: &TestNode, target: &str, bytes: u64) -> support::Response {
    let (mut client, head) = ask(node, target, "").await;
    drink(&mut client, 0, bytes).await;
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    head
}

async fn written(node: &TestNode) {
    node.metric_is("forebay_disk_queue_operations", &[], 0.0).await;
}

fn verdict(response: &support::Response) -> &str {
    response.header("cache-status").expect("every answer says what the cache did")
}

#[tokio::test]
async fn a_range_after_a_restart_reads_its_slices_only() {
    // One that memory holds as well, and one that it never does.
    for bytes in [700 * KIB + 1, 5 * MIB] {
        let river = River::of_length(bytes).await;
        let node = before(&river, "size = \"256MiB\"");
        read_whole(&node, "/a", bytes).await;
        let node = node.restarted().await;
        let (mut client, head) = ask(&node, "/a", &format!("Range: bytes={}-{}\r\n", 300 * KIB, 301 * KIB - 1)).await;
        assert_eq!((head.status, verdict(&head)), (206, "edge-1; hit; ttl=60"));
        drink(&mut client, 300 * KIB, 301 * KIB).await;
        let read = node.scrape().await.value("forebay_disk_read_bytes_total", &[]);
        assert!(read < 300.0 * KIB as f64, "{read} bytes were read");
        assert_eq!(verdict(&read_whole(&node, "/a", bytes).await), "edge-1; hit; ttl=60");
        assert_eq!(river.requests(), 1);
    }
}

/// Changes a byte that is unlike what the bodies of these tests have on either side, in the middle of a body's slices.
fn damage(node: &TestNode, within: &[u8]) {
    let folder = node.folder().join("disk/v1");
    for entry in fs::read_dir(folder).expect("the disk tier has a folder") {
        let path = entry.expect("the folder can be listed").path();
        let mut bytes = Vec::new();
        let mut file = fs::File::options().read(true).write(true).open(path).expect("its files can be written");
        file.read_to_end(&mut bytes).expect("its files can be read");
        if let Some(at) = bytes.windows(within.len()).position(|window| window == within) {
            file.seek(SeekFrom::Start(at as u64)).expect("a position in the file");
            file.write_all(&[!within[0]]).expect("its files can be written");
            return;
        }
    }
    panic!("no file has these bytes");
}

#[tokio::test]
async fn a_damaged_slice_breaks_one_answer_off_and_the_next_request_fetches_anew() {
    let bytes = 4 * MIB;
    let river = River::of_length(bytes).await;
    let node = before(&river, "size = \"256MiB\"");
    read_whole(&node, "/a", bytes).await;
    written(&node).await;
    damage(&node, &water(3 * MIB, 3 * MIB + 64));
    let broken = node.get("/a").await;
    assert!(!broken.complete && broken.body == water(0, 3 * MIB), "{} bytes", broken.body.len());
    let line = node.logged("node_abort").await;
    assert!(line.contains("slice_lost"), "{line}");
    let (mut client, head) = ask(&node, "/a", "Range: bytes=0-99\r\n").await;
    assert_eq!(verdict(&head), "edge-1; hit; ttl=60", "what is not damaged is served");
    drink(&mut client, 0, 100).await;
    assert_eq!(river.requests(), 1);
    assert_eq!(verdict(&read_whole(&node, "/a", bytes).await), "edge-1; fwd=uri-miss; ttl=60; stored");
    assert_eq!(verdict(&read_whole(&node, "/a", bytes).await), "edge-1; hit; ttl=60");
    assert_eq!(river.requests(), 2);
}

#[tokio::test]
async fn eviction_takes_no_slice_from_a_reader() {
    let bytes = 12 * MIB;
    let river = River::of_length(bytes).await;
    let node = before(&river, "size = \"64MiB\"\nobject_max = \"16MiB\"\nsegment_size = \"8MiB\"");
    read_whole(&node, "/kept", bytes).await;
    let (mut slow, head) = ask(&node, "/kept", "").await;
    assert_eq!(verdict(&head), "edge-1; hit; ttl=60");
    drink(&mut slow, 0, 1).await;
    for number in 0..8 {
        read_whole(&node, &format!("/{number}"), bytes).await;
        written(&node).await;
    }
    let evicted = node.scrape().await.value("forebay_disk_segments", &[]);
    assert!(evicted <= 9.0, "{evicted} segments");
    drink(&mut slow, 1, bytes).await;
    let first = read_whole(&node, "/0", bytes).await;
    assert!(verdict(&first).contains("fwd=uri-miss"), "it was evicted");
}

/// A response of 2 MiB that can be confirmed.
fn confirmable(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60").header("ETag", "\"1\"").header("Content-Type", "text/plain")
}

#[tokio::test]
async fn a_confirmed_body_stays_where_it_is() {
    let body = "0123456789abcdef".repeat(128 << 10);
    let origin = Origin::start().await;
    origin.on("/a", confirmable(&body));
    let node = TestNode::start(&format!("{}{}", disk("size = \"256MiB\""), one_route(&origin)));
    node.get("/a").await;
    written(&node).await;
    let before = node.scrape().await.value("forebay_disk_written_bytes_total", &[]);
    node.advance(Duration::from_secs(61));
    origin.on("/a", Answer::status(304, "").header("Cache-Control", "max-age=60").header("ETag", "\"1\""));
    let confirmed = node.get("/a").await;
    assert_eq!(verdict(&confirmed), "edge-1; fwd=stale; fwd-status=304; ttl=60; stored");
    assert!(confirmed.complete && confirmed.text() == body);
    let node = node.restarted().await;
    let hit = node.get("/a").await;
    assert_eq!((verdict(&hit), hit.text() == body), ("edge-1; hit; ttl=60", true));
    let written = node.scrape().await.value("forebay_disk_written_bytes_total", &[]) - before;
    assert!(written < 64.0 * KIB as f64, "{written} bytes more were written");
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_large_text_is_coded_as_it_passes() {
    let body = "0123456789abcdef".repeat(128 << 10);
    let origin = Origin::start().await;
    origin.on("/a", confirmable(&body));
    let route = "[route.compression]\ncodings = [\"gzip\"]\n";
    let node = TestNode::start(&format!("{}{}{route}", disk("size = \"256MiB\""), one_route(&origin)));
    node.get("/a").await;
    let coded = node.get_with("/a", &[("Accept-Encoding", "gzip")]).await;
    assert_eq!((verdict(&coded), coded.header("content-encoding")), ("edge-1; hit; ttl=60", Some("gzip")));
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&coded.body[..]).read_to_string(&mut plain).expect("it is gzip");
    assert!(plain == body && coded.header("etag") == Some("W/\"1\""), "{:?}", coded.head);
    let fields = [("Accept-Encoding", "gzip")];
    let head = node.connect().await.request("HEAD", "/a", &fields, b"").await;
    assert_eq!((head.header("content-encoding"), head.header("content-length")), (Some("gzip"), None));
    let piece = node.get_with("/a", &[("Accept-Encoding", "gzip"), ("Range", "bytes=16-31")]).await;
    assert_eq!((piece.status, piece.text(), piece.header("content-encoding")), (206, "0123456789abcdef", None));
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn a_large_body_may_have_to_be_asked_for_twice() {
    let bytes = 3 * MIB;
    for length in [format!("Content-Length: {bytes}\r\n"), String::new()] {
        let river = River::start(bytes, &format!("{length}Cache-Control: max-age=60\r\n")).await;
        let node = before(&river, "size = \"256MiB\"\nadmission = \"second_request\"");
        for (requests, expected) in [(1, "fwd=uri-miss"), (2, "fwd=uri-miss"), (2, "hit")] {
            let response = node.get("/a").await;
            node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
            assert!(response.complete && response.body == water(0, bytes));
            assert!(verdict(&response).contains(expected), "{requests}: {}", verdict(&response));
            assert_eq!(river.requests(), requests);
        }
    }
}

#[tokio::test]
async fn a_large_body_that_memory_takes_is_written_at_its_second_request() {
    let bytes = 600 * KIB;
    let river = River::of_length(bytes).await;
    let node = before(&river, "size = \"256MiB\"\nadmission = \"second_request\"");
    let written_bytes = async |node: &TestNode| {
        written(node).await;
        node.scrape().await.value("forebay_disk_written_bytes_total", &[])
    };
    read_whole(&node, "/a", bytes).await;
    assert!(written_bytes(&node).await < 4.0 * KIB as f64);
    assert_eq!(verdict(&read_whole(&node, "/a", bytes).await), "edge-1; hit; ttl=60");
    assert!(written_bytes(&node).await > bytes as f64);
    let node = node.restarted().await;
    assert_eq!(verdict(&read_whole(&node, "/a", bytes).await), "edge-1; hit; ttl=60");
    assert_eq!(river.requests(), 1);
}

#[tokio::test]
async fn a_large_body_passes_where_there_is_no_disk_to_write_to() {
    let bytes = 6 * MIB;
    for length in [format!("Content-Length: {bytes}\r\n"), String::new()] {
        let river = River::start(bytes, &format!("{length}Cache-Control: max-age=60\r\n")).await;
        let disk = disk("size = \"256MiB\"").replace("\"disk\"", "\"/dev/null/disk\"");
        let node = TestNode::start(&(disk + &site(&river)));
        for requests in 1..3 {
            let response = node.get("/a").await;
            assert!(response.complete && response.body == water(0, bytes), "{} bytes", response.body.len());
            assert_eq!(river.requests(), requests);
        }
    }
}
