//! One further range request for what is missing of stored parts, and ranges that read along with a whole
//! (RFC 9111 sections 3.3 and 3.4).

#![expect(clippy::single_range_in_vec_init, reason = "lists of parts, of which there may be one")]

use std::ops::Range;

use crate::parts::{DIGITS, holding, part, range};
use support::{Answer, Gate, Origin, RawClient, TestNode};

type Stored<'a> = &'a [Range<usize>];

fn tagged(range: Range<usize>, tag: &str) -> Answer {
    let place = format!("bytes {}-{}/10", range.start, range.end - 1);
    let answer = Answer::status(206, &DIGITS[range]).header("Cache-Control", "max-age=60");
    answer.header("Content-Range", &place).header("ETag", tag)
}

fn whole(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60").header("ETag", "\"2\"")
}

async fn asking(node: &TestNode, fields: &str) -> RawClient {
    let mut client = node.connect().await;
    client.send(format!("GET /a HTTP/1.1\r\nHost: test.example\r\n{fields}\r\n")).await;
    client
}

/// `Range` and `If-Range` of the origin's last request.
fn last_asked(origin: &Origin) -> (Option<String>, Option<String>) {
    let seen = origin.seen().pop().expect("a request");
    (seen.header("range").map(str::to_owned), seen.header("if-range").map(str::to_owned))
}

fn ranged(range: &str) -> (Option<String>, Option<String>) {
    (Some(range.to_owned()), Some("\"1\"".to_owned()))
}

