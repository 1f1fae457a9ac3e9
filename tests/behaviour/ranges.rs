//! Parts of stored responses (RFC 9110 section 14).

use support::{Answer, Origin, Response, TestNode};

const MODIFIED: &str = "Fri, 01 Jan 2027 00:00:00 GMT";
const DIGITS: &str = "0123456789";

fn digits() -> Answer {
    let answer = Answer::ok(DIGITS).header("Cache-Control", "max-age=60").header("Content-Type", "text/plain");
    answer.header("ETag", "\"1\"").header("Last-Modified", MODIFIED)
}

/// A node that has `/a` already.
async fn holding(answer: Answer) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.on("/a", answer);
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    (origin, node)
}

fn outcome(response: &Response) -> (u16, &str, Option<&str>) {
    (response.status, response.text(), response.header("content-range"))
}

#[tokio::test]
async fn one_range_is_cut_from_what_is_stored() {
    let cases = [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=4-", "456789", "bytes 4-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", DIGITS, "bytes 0-9/10"),
        ("bytes=8-99999999999999999999999", "89", "bytes 8-9/10"),
        ("BYTES=9-9", "9", "bytes 9-9/10"),
        ("bytes=0-0, 20-30", "0", "bytes 0-0/10"),
        ("bytes=0-3, 4-5", "012345", "bytes 0-5/10"),
    ];
    let (origin, node) = holding(digits()).await;
    for (range, body, place) in cases {
        let part = node.get_with("/a", &[("Range", range)]).await;
        assert_eq!(outcome(&part), (206, body, Some(place)), "{range}");
        assert_eq!(part.header("content-length"), Some(&*body.len().to_string()), "{range}");
        assert_eq!((part.header("etag"), part.header("content-type")), (Some("\"1\""), Some("text/plain")));
        assert_eq!(part.header("cache-status"), Some("edge-1; hit; ttl=60"));
    }
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn a_range_that_says_nothing_gets_the_whole() {
    let many = format!("bytes={}", "0-0,2-2,4-4,6-6,8-8,".repeat(4));
    let (_origin, node) = holding(digits()).await;
    for range in ["lines=0-3", "bytes=3-1", "bytes=a-b", "bytes", "bytes=1-2-3"] {
        assert_eq!(outcome(&node.get_with("/a", &[("Range", range)]).await), (200, DIGITS, None), "{range}");
    }
    let merged = node.get_with("/a", &[("Range", &many)]).await;
    assert_eq!(merged.status, 206, "pieces asked for again are sent once");
    assert_eq!(merged.text().matches("Content-Range").count(), 5);
}

#[tokio::test]
async fn a_request_for_very_many_pieces_gets_the_whole() {
    let body = "x".repeat(100);
    let (_origin, node) = holding(Answer::ok(body.as_str()).header("Cache-Control", "max-age=60")).await;
    let pieces = |count: u64| (0..count).map(|n| format!("{0}-{0}", 2 * n)).collect::<Vec<_>>().join(",");
    for (count, status) in [(16, 206), (17, 200)] {
        let response = node.get_with("/a", &[("Range", &format!("bytes={}", pieces(count)))]).await;
        assert_eq!(response.status, status, "{count} pieces");
    }
}

#[tokio::test]
async fn several_ranges_come_as_parts_with_their_places() {
    let (_origin, node) = holding(digits()).await;
    let response = node.get_with("/a", &[("Range", "bytes=0-1, -2")]).await;
    assert_eq!((response.status, response.header("content-range")), (206, None));
    let boundary = response.header("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part =
        |place, body| format!("--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: {place}\r\n\r\n{body}\r\n");
    let expected = [part("bytes 0-1/10", "01"), part("bytes 8-9/10", "89"), format!("--{boundary}--\r\n")].concat();
    assert_eq!((response.text(), response.complete), (&*expected, true));
    assert_eq!(response.header("content-length"), Some(&*expected.len().to_string()));
}

#[tokio::test]
async fn nothing_of_what_was_asked_for_is_416_with_the_length() {
    let (origin, node) = holding(digits()).await;
    for range in ["bytes=10-", "bytes=10-20, 30-40", "bytes=-0", "bytes=99999999999999999999-"] {
        let response = node.get_with("/a", &[("Range", range)]).await;
        assert_eq!(outcome(&response), (416, "", Some("bytes */10")), "{range}");
    }
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn if_range_guards_against_another_representation() {
    let cases = [
        ("\"1\"", 206),
        ("\"0\"", 200),
        ("W/\"1\"", 200),
        (MODIFIED, 206),
        ("Fri, 01 Jan 2027 00:00:01 GMT", 200),
        ("junk", 200),
    ];
    let (_origin, node) = holding(digits()).await;
    for (validator, status) in cases {
        let response = node.get_with("/a", &[("Range", "bytes=0-3"), ("If-Range", validator)]).await;
        let body = if status == 206 { "0123" } else { DIGITS };
        assert_eq!((response.status, response.text()), (status, body), "{validator}");
    }
}

#[tokio::test]
async fn a_weak_tag_never_allows_a_range() {
    let answer = Answer::ok(DIGITS).header("Cache-Control", "max-age=60").header("ETag", "W/\"1\"");
    let (_origin, node) = holding(answer).await;
    for validator in ["W/\"1\"", "\"1\""] {
        let response = node.get_with("/a", &[("Range", "bytes=0-3"), ("If-Range", validator)]).await;
        assert_eq!(outcome(&response), (200, DIGITS, None), "{validator}");
    }
}

#[tokio::test]
async fn a_failed_if_range_is_not_answered_416() {
    let (_origin, node) = holding(digits()).await;
    let response = node.get_with("/a", &[("Range", "bytes=50-"), ("If-Range", "\"0\"")]).await;
    assert_eq!(outcome(&response), (200, DIGITS, None));
}

#[tokio::test]
async fn a_range_counts_for_get_only() {
    let (_origin, node) = holding(digits()).await;
    let head = node.connect().await.request("HEAD", "/a", &[("Range", "bytes=0-3")], b"").await;
    assert_eq!((head.status, head.header("content-length"), head.header("content-range")), (200, Some("10"), None));
}

#[tokio::test]
async fn other_conditions_decide_before_the_range() {
    let (_origin, node) = holding(digits()).await;
    let known = node.get_with("/a", &[("Range", "bytes=0-3"), ("If-None-Match", "\"1\"")]).await;
    assert_eq!(outcome(&known), (304, "", None));
    let changed = node.get_with("/a", &[("Range", "bytes=0-3"), ("If-None-Match", "\"0\"")]).await;
    assert_eq!(outcome(&changed), (206, "0123", Some("bytes 0-3/10")));
}

#[tokio::test]
async fn only_a_200_is_cut() {
    let (_origin, node) = holding(Answer::status(404, DIGITS).header("Cache-Control", "max-age=60")).await;
    assert_eq!(outcome(&node.get_with("/a", &[("Range", "bytes=0-3")]).await), (404, DIGITS, None));
}

#[tokio::test]
async fn a_part_has_no_digest_of_the_whole_content() {
    let digests = ["Content-Digest", "Content-MD5", "Repr-Digest"];
    let (_origin, node) = holding(digests.iter().fold(digits(), |answer, name| answer.header(name, "any"))).await;
    for range in ["bytes=0-3", "bytes=0-1,4-5", "bytes=50-"] {
        let part = node.get_with("/a", &[("Range", range)]).await;
        assert_eq!(digests.map(|name| part.header(name)), [None, None, Some("any")], "{range}");
    }
    assert_eq!(node.get("/a").await.header("content-digest"), Some("any"));
}
