//! Ranges that are fetched as ranges, kept as parts, and answered from them (RFC 9110 section 14, RFC 9111 section 3.3).

#![expect(clippy::single_range_in_vec_init, reason = "lists of parts, of which there may be one")]

use std::ops::Range;
use std::time::Duration;

use support::{Answer, Gate, Origin, RawClient, Response, TestNode, one_route};

pub(crate) const DIGITS: &str = "0123456789";

/// The 206 for these digits.
pub(crate) fn part(range: Range<usize>) -> Answer {
    let place = format!("bytes {}-{}/10", range.start, range.end - 1);
    placed(&place, &DIGITS[range]).header("ETag", "\"1\"")
}

/// A 206 with this body, which is said to belong there.
fn placed(place: &str, body: &str) -> Answer {
    Answer::status(206, body).header("Cache-Control", "max-age=60").header("Content-Range", place)
}

fn whole() -> Answer {
    Answer::ok(DIGITS).header("Cache-Control", "max-age=60").header("ETag", "\"1\"")
}

pub(crate) async fn range(node: &TestNode, range: &str) -> Response {
    node.get_with("/a", &[("Range", range)]).await
}

/// A range request that is sent, and not yet answered.
async fn asking(node: &TestNode, range: &str) -> RawClient {
    let mut client = node.connect().await;
    client.send(format!("GET /a HTTP/1.1\r\nHost: test.example\r\nRange: {range}\r\n\r\n")).await;
    client
}

fn outcome(response: &Response) -> (u16, &str, Option<&str>) {
    (response.status, response.text(), response.header("content-range"))
}

/// The `Range` of every request for `/a` so far.
fn asked(origin: &Origin) -> Vec<Option<String>> {
    let seen = origin.seen().into_iter().filter(|seen| seen.target == "/a");
    seen.map(|seen| seen.header("range").map(str::to_owned)).collect()
}

/// A node that has these parts of `/a`.
pub(crate) async fn holding(parts: &[Range<usize>]) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    for bytes in parts {
        origin.once("/a", part(bytes.clone()));
        assert_eq!(range(&node, &format!("bytes={}-{}", bytes.start, bytes.end - 1)).await.status, 206);
    }
    (origin, node)
}

#[tokio::test]
async fn what_is_found_after_the_origin_was_asked_is_no_hit() {
    let origin = Origin::start().await;
    origin.once("/a", part(0..10));
    let node = TestNode::before(&origin, "");
    // The part is all of it; and the client, which has something else, wants the whole.
    let fields = [("Range", "bytes=0-9"), ("If-Range", "\"other\"")];
    let response = node.get_with("/a", &fields).await;
    assert_eq!(outcome(&response), (200, DIGITS, None));
    assert_eq!(origin.seen().len(), 1);
    assert!(response.header("cache-status").unwrap().starts_with("edge-1; fwd=uri-miss;"), "{response:?}");
    assert!(node.get("/a").await.header("cache-status").unwrap().contains("; hit"));
}