#[tokio::test]
async fn the_missing_bytes_are_fetched_with_one_range() {
    let cases: [(Stored<'_>, &str, Range<usize>); 4] = [
        (&[0..5], "bytes=5-", 5..10),
        (&[5..10], "bytes=0-4", 0..5),
        (&[0..2, 8..10], "bytes=2-7", 2..8),
        (&[0..2, 4..6], "bytes=2-", 2..10),
    ];
    for (parts, missing, brought) in cases {
        let (origin, node) = holding(parts).await;
        origin.once("/a", part(brought.clone()));
        let first = node.get("/a").await;
        assert_eq!((first.status, first.text(), first.header("content-range")), (200, DIGITS, None), "{missing}");
        assert_eq!(first.header("content-length"), Some("10"));
        assert_eq!(last_asked(&origin), ranged(missing));
        let status = "edge-1; fwd=partial; fwd-status=206; ttl=60; stored";
        assert_eq!(first.header("cache-status"), Some(status));
        let hit = node.get("/a").await;
        assert_eq!((hit.text(), hit.header("cache-status")), (DIGITS, Some("edge-1; hit; ttl=60")));
        assert_eq!(origin.count("/a"), parts.len() + 1);
    }
}

#[tokio::test]
async fn of_a_range_only_what_is_missing_is_fetched() {
    let cases: [(Stored<'_>, &str, &str, Range<usize>, &str); 4] = [
        (&[0..5], "bytes=2-7", "bytes=5-7", 5..8, "bytes 2-7/10"),
        (&[5..10], "bytes=2-7", "bytes=2-4", 2..5, "bytes 2-7/10"),
        (&[0..3, 6..8], "bytes=1-7", "bytes=3-5", 3..6, "bytes 1-7/10"),
        (&[4..6], "bytes=-6", "bytes=6-", 6..10, "bytes 4-9/10"),
    ];
    for (parts, wanted, missing, brought, place) in cases {
        let (origin, node) = holding(parts).await;
        origin.once("/a", part(brought));
        for requests in [1, 1] {
            let response = range(&node, wanted).await;
            assert_eq!((response.status, response.header("content-range")), (206, Some(place)), "{wanted}");
            assert!(DIGITS.contains(response.text()) && response.complete);
            assert_eq!(origin.count("/a"), parts.len() + requests);
        }
        assert_eq!(last_asked(&origin), ranged(missing));
    }
}

#[tokio::test]
async fn fields_that_the_missing_part_does_not_repeat_are_kept() {
    let origin = Origin::start().await;
    let first = part(0..5).header("Content-Type", "text/plain").header("X-Version", "old").header("Age", "30");
    origin.once("/a", first).once("/a", part(5..10).header("X-Version", "new"));
    let node = TestNode::before(&origin, "");
    range(&node, "bytes=0-4").await;
    let joined = node.get("/a").await;
    assert_eq!((joined.header("content-type"), joined.header("x-version")), (Some("text/plain"), Some("new")));
    assert_eq!((joined.headers("etag"), joined.header("content-range")), (vec!["\"1\""], None));
    assert!(joined.header("cache-status").unwrap().contains("ttl=60"), "the new part is not as old as the first");
}

#[tokio::test]
async fn without_a_strong_validator_the_whole_is_fetched() {
    for tag in [None, Some("W/\"1\"")] {
        let origin = Origin::start().await;
        let first = Answer::status(206, "01234").header("Cache-Control", "max-age=60");
        let first = first.header("Content-Range", "bytes 0-4/10");
        origin.once("/a", tag.into_iter().fold(first, |answer, tag| answer.header("ETag", tag)));
        origin.once("/a", whole(DIGITS));
        let node = TestNode::before(&origin, "");
        range(&node, "bytes=0-4").await;
        assert_eq!(node.get("/a").await.text(), DIGITS);
        assert_eq!(last_asked(&origin), (None, None));
    }
}

#[tokio::test]
async fn a_date_serves_as_validator_where_it_is_strong() {
    let modified = "Fri, 01 Jan 2027 00:00:00 GMT";
    let dated = |bytes: Range<usize>| {
        let place = format!("bytes {}-{}/10", bytes.start, bytes.end - 1);
        let answer = Answer::status(206, &DIGITS[bytes]).header("Cache-Control", "max-age=60");
        answer.header("Content-Range", &place).header("Last-Modified", modified)
    };
    let origin = Origin::start().await;
    origin.once("/a", dated(0..5)).once("/a", dated(5..10));
    let node = TestNode::before(&origin, "");
    range(&node, "bytes=0-4").await;
    assert_eq!(node.get("/a").await.text(), DIGITS);
    assert_eq!(last_asked(&origin), (Some("bytes=5-".to_owned()), Some(modified.to_owned())));
}

#[tokio::test]
async fn what_does_not_fit_is_thrown_away_and_the_whole_fetched_once() {
    let misplaced = |place: &str| {
        let answer = Answer::status(206, "56789").header("Cache-Control", "max-age=60").header("ETag", "\"1\"");
        answer.header("Content-Range", place)
    };
    let cases = [
        ("another tag", tagged(5..10, "\"2\"")),
        ("a weak tag", tagged(5..10, "W/\"1\"")),
        ("another range", misplaced("bytes 4-8/10")),
        ("another length", misplaced("bytes 5-9/11")),
        ("no place", Answer::status(206, "56789").header("ETag", "\"1\"")),
        ("too short", part(5..9)),
        ("may not be stored", part(5..10).header("Cache-Control", "no-store")),
        ("nothing there", Answer::status(416, "").header("Content-Range", "bytes */3")),
        ("not modified", Answer::status(304, "").header("ETag", "\"1\"")),
    ];
    for (case, misfit) in cases {
        let (origin, node) = holding(&[0..5]).await;
        origin.once("/a", misfit).once("/a", whole("abcdefghij"));
        assert_eq!(node.get("/a").await.text(), "abcdefghij", "{case}");
        assert_eq!(last_asked(&origin), (None, None), "{case}");
        assert_eq!(range(&node, "bytes=0-4").await.text(), "abcde", "{case}");
        assert_eq!(origin.count("/a"), 3, "{case}");
    }
}

#[tokio::test]
async fn parts_of_another_representation_are_gone_even_if_the_new_one_is_not_stored() {
    let (origin, node) = holding(&[0..5]).await;
    origin.once("/a", tagged(5..10, "\"2\"")).once("/a", Answer::ok("now").header("Cache-Control", "no-store"));
    assert_eq!(node.get("/a").await.text(), "now");
    origin.once("/a", tagged(0..5, "\"2\""));
    range(&node, "bytes=0-4").await;
    assert_eq!(origin.count("/a"), 4, "the old part is not used any more");
}

#[tokio::test]
async fn a_range_that_does_not_fit_is_fetched_as_it_was_asked_for() {
    let (origin, node) = holding(&[0..5]).await;
    origin.once("/a", tagged(5..8, "\"2\"")).once("/a", tagged(2..8, "\"2\""));
    let response = range(&node, "bytes=2-7").await;
    assert_eq!((response.text(), response.header("etag")), ("234567", Some("\"2\"")));
    assert_eq!(last_asked(&origin), (Some("bytes=2-7".to_owned()), None));
}

#[tokio::test]
async fn a_whole_instead_of_the_rest_replaces_the_parts() {
    let (origin, node) = holding(&[0..5]).await;
    origin.once("/a", whole("abcdefghij"));
    assert_eq!(range(&node, "bytes=3-6").await.text(), "defg");
    assert_eq!(last_asked(&origin), ranged("bytes=5-6"));
    assert_eq!(node.get("/a").await.text(), "abcdefghij");
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_part_in_the_middle_saves_no_request_for_the_whole() {
    let (origin, node) = holding(&[2..4]).await;
    origin.once("/a", whole("abcdefghij"));
    assert_eq!(node.get("/a").await.text(), "abcdefghij");
    assert_eq!(last_asked(&origin), (None, None));
    assert_eq!(range(&node, "bytes=2-3").await.text(), "cd");
}

/// What a client reads of a body of ten bytes that breaks off once the gate is open.
async fn broken_off(mut client: RawClient, gate: &Gate) -> String {
    let head = client.response_head().await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("10")));
    gate.open();
    let mut body = Vec::new();
    while body.len() < 10 {
        match client.some().await {
            more if more.is_empty() => break,
            more => body.extend(more),
        }
    }
    String::from_utf8(body).expect("digits")
}

#[tokio::test]
async fn a_rest_that_breaks_off_breaks_the_body_and_changes_nothing() {
    let (origin, node) = holding(&[0..5]).await;
    let gate = Gate::closed();
    let broken = Answer::status(206, "567").header("Cache-Control", "max-age=60").header("ETag", "\"1\"");
    let broken = broken.header("Content-Range", "bytes 5-9/10").declare_length(5).finishing_after(&gate);
    origin.once("/a", broken).once("/a", part(5..10));
    let got = broken_off(asking(&node, "").await, &gate).await;
    assert!(got.len() < 10 && DIGITS.starts_with(&got), "{got}");
    let second = node.get("/a").await;
    assert_eq!((second.text(), second.complete), (DIGITS, true));
    assert_eq!(last_asked(&origin), ranged("bytes=5-"));
}

#[tokio::test]
async fn a_chunked_rest_that_is_not_as_long_as_its_place_breaks_the_body() {
    for body in ["4\r\n5678\r\n0\r\n\r\n", "5\r\n56789\r\n1\r\nx"] {
        let (origin, node) = holding(&[0..5]).await;
        let gate = Gate::closed();
        let head = "HTTP/1.1 206 Part\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\nETag: \"1\"\r\n";
        let answer = Answer::raw(format!("{head}Content-Range: bytes 5-9/10\r\n\r\n{body}"));
        origin.once("/a", answer.finishing_after(&gate)).once("/a", part(5..10));
        // All ten bytes may have come by the time the eleventh proves them wrong, but nothing of them is stored.
        let got = broken_off(asking(&node, "").await, &gate).await;
        assert!(DIGITS.starts_with(&got), "{got}");
        node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
        assert_eq!(node.get("/a").await.text(), DIGITS);
        assert_eq!(origin.count("/a"), 3, "{body:?}");
    }
}

#[tokio::test]
async fn everybody_reads_what_is_joined_from_one_fetch() {
    let (origin, node) = holding(&[0..3, 8..10]).await;
    let gate = Gate::closed();
    origin.once("/a", part(3..8).finishing_after(&gate));
    let mut clients = Vec::new();
    for fields in ["", "", "Range: bytes=2-4\r\n"] {
        clients.push(asking(&node, fields).await);
        origin.requests_reach(3).await;
    }
    node.metric_is("forebay_cache_collapsed_waiters", &[], 1.0).await;
    // The range is answered while the rest of the whole is still to come, and needs no fetch of its own.
    assert_eq!(clients.pop().unwrap().response().await.text(), "234");
    drop(clients.remove(0));
    gate.open();
    assert_eq!(clients.remove(0).response().await.text(), DIGITS);
    assert_eq!(origin.count("/a"), 3);
}

#[tokio::test]
async fn a_range_reads_along_with_a_whole_and_goes_when_it_has_its_own() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/a", whole(DIGITS).finishing_after(&gate));
    let node = TestNode::before(&origin, "");
    let mut first = asking(&node, "").await;
    first.response_head().await;
    let cases = [("bytes=2-4", 206, "234"), ("bytes=0-0", 206, "0"), ("bytes=10-", 416, "")];
    for (asked, status, body) in cases {
        let response = range(&node, asked).await;
        assert_eq!((response.status, response.text(), response.complete), (status, body, true), "{asked}");
        assert!(response.header("cache-status").unwrap().contains("; collapsed"));
    }
    let mut suffix = asking(&node, "Range: bytes=-3\r\n").await;
    let head = suffix.response_head().await;
    assert_eq!((head.status, head.header("content-range")), (206, Some("bytes 7-9/10")));
    let mut other = asking(&node, "Range: bytes=0-1\r\nIf-Range: \"0\"\r\n").await;
    assert_eq!(other.response_head().await.status, 200, "the range was meant for another representation");
    gate.open();
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn of_a_whole_of_unknown_length_nothing_is_cut() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    let chunked = Answer::chunked(&["01234", "56789"]).header("Cache-Control", "max-age=60");
    origin.once("/a", chunked.finishing_after(&gate));
    let node = TestNode::before(&origin, "");
    let mut first = asking(&node, "").await;
    first.response_head().await;
    let mut second = asking(&node, "Range: bytes=0-1\r\n").await;
    let head = second.response_head().await;
    assert_eq!((head.status, head.header("content-range")), (200, None));
    gate.open();
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!(range(&node, "bytes=0-1").await.text(), "01");
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn where_an_origin_ignores_ranges_they_share_one_whole() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/a", whole(DIGITS).finishing_after(&gate));
    let node = TestNode::before(&origin, "");
    let first = range(&node, "bytes=0-3").await;
    assert_eq!((first.status, first.text()), (206, "0123"));
    assert_eq!(first.header("cache-status"), Some("edge-1; fwd=uri-miss; fwd-status=200; ttl=60; stored"));
    // It still comes, and other requests read along.
    assert_eq!(range(&node, "bytes=5-7").await.text(), "567");
    let mut third = asking(&node, "").await;
    third.response_head().await;
    gate.open();
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!(node.get("/a").await.header("cache-status"), Some("edge-1; hit; ttl=60"));
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn a_whole_that_is_fetched_beside_a_range_is_not_undone_by_it() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/a", part(0..5).finishing_after(&gate)).once("/a", whole("abcdefghij"));
    let node = TestNode::before(&origin, "");
    let mut slow = asking(&node, "Range: bytes=0-4\r\n").await;
    slow.response_head().await;
    assert_eq!(node.get("/a").await.text(), "abcdefghij");
    gate.open();
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!(node.get("/a").await.text(), "abcdefghij");
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_range_that_could_not_be_stored_is_stored_once_it_can_be() {
    let origin = Origin::start().await;
    let part = |directives: &str| {
        let answer = Answer::status(206, "0123").header("Content-Range", "bytes 0-3/10").header("ETag", "\"1\"");
        answer.header("Cache-Control", directives)
    };
    origin.once("/a", part("private")).on("/a", part("max-age=60"));
    let node = TestNode::before(&origin, "");
    let asked = async || {
        let answer = node.get_with("/a", &[("Range", "bytes=0-3")]).await;
        answer.header("cache-status").expect("every answer has the field").to_owned()
    };
    assert_eq!(asked().await, "edge-1; fwd=uri-miss; detail=private");
    assert_eq!(asked().await, "edge-1; fwd=uri-miss; detail=uncacheable", "it is known, and learned from");
    assert_eq!(asked().await, "edge-1; fwd=uri-miss; ttl=60; stored");
    assert_eq!(asked().await, "edge-1; hit; ttl=60");
}
