//! Content codings of what passes: misses and responses that may not be stored, coded for one client while they come.

use std::io::Read;

use support::{Answer, Gate, Origin, TestNode, one_route, patiently};

use crate::codings::{decoded, html, page};

const ALL: &str = "[route.compression]\ncodings = [\"br\", \"zstd\", \"gzip\"]\n";

/// A response that may not be stored.
fn own(body: impl Into<Vec<u8>>) -> Answer {
    Answer::ok(body).header("Content-Type", "text/html").header("Cache-Control", "no-store")
}

#[tokio::test]
async fn a_miss_and_a_pass_are_coded_as_they_come() {
    for (answer, status) in [(html(page("one")), "; stored"), (own(page("one")), "detail=")] {
        for coding in ["br", "zstd", "gzip"] {
            let origin = Origin::start().await;
            origin.on("/a", answer.clone().header("ETag", "\"1\"").header("Content-Digest", "x"));
            let node = TestNode::before(&origin, ALL);
            let response = node.get_with("/a", &[("Accept-Encoding", coding)]).await;
            assert!(response.header("cache-status").is_some_and(|said| said.contains(status)));
            assert_eq!((response.header("content-encoding"), decoded(&response)), (Some(coding), page("one")));
            assert!(response.body.len() * 4 < page("one").len(), "{coding}: {}", response.body.len());
            assert_eq!((response.header("content-length"), response.header("content-digest")), (None, None));
            assert_eq!((response.header("etag"), response.headers("vary")), (Some("W/\"1\""), vec!["Accept-Encoding"]));
            let labels = [("coding", coding), ("direction", "in")];
            node.metric_is("forebay_compression_bytes_total", &labels, page("one").len() as f64).await;
        }
    }
}

#[tokio::test]
async fn every_method_and_error_pages_too() {
    let origin = Origin::start().await;
    let long = Answer::status(404, page("none")).header("Content-Type", "text/html");
    origin.on("/a", own(page("posted"))).on("/none", long.header("Cache-Control", "no-store"));
    let node = TestNode::before(&origin, ALL);
    let posted = node.connect().await.request("POST", "/a", &[("Accept-Encoding", "gzip")], b"x").await;
    assert_eq!((posted.header("content-encoding"), decoded(&posted)), (Some("gzip"), page("posted")));
    let none = node.get_with("/none", &[("Accept-Encoding", "gzip")]).await;
    assert_eq!((none.status, none.header("content-encoding"), decoded(&none)), (404, Some("gzip"), page("none")));
}

#[tokio::test]
async fn a_slow_origin_is_not_held_back() {
    for directives in ["no-store", "max-age=60"] {
        for coding in ["br", "zstd", "gzip"] {
            let origin = Origin::start().await;
            let gate = Gate::closed();
            let answer = Answer::chunked(&["first", ", second"]).header("Content-Type", "text/plain");
            origin.on("/a", answer.header("Cache-Control", directives).finishing_after(&gate));
            let node = TestNode::before(&origin, ALL);
            let mut client = node.connect().await;
            let fields = format!("Host: test.example\r\nAccept-Encoding: {coding}\r\n");
            client.send(format!("GET /a HTTP/1.1\r\n{fields}\r\n")).await;
            let head = client.response_head().await;
            assert_eq!(head.header("content-encoding"), Some(coding));
            // The origin keeps its second piece until the first has been read here.
            let first = patiently("the first piece", async {
                let mut wire = Vec::new();
                loop {
                    wire.extend_from_slice(&client.some().await);
                    if let Some(text) = beginning(coding, &payload(&wire)) {
                        return text;
                    }
                }
            });
            assert_eq!(first.await, "first", "{coding}");
            gate.open();
        }
    }
}

/// The data of the chunks that have come so far.
fn payload(wire: &[u8]) -> Vec<u8> {
    let (mut rest, mut data) = (wire, Vec::new());
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).expect("a chunk size is text");
        let size = usize::from_str_radix(size, 16).expect("a chunk size is hexadecimal");
        let Some(chunk) = rest.get(end + 2..end + 2 + size) else { break };
        data.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..).unwrap_or_default();
    }
    data
}

