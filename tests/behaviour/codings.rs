//! Content codings of stored responses: made once, off the request path, and right in every field (RFC 9110 sections 8.4
//! and 12.5.3).

use std::io::Read;
use std::time::Duration;

use support::{Answer, Gate, Origin, Response, TestNode, patiently};

const ALL: &str = "[route.compression]\ncodings = [\"br\", \"zstd\", \"gzip\"]\n";

/// Text that can be made smaller, and tells one version from another.
pub(crate) fn page(version: &str) -> String {
    format!("<p>{version}: water waits in the forebay, close to the wheel.</p>\n").repeat(100)
}

pub(crate) fn html(body: impl Into<Vec<u8>>) -> Answer {
    Answer::ok(body).header("Content-Type", "text/html; charset=utf-8").header("Cache-Control", "max-age=60")
}

/// The body as its client reads it.
pub(crate) fn decoded(response: &Response) -> String {
    let (coded, mut plain) = (&response.body[..], Vec::new());
    match response.header("content-encoding") {
        None => plain.extend_from_slice(coded),
        Some("br") => _ = brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain).expect("br"),
        Some("zstd") => {
            _ = zstd::stream::read::Decoder::new(coded).expect("zstd").read_to_end(&mut plain).expect("zstd")
        }
        Some("gzip") => _ = flate2::read::GzDecoder::new(coded).read_to_end(&mut plain).expect("gzip"),
        Some(other) => panic!("nobody made {other}"),
    }
    String::from_utf8(plain).expect("the pages are UTF-8")
}

async fn get(node: &TestNode, accept: &str) -> Response {
    node.get_with("/a", &[("Accept-Encoding", accept)]).await
}

/// The first answer that comes with a stored coded form; hits before it are sent as they are.
pub(crate) async fn coded(node: &TestNode, accept: &str) -> Response {
    let made = async {
        loop {
            let response = get(node, accept).await;
            if response.header("content-encoding").is_some() && is_hit(&response) {
                return response;
            }
        }
    };
    patiently("a coded form", made).await
}

fn is_hit(response: &Response) -> bool {
    response.header("cache-status").is_some_and(|status| status.contains("; hit"))
}

/// A node whose origin answers `/a` so from now on, with `/a` stored.
async fn stored(answer: Answer) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.on("/a", answer);
    let node = TestNode::before(&origin, ALL);
    node.get("/a").await;
    (origin, node)
}