#[tokio::test]
async fn a_range_that_misses_is_fetched_as_one_and_answers_what_lies_in_it() {
    let origin = Origin::start().await;
    origin.once("/a", part(4..10));
    let node = TestNode::before(&origin, "");
    let first = range(&node, "bytes=-6").await;
    assert_eq!(outcome(&first), (206, "456789", Some("bytes 4-9/10")));
    assert_eq!(first.header("cache-status"), Some("edge-1; fwd=uri-miss; ttl=60; stored"));
    assert_eq!(asked(&origin), [Some("bytes=-6".to_owned())]);
    let cases = [
        ("bytes=-6", "456789", "bytes 4-9/10"),
        ("bytes=4-", "456789", "bytes 4-9/10"),
        ("bytes=6-8", "678", "bytes 6-8/10"),
        ("bytes=9-99", "9", "bytes 9-9/10"),
        ("bytes=-1", "9", "bytes 9-9/10"),
    ];
    for (asked, body, place) in cases {
        let hit = range(&node, asked).await;
        assert_eq!(outcome(&hit), (206, body, Some(place)), "{asked}");
        assert_eq!(hit.header("content-length"), Some(&*body.len().to_string()));
        assert_eq!((hit.header("etag"), hit.header("age")), (Some("\"1\""), Some("0")));
        assert_eq!(hit.header("cache-status"), Some("edge-1; hit; ttl=60"));
    }
    assert_eq!(outcome(&range(&node, "bytes=10-").await), (416, "", Some("bytes */10")));
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn a_part_whose_place_is_not_certain_is_passed_on_and_never_stored() {
    let multipart = |answer: Answer| answer.header("Content-Type", "Multipart/ByteRanges; boundary=x");
    let cases = [
        ("shorter than it says", placed("bytes 4-9/10", "01234")),
        ("longer than it says", placed("bytes 0-3/10", "01234")),
        ("unknown total", placed("bytes 0-4/*", "01234")),
        ("beyond the total", placed("bytes 6-10/10", "01234")),
        ("backwards", placed("bytes 4-0/10", "01234")),
        ("another unit", placed("lines 0-4/10", "01234")),
        ("malformed", placed("bytes 0-4", "01234")),
        ("without", Answer::status(206, "01234").header("Cache-Control", "max-age=60")),
        ("twice", placed("bytes 0-4/10", "01234").header("Content-Range", "bytes 5-9/10")),
        ("several parts", multipart(placed("bytes 0-4/10", "01234"))),
    ];
    for (case, answer) in cases {
        let origin = Origin::start().await;
        origin.on("/a", answer.header("ETag", "\"1\""));
        let node = TestNode::before(&origin, "");
        for _ in 0..2 {
            let passed = range(&node, "bytes=0-4").await;
            assert_eq!((passed.status, passed.text(), passed.complete), (206, "01234", true), "{case}");
            assert!(!passed.header("cache-status").unwrap().contains("stored"), "{case}");
        }
        assert_eq!(asked(&origin), [Some("bytes=0-4".to_owned()), Some("bytes=0-4".to_owned())], "{case}");
    }
}

#[tokio::test]
async fn a_chunked_part_is_stored_if_it_is_as_long_as_its_place() {
    let chunked = |place, body: &str| {
        let head = "HTTP/1.1 206 Part\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\nETag: \"1\"\r\n";
        Answer::raw(format!("{head}Content-Range: {place}\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
    };
    for (place, requests) in [("bytes 0-4/10", 1), ("bytes 0-3/10", 2), ("bytes 0-5/10", 2)] {
        let origin = Origin::start().await;
        origin.on("/a", chunked(place, "01234"));
        let node = TestNode::before(&origin, "");
        for _ in 0..2 {
            let passed = range(&node, "bytes=0-4").await;
            assert_eq!((passed.status, passed.text(), passed.complete), (206, "01234", true), "{place}");
        }
        assert_eq!(origin.count("/a"), requests, "{place}");
    }
}

#[tokio::test]
async fn a_part_that_nobody_asked_for_is_passed_on_and_not_stored() {
    let origin = Origin::start().await;
    origin.on("/a", part(0..5));
    let node = TestNode::before(&origin, "");
    for _ in 0..2 {
        assert_eq!(outcome(&node.get("/a").await), (206, "01234", Some("bytes 0-4/10")));
    }
    assert_eq!(asked(&origin), [None, None]);
}

#[tokio::test]
async fn another_range_than_asked_for_is_stored_where_it_belongs() {
    let origin = Origin::start().await;
    origin.once("/a", part(2..5)).once("/a", part(5..8));
    let node = TestNode::before(&origin, "");
    assert_eq!(outcome(&range(&node, "bytes=0-7").await), (206, "234", Some("bytes 2-4/10")));
    assert_eq!(outcome(&range(&node, "bytes=2-4").await), (206, "234", Some("bytes 2-4/10")));
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn parts_with_one_strong_validator_are_joined() {
    let (origin, node) = holding(&[0..3, 7..10, 3..7]).await;
    assert_eq!(origin.count("/a"), 3);
    for (asked, status, body) in [("bytes=1-8", 206, "12345678"), ("bytes=0-99", 206, DIGITS), ("lines=1", 200, DIGITS)]
    {
        let response = range(&node, asked).await;
        assert_eq!((response.status, response.text()), (status, body));
        assert_eq!(response.header("cache-status"), Some("edge-1; hit; ttl=60"));
    }
    assert_eq!(node.get("/a").await.text(), DIGITS, "nothing is missing, so it is whole");
    assert_eq!(origin.count("/a"), 3);
}

#[tokio::test]
async fn parts_are_not_joined_without_one_strong_validator_and_length() {
    let other = |answer: Answer| [placed("bytes 0-4/10", "01234").header("ETag", "\"1\""), answer];
    let plain = || placed("bytes 5-9/10", "56789");
    let cases = [
        other(plain().header("ETag", "\"2\"")),
        other(plain().header("ETag", "W/\"1\"")),
        other(plain()),
        other(placed("bytes 5-9/11", "56789").header("ETag", "\"1\"")),
        [placed("bytes 0-4/10", "01234"), plain()],
        [placed("bytes 0-4/10", "01234").header("ETag", "W/\"1\""), plain().header("ETag", "W/\"1\"")],
    ];
    for [first, second] in cases {
        let origin = Origin::start().await;
        origin.once("/a", first).once("/a", second);
        origin.on("/a", Answer::ok("new").header("Cache-Control", "max-age=60"));
        let node = TestNode::before(&origin, "");
        range(&node, "bytes=0-4").await;
        range(&node, "bytes=5-9").await;
        assert_eq!(range(&node, "bytes=5-9").await.text(), "56789", "the newer one is kept");
        assert_eq!(origin.count("/a"), 2);
        assert_eq!(range(&node, "bytes=0-1").await.text(), "ne", "the older one is gone");
    }
}

#[tokio::test]
async fn a_stale_part_is_fetched_anew_and_confirms_what_it_belongs_to() {
    let (origin, node) = holding(&[0..5]).await;
    node.advance(Duration::from_secs(60));
    origin.once("/a", part(5..8));
    assert!(range(&node, "bytes=5-7").await.header("cache-status").unwrap().contains("fwd=stale"));
    assert_eq!(range(&node, "bytes=0-7").await.text(), "01234567", "joined under the newer head");
    node.advance(Duration::from_secs(60));
    origin.once("/a", part(0..5));
    assert!(range(&node, "bytes=0-4").await.header("cache-status").unwrap().contains("fwd=stale"));
    assert_eq!(origin.count("/a"), 3);
}

#[tokio::test]
async fn conditions_decide_before_the_range() {
    let (origin, node) = holding(&[0..5]).await;
    let fields =
        |if_none_match, if_range| [("Range", "bytes=0-4"), ("If-None-Match", if_none_match), ("If-Range", if_range)];
    assert_eq!(node.get_with("/a", &fields("\"1\"", "\"1\"")).await.status, 304);
    assert_eq!(node.get_with("/a", &fields("\"0\"", "\"1\"")).await.status, 206);
    assert_eq!(
        node.get_with("/a", &[("If-None-Match", "W/\"1\"")]).await.status,
        304,
        "the whole is known by its part"
    );
    assert_eq!(origin.count("/a"), 1);
    origin.once("/b", part(0..5));
    assert_eq!(node.get_with("/b", &fields("\"1\"", "\"1\"")).await.status, 304, "answered here, not by the origin");
    assert_eq!(origin.seen()[1].header("if-none-match"), None);
}

#[tokio::test]
async fn if_range_with_another_validator_gets_the_whole() {
    let origin = Origin::start().await;
    origin.once("/a", part(0..5)).on("/a", whole());
    let node = TestNode::before(&origin, "");
    let other = node.get_with("/a", &[("Range", "bytes=0-4"), ("If-Range", "\"0\"")]).await;
    assert_eq!(outcome(&other), (200, DIGITS, None));
    assert_eq!((asked(&origin)[0].as_deref(), origin.count("/a")), (Some("bytes=0-4"), 2));
    origin.once("/b", part(0..5).header("Vary", "*")).once("/b", whole());
    let refused = node.get_with("/b", &[("Range", "bytes=0-4"), ("If-Range", "\"0\"")]).await;
    assert_eq!(outcome(&refused), (200, DIGITS, None), "asked again with the client's own condition");
    assert_eq!(origin.seen()[3].header("if-range"), Some("\"0\""));
}

#[tokio::test]
async fn parts_tell_a_head_request_the_length_of_the_whole() {
    let (origin, node) = holding(&[0..5]).await;
    let head = node.connect().await.request("HEAD", "/a", &[("Range", "bytes=0-1")], b"").await;
    assert_eq!((head.status, head.header("content-length"), head.header("content-range")), (200, Some("10"), None));
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn parts_are_selected_by_vary_like_wholes() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    for (language, body, requests) in [("de", "eins", 1), ("en", "once", 2), ("de", "eins", 2), ("en", "once", 2)] {
        origin.once("/a", placed("bytes 0-3/10", body).header("Vary", "Accept-Language").header("ETag", "\"1\""));
        let fields = [("Range", "bytes=0-3"), ("Accept-Language", language)];
        assert_eq!(node.get_with("/a", &fields).await.text(), body);
        assert_eq!(origin.count("/a"), requests);
    }
}

#[tokio::test]
async fn an_answer_that_depends_on_the_range_is_passed_on_and_not_stored() {
    for status in [400, 416, 500, 503] {
        let origin = Origin::start().await;
        origin.once("/a", Answer::status(status, "no").header("Cache-Control", "max-age=60")).on("/a", whole());
        let node = TestNode::before(&origin, "");
        let refused = range(&node, "bytes=99-").await;
        assert_eq!((refused.status, refused.text()), (status, "no"));
        let later = node.get("/a").await;
        assert_eq!((later.status, later.text()), (200, DIGITS), "{status}");
    }
}

#[tokio::test]
async fn a_refused_part_says_nothing_of_the_whole() {
    let origin = Origin::start().await;
    origin.once("/a", placed("bytes 0-4/10", "01234").header("Cache-Control", "no-store")).on("/a", whole());
    let node = TestNode::before(&origin, "");
    assert!(range(&node, "bytes=0-4").await.header("cache-status").unwrap().contains("no_store"));
    assert!(node.get("/a").await.header("cache-status").unwrap().contains("stored"));
}

#[tokio::test]
async fn small_parts_of_what_is_too_large_are_stored() {
    let origin = Origin::start().await;
    let large = |start: usize, end: usize| {
        placed(&format!("bytes {start}-{}/9000", end - 1), &"x".repeat(end - start)).header("ETag", "\"1\"")
    };
    let node = TestNode::start(&format!("[cache]\nobject_max = \"2KiB\"\n{}", one_route(&origin)));
    origin.on("/a", Answer::ok("x".repeat(9000)).header("Cache-Control", "max-age=60").header("ETag", "\"1\""));
    assert_eq!(node.get("/a").await.body.len(), 9000);
    origin.once("/a", large(0, 2048));
    for requests in [2, 2] {
        assert_eq!(range(&node, "bytes=0-2047").await.body.len(), 2048);
        assert_eq!(origin.count("/a"), requests);
    }
    for requests in [3, 4] {
        origin.once("/a", large(2048, 4097));
        assert_eq!(range(&node, "bytes=2048-4096").await.body.len(), 2049);
        assert_eq!(origin.count("/a"), requests, "a part too large is passed on");
    }
    assert_eq!(node.get("/a").await.body.len(), 9000);
    assert_eq!(asked(&origin)[4], None, "what may not be stored whole is not put together");
}

#[tokio::test]
async fn a_thousand_crumbs_cost_no_more_than_a_few() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    let mut client = node.connect().await;
    for place in (0..2_000).step_by(2) {
        origin.once("/a", placed(&format!("bytes {place}-{place}/2000"), "x").header("ETag", "\"1\""));
        let crumb = client.request("GET", "/a", &[("Range", &format!("bytes={place}-{place}"))], b"").await;
        assert_eq!((crumb.status, crumb.text()), (206, "x"));
    }
    assert_eq!(origin.count("/a"), 1_000);
    let scrape = node.scrape().await;
    let held = scrape.value("forebay_cache_bytes", &[("tier", "memory")]);
    assert!(held < 4_000.0, "{held}");
    assert_eq!(client.request("GET", "/a", &[("Range", "bytes=1998-1998")], b"").await.text(), "x");
    assert_eq!(origin.count("/a"), 1_000);
}

#[tokio::test]
async fn the_same_range_at_once_is_one_fetch_and_another_one_is_its_own() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/a", part(0..5).finishing_after(&gate)).once("/a", part(5..10).finishing_after(&gate));
    let node = TestNode::before(&origin, "");
    let mut clients = vec![asking(&node, "bytes=0-4").await];
    origin.requests_reach(1).await;
    clients.push(asking(&node, "bytes=5-9").await);
    origin.requests_reach(2).await;
    for asked in ["bytes=0-4", "bytes= 0-4 ,", "bytes=5-9"] {
        clients.push(asking(&node, asked).await);
    }
    node.metric_is("forebay_cache_collapsed_waiters", &[], 3.0).await;
    gate.open();
    for (mut client, body) in clients.into_iter().zip(["01234", "56789", "01234", "01234", "56789"]) {
        assert_eq!(client.response().await.text(), body);
    }
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!(node.get("/a").await.text(), DIGITS, "both are stored, and together they are whole");
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_part_that_is_fetched_for_one_who_leaves_is_stored() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/a", part(0..5).finishing_after(&gate));
    let node = TestNode::before(&origin, "");
    let client = asking(&node, "bytes=0-4").await;
    origin.requests_reach(1).await;
    drop(client);
    gate.open();
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!(range(&node, "bytes=0-4").await.header("cache-status"), Some("edge-1; hit; ttl=60"));
}

#[tokio::test]
async fn a_part_that_was_asked_before_an_invalidation_is_not_stored_after_it() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/a", part(0..5).finishing_after(&gate)).once("/a", Answer::ok("done"));
    let node = TestNode::before(&origin, "");
    let mut client = asking(&node, "bytes=0-4").await;
    client.response_head().await;
    node.connect().await.request("POST", "/a", &[], b"").await;
    gate.open();
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    origin.once("/a", placed("bytes 0-4/10", "abcde"));
    assert_eq!(range(&node, "bytes=0-4").await.text(), "abcde");
}