/// The first five bytes of the text, once they can be decoded.
fn beginning(coding: &str, coded: &[u8]) -> Option<String> {
    let mut text = [0; 5];
    let read = match coding {
        "br" => brotli::Decompressor::new(coded, 4096).read_exact(&mut text),
        "zstd" => zstd::stream::read::Decoder::new(coded).ok()?.read_exact(&mut text),
        _ => flate2::read::GzDecoder::new(coded).read_exact(&mut text),
    };
    read.ok().map(|()| String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn followers_of_one_fetch_each_get_what_they_accept() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.on("/a", html(page("one")).finishing_after(&gate));
    let node = TestNode::before(&origin, ALL);
    let accepts = ["gzip", "br", "identity", "zstd", "gzip, br"];
    let mut clients = Vec::new();
    for accept in accepts {
        let mut client = node.connect().await;
        let fields = format!("Host: test.example\r\nAccept-Encoding: {accept}\r\n");
        client.send(format!("GET /a HTTP/1.1\r\n{fields}\r\n")).await;
        clients.push(client);
    }
    node.metric_is("forebay_cache_collapsed_waiters", &[], 4.0).await;
    gate.open();
    for (mut client, accept) in clients.into_iter().zip(accepts) {
        let response = client.response().await;
        let expected = if accept == "gzip, br" { Some("br") } else { Some(accept).filter(|a| *a != "identity") };
        assert_eq!((response.header("content-encoding"), decoded(&response)), (expected, page("one")), "{accept}");
        assert_eq!(response.headers("vary"), ["Accept-Encoding"]);
    }
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_made_whole() {
    for coding in ["br", "zstd", "gzip"] {
        let origin = Origin::start().await;
        origin.on("/a", own(page("one")).cut_after(3_000));
        let node = TestNode::before(&origin, ALL);
        let response = node.get_with("/a", &[("Accept-Encoding", coding)]).await;
        assert!(!response.complete, "{coding}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_gives_its_encoder_back() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.on("/held", own(page("held")).finishing_after(&gate)).on("/a", own(page("one")));
    let one = "[compression]\nstreams_max = 1\n";
    let node = TestNode::start(&format!("{one}{}{ALL}", one_route(&origin)));
    let mut client = node.connect().await;
    client.send("GET /held HTTP/1.1\r\nHost: test.example\r\nAccept-Encoding: br\r\n\r\n").await;
    assert_eq!(client.response_head().await.header("content-encoding"), Some("br"));
    let full = node.get_with("/a", &[("Accept-Encoding", "br")]).await;
    assert_eq!((full.header("content-encoding"), full.text()), (None, page("one").as_str()));
    assert_eq!(full.headers("vary"), ["Accept-Encoding"], "for a client that would have been served otherwise");
    node.metric_is("forebay_compression_skipped_total", &[("reason", "streams_max")], 1.0).await;
    drop(client);
    origin.open_connections_are(1).await;
    let free = patiently("the encoder to be free", async {
        loop {
            let response = node.get_with("/a", &[("Accept-Encoding", "br")]).await;
            if response.header("content-encoding").is_some() {
                return response;
            }
        }
    });
    assert_eq!(decoded(&free.await), page("one"));
}

#[tokio::test]
async fn an_event_stream_and_a_part_pass_as_they_are() {
    let origin = Origin::start().await;
    origin.on("/events", Answer::ok(page("one")).header("Content-Type", "text/event-stream"));
    let part = Answer::status(206, page("one")).header("Content-Type", "text/html");
    origin.on("/part", part.header("Content-Range", "bytes 0-6099/9000").header("Cache-Control", "no-store"));
    let node = TestNode::before(&origin, ALL);
    for (target, status) in [("/events", 200), ("/part", 206)] {
        let response = node.get_with(target, &[("Accept-Encoding", "br, gzip")]).await;
        assert_eq!((response.status, response.header("content-encoding")), (status, None), "{target}");
        assert_eq!((response.text(), response.header("vary")), (page("one").as_str(), None), "{target}");
    }
}

#[tokio::test]
async fn head_of_what_passes_names_the_coding_and_no_length() {
    let origin = Origin::start().await;
    origin.on("/a", own(page("one")).header("ETag", "\"1\""));
    let node = TestNode::before(&origin, ALL);
    let head = node.connect().await.request("HEAD", "/a", &[("Accept-Encoding", "gzip")], b"").await;
    assert_eq!((head.header("content-encoding"), head.header("content-length")), (Some("gzip"), None));
    assert_eq!((head.header("etag"), head.headers("vary")), (Some("W/\"1\""), vec!["Accept-Encoding"]));
}

#[tokio::test]
async fn an_origins_304_confirms_the_tag_that_the_client_has() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::status(304, "").header("ETag", "\"1\"").header("Cache-Control", "no-store"));
    let node = TestNode::before(&origin, "cache.enabled = false\n[route.compression]\ncodings = [\"gzip\"]\n");
    for (asked, tag, vary) in [("W/\"1\"", "W/\"1\"", Some("Accept-Encoding")), ("\"1\"", "\"1\"", None)] {
        let fields = [("Accept-Encoding", "gzip"), ("If-None-Match", asked)];
        let response = node.get_with("/a", &fields).await;
        assert_eq!((response.status, response.header("etag"), response.header("vary")), (304, Some(tag), vary));
    }
}

#[tokio::test]
async fn an_own_answer_is_confirmed_by_its_weak_tag() {
    let origin = Origin::start().await;
    origin.on("/a", own(page("one")).header("ETag", "\"1\""));
    let node = TestNode::before(&origin, ALL);
    let fields = [("Accept-Encoding", "gzip"), ("If-None-Match", "W/\"1\"")];
    let response = node.get_with("/a", &fields).await;
    assert_eq!((response.status, response.header("etag")), (304, Some("W/\"1\"")));
    assert_eq!(response.headers("vary"), ["Accept-Encoding"]);
}

#[tokio::test]
async fn a_key_that_was_uncacheable_is_stored_again_although_its_answer_is_coded() {
    let origin = Origin::start().await;
    origin.once("/a", own(page("one"))).on("/a", html(page("two")));
    let node = TestNode::before(&origin, ALL);
    for expected in ["one", "two", "two", "two"] {
        let response = node.get_with("/a", &[("Accept-Encoding", "gzip")]).await;
        assert_eq!(decoded(&response), page(expected));
    }
    assert_eq!(origin.count("/a"), 3, "passed, passed and found storable, stored, hit");
}