#[tokio::test]
async fn every_coding_decodes_to_the_stored_bytes_and_is_made_once() {
    let (origin, node) = stored(html(page("one")).header("ETag", "\"1\"").header("Accept-Ranges", "bytes")).await;
    for coding in ["br", "zstd", "gzip"] {
        for _ in 0..3 {
            let response = coded(&node, coding).await;
            assert_eq!((response.header("content-encoding"), decoded(&response)), (Some(coding), page("one")));
            let length = response.body.len();
            assert!(length * 4 < page("one").len(), "{coding}: {length}");
            assert_eq!(response.headers("content-length"), [length.to_string()]);
            assert_eq!((response.header("etag"), response.header("accept-ranges")), (Some("W/\"1\""), None));
            assert_eq!(response.headers("vary"), ["Accept-Encoding"]);
            assert_eq!(response.headers("content-type"), ["text/html; charset=utf-8"]);
            assert_eq!(response.headers("age"), ["0"]);
        }
        let labels = [("coding", coding), ("direction", "in")];
        node.metric_is("forebay_compression_bytes_total", &labels, page("one").len() as f64).await;
    }
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn the_client_weighs_and_the_route_breaks_ties() {
    let (_origin, node) = stored(html(page("one"))).await;
    for coding in ["br", "zstd", "gzip"] {
        coded(&node, coding).await;
    }
    let cases = [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip, zstd", Some("zstd")),
        ("br;q=0.5, gzip;q=0.8", Some("gzip")),
        ("x-gzip", Some("gzip")),
        ("*", Some("br")),
        ("*, br;q=0", Some("zstd")),
        ("gzip;q=0.1, identity", None),
        ("identity", None),
        ("identity;q=0", None),
        ("deflate", None),
        ("gzip;q=0", None),
        ("gzip;q=nonsense", None),
        ("", None),
    ];
    for (accept, expected) in cases {
        let response = get(&node, accept).await;
        assert_eq!(response.header("content-encoding"), expected, "{accept}");
        assert_eq!((response.status, decoded(&response)), (200, page("one")), "{accept}");
        assert_eq!(response.headers("vary"), ["Accept-Encoding"], "{accept}");
    }
    let silent = node.get("/a").await;
    assert_eq!((silent.header("content-encoding"), silent.headers("vary")), (None, vec!["Accept-Encoding"]));
}

#[tokio::test]
async fn what_is_sent_as_it_is_keeps_its_strong_tag_and_its_ranges() {
    let (_origin, node) = stored(html(page("one")).header("ETag", "\"1\"").header("Accept-Ranges", "bytes")).await;
    coded(&node, "gzip").await;
    let whole = get(&node, "identity").await;
    assert_eq!((whole.header("etag"), whole.header("accept-ranges")), (Some("\"1\""), Some("bytes")));
    let fields = [("Accept-Encoding", "gzip"), ("Range", "bytes=3-5")];
    let part = node.get_with("/a", &fields).await;
    assert_eq!((part.status, part.text(), part.header("content-encoding")), (206, "one", None));
    assert_eq!((part.header("etag"), part.headers("vary")), (Some("\"1\""), vec!["Accept-Encoding"]));
    let matching = node.get_with("/a", &[fields[0], fields[1], ("If-Range", "\"1\"")]).await;
    assert_eq!((matching.status, matching.text()), (206, "one"));
    let weak = node.get_with("/a", &[fields[0], fields[1], ("If-Range", "W/\"1\"")]).await;
    assert_eq!((weak.status, weak.header("content-encoding"), weak.text()), (200, None, page("one").as_str()));
}

#[tokio::test]
async fn either_tag_confirms_either_form_under_the_tag_that_would_be_sent() {
    let (_origin, node) = stored(html(page("one")).header("ETag", "\"1\"")).await;
    coded(&node, "gzip").await;
    let cases = [
        ("gzip", "W/\"1\"", "W/\"1\""),
        ("gzip", "\"1\"", "W/\"1\""),
        ("identity", "\"1\"", "\"1\""),
        // What this client has is a coded form, whatever it accepts now.
        ("identity", "W/\"1\"", "W/\"1\""),
        ("identity", "W/\"1\", \"1\"", "\"1\""),
    ];
    for (accept, asked, expected) in cases {
        let fields = [("Accept-Encoding", accept), ("If-None-Match", asked)];
        let response = node.get_with("/a", &fields).await;
        assert_eq!((response.status, response.header("etag")), (304, Some(expected)), "{accept} {asked}");
        assert_eq!(response.headers("vary"), ["Accept-Encoding"], "{accept} {asked}");
        assert_eq!(response.header("content-encoding"), None);
    }
    let other = node.get_with("/a", &[("Accept-Encoding", "gzip"), ("If-None-Match", "W/\"2\"")]).await;
    assert_eq!((other.status, other.header("content-encoding")), (200, Some("gzip")));
}

#[tokio::test]
async fn head_says_what_get_would() {
    let (_origin, node) = stored(html(page("one")).header("ETag", "\"1\"")).await;
    let get = coded(&node, "br").await;
    let head = node.connect().await.request("HEAD", "/a", &[("Accept-Encoding", "br")], b"").await;
    for name in ["content-length", "content-encoding", "etag", "vary", "content-type"] {
        assert_eq!(head.headers(name), get.headers(name), "{name}");
    }
    let head = node.connect().await.request("HEAD", "/a", &[], b"").await;
    let length = page("one").len().to_string();
    assert_eq!((head.header("content-encoding"), head.header("content-length")), (None, Some(length.as_str())));
}

#[tokio::test]
async fn what_may_not_be_changed_is_sent_as_it_came() {
    let answers = [
        ("no-transform", html(page("one")).header("Cache-Control", "no-transform")),
        ("has a coding", html(page("one")).header("Content-Encoding", "x-own")),
        ("identity is a coding too", html(page("one")).header("Content-Encoding", "identity")),
        ("small", html("<p>short</p>")),
        (
            "another type",
            Answer::ok(page("one")).header("Content-Type", "image/png").header("Cache-Control", "max-age=60"),
        ),
        (
            "events",
            Answer::ok(page("one")).header("Content-Type", "text/event-stream").header("Cache-Control", "max-age=60"),
        ),
        ("no type", Answer::ok(page("one")).header("Cache-Control", "max-age=60")),
    ];
    for (case, answer) in answers {
        let (origin, node) = stored(answer.header("ETag", "\"1\"").header("Content-Digest", "sha-256=:AA==:")).await;
        for _ in 0..3 {
            let response = get(&node, "br, zstd, gzip").await;
            assert!(is_hit(&response), "{case}");
            let own = response.header("content-encoding").is_none_or(|coding| ["x-own", "identity"].contains(&coding));
            assert!(own, "{case}");
            assert_eq!((response.header("etag"), response.header("vary")), (Some("\"1\""), None), "{case}");
            assert_eq!(response.header("content-digest"), Some("sha-256=:AA==:"), "{case}");
        }
        node.metric_is("forebay_compression_bytes_total", &[], 0.0).await;
        assert_eq!(origin.count("/a"), 1, "{case}");
    }
}

#[tokio::test]
async fn a_client_may_ask_for_the_bytes_as_they_are() {
    let (_origin, node) = stored(html(page("one"))).await;
    coded(&node, "gzip").await;
    let response = node.get_with("/a", &[("Accept-Encoding", "gzip"), ("Cache-Control", "no-transform")]).await;
    assert_eq!((response.header("content-encoding"), response.text()), (None, page("one").as_str()));
    assert_eq!(response.headers("vary"), ["Accept-Encoding"]);
}

#[tokio::test]
async fn digests_of_other_bytes_are_not_sent_with_a_coded_form() {
    let names = ["Content-MD5", "Content-Digest", "Repr-Digest", "Digest"];
    let answer = names.iter().fold(html(page("one")), |answer, name| answer.header(name, "x"));
    let (_origin, node) = stored(answer).await;
    let response = coded(&node, "gzip").await;
    let whole = get(&node, "identity").await;
    for name in names {
        assert_eq!((response.header(name), whole.header(name)), (None, Some("x")), "{name}");
    }
}

#[tokio::test]
async fn an_origin_that_compresses_by_itself_is_left_alone() {
    let origin = Origin::start().await;
    let zipped = html("zipped".repeat(300)).header("Content-Encoding", "gzip").header("Vary", "Accept-Encoding");
    origin.once("/a", zipped.header("ETag", "\"z\""));
    origin.on("/a", html(page("plain")).header("Vary", "Accept-Encoding").header("ETag", "\"p\""));
    let node = TestNode::before(&origin, ALL);
    for _ in 0..3 {
        let response = get(&node, "gzip, br").await;
        assert_eq!(response.body, "zipped".repeat(300).as_bytes());
        assert_eq!((response.headers("vary"), response.header("etag")), (vec!["Accept-Encoding"], Some("\"z\"")));
    }
    assert_eq!(origin.seen()[0].header("accept-encoding"), Some("gzip, br"), "the origin sees what the client accepts");
    // Another client's variant came as it is, so it may be coded.
    let response = coded(&node, "br").await;
    assert_eq!((decoded(&response), response.headers("vary")), (page("plain"), vec!["Accept-Encoding"]));
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn the_nodes_own_vary_selects_nothing() {
    let (origin, node) = stored(html(page("one")).header("Vary", "Accept-Language")).await;
    for accept in ["br", "gzip", "identity", "zstd;q=0.1"] {
        let response = get(&node, accept).await;
        assert!(is_hit(&response), "{accept}");
        assert_eq!(response.headers("vary"), ["Accept-Language", "Accept-Encoding"]);
    }
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn a_renewed_response_goes_on_with_its_forms() {
    let origin = Origin::start().await;
    origin.once("/a", html(page("one")).header("ETag", "\"1\"").header("X-Edition", "first"));
    origin.on("/a", Answer::status(304, "").header("Cache-Control", "max-age=60").header("X-Edition", "second"));
    let node = TestNode::before(&origin, ALL);
    node.get("/a").await;
    coded(&node, "br").await;
    node.advance(Duration::from_secs(61));
    for forwarded in [true, false, false] {
        let response = get(&node, "br").await;
        assert_eq!(is_hit(&response), !forwarded);
        assert_eq!((decoded(&response), response.header("x-edition")), (page("one"), Some("second")));
        assert_eq!((response.header("content-encoding"), response.header("etag")), (Some("br"), Some("W/\"1\"")));
        assert_eq!(response.headers("vary"), ["Accept-Encoding"]);
    }
    let labels = [("coding", "br"), ("direction", "in")];
    node.metric_is("forebay_compression_bytes_total", &labels, page("one").len() as f64).await;
}

#[tokio::test]
async fn what_is_validated_each_time_is_coded_once() {
    let origin = Origin::start().await;
    let answer = Answer::ok(page("one")).header("Content-Type", "text/html").header("Cache-Control", "no-cache");
    origin.once("/a", answer.header("ETag", "\"1\"")).on("/a", Answer::status(304, ""));
    let node = TestNode::before(&origin, ALL);
    let stored_form = async {
        loop {
            let response = get(&node, "zstd").await;
            assert_eq!((response.header("content-encoding"), decoded(&response)), (Some("zstd"), page("one")));
            if response.header("content-length").is_some() {
                return;
            }
        }
    };
    patiently("a stored form in the place of a stream", stored_form).await;
}

#[tokio::test]
async fn a_304_that_forbids_changes_ends_them() {
    let origin = Origin::start().await;
    origin.once("/a", html(page("one")).header("ETag", "\"1\""));
    origin.on("/a", Answer::status(304, "").header("Cache-Control", "max-age=60, no-transform"));
    let node = TestNode::before(&origin, ALL);
    node.get("/a").await;
    coded(&node, "br").await;
    node.advance(Duration::from_secs(61));
    for _ in 0..2 {
        let response = get(&node, "br").await;
        assert_eq!((response.header("content-encoding"), response.header("vary")), (None, None));
        assert_eq!((response.text(), response.header("etag")), (page("one").as_str(), Some("\"1\"")));
    }
}

#[tokio::test]
async fn no_form_is_sent_under_the_head_of_another_version() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, ALL);
    for round in 0..30 {
        let version = format!("{round:03}");
        origin.on("/a", html(page(&version)).header("X-Version", &version));
        // Jobs of the version before may still run.
        node.connect().await.request("POST", "/a", &[], b"").await;
        for accept in ["identity", "br", "zstd", "gzip", "br", "zstd"] {
            let response = get(&node, accept).await;
            assert_eq!(response.header("x-version"), Some(version.as_str()));
            assert!(decoded(&response) == page(&version), "{round} {accept}");
        }
    }
}

#[tokio::test]
async fn what_would_be_no_smaller_is_tried_once_and_sent_as_it_is() {
    // Every byte differs from a prediction by the ones before it.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(5_000)
    .collect();
    let (_origin, node) = stored(html(noise.clone())).await;
    let labels = [("coding", "gzip"), ("direction", "in")];
    get(&node, "gzip").await;
    node.metric_is("forebay_compression_bytes_total", &labels, 5_000.0).await;
    for _ in 0..5 {
        let response = get(&node, "gzip").await;
        assert_eq!((response.header("content-encoding"), &response.body), (None, &noise));
    }
    node.metric_is("forebay_compression_bytes_total", &labels, 5_000.0).await;
}

#[tokio::test]
async fn forms_count_in_the_memory_budget() {
    let (_origin, node) = stored(html(page("one"))).await;
    let before = node.scrape().await.value("forebay_cache_bytes", &[]);
    let form = coded(&node, "gzip").await;
    node.metric_is("forebay_cache_bytes", &[], before + form.body.len() as f64).await;
}

#[tokio::test]
async fn hits_are_not_held_up_by_the_jobs_and_are_counted_when_there_are_too_many() {
    let origin = Origin::start().await;
    let slow = "[compression]\njobs_max = 1\nbr_level = 11\n";
    let long: String = (0..40_000).map(|line| format!("{line}: {}\n", line * 7_919 % 10_007)).collect();
    origin.on("/slow", html(long.clone())).on("/a", html(page("one")));
    let node = TestNode::start(&format!("{slow}{}{ALL}", support::one_route(&origin)));
    node.get("/slow").await;
    node.get("/a").await;
    let during = node.get_with("/slow", &[("Accept-Encoding", "br")]).await;
    assert_eq!((during.header("content-encoding"), during.text()), (None, long.as_str()));
    let skipped = get(&node, "br").await;
    assert_eq!((skipped.header("content-encoding"), skipped.text()), (None, page("one").as_str()));
    node.metric_is("forebay_compression_skipped_total", &[("reason", "jobs_max")], 1.0).await;
}

#[tokio::test]
async fn without_codings_in_the_route_nothing_is_coded() {
    let origin = Origin::start().await;
    origin.on("/a", html(page("one")));
    let node = TestNode::before(&origin, "");
    for _ in 0..3 {
        let response = get(&node, "br").await;
        assert_eq!((response.header("content-encoding"), response.header("vary")), (None, None));
    }
}

#[tokio::test]
async fn a_stale_response_is_sent_in_its_form_while_it_is_refreshed() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    let lasting = |version: &str| html(page(version)).header("Cache-Control", "stale-while-revalidate=30");
    origin.once("/a", lasting("old")).on("/a", lasting("new").after(&gate));
    let node = TestNode::before(&origin, ALL);
    node.get("/a").await;
    coded(&node, "br").await;
    node.advance(Duration::from_secs(70));
    let stale = get(&node, "br").await;
    assert_eq!((stale.header("content-encoding"), decoded(&stale)), (Some("br"), page("old")));
    origin.requests_reach(2).await;
    gate.open();
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!(decoded(&coded(&node, "br").await), page("new"));
}
