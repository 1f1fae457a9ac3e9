//! Ranges that miss, and the fields that decide about them: conditions, credentials, digests, what is for surrogates.

use support::{Answer, Origin, Response, TestNode};

const DIGITS: &str = "0123456789";

/// The 206 for the first digits, so many.
fn start(count: usize) -> Answer {
    let answer = Answer::status(206, &DIGITS[..count]).header("Cache-Control", "max-age=60").header("ETag", "\"1\"");
    answer.header("Content-Range", &format!("bytes 0-{}/10", count - 1))
}

fn rest(from: usize) -> Answer {
    let answer = Answer::status(206, &DIGITS[from..]).header("Cache-Control", "max-age=60").header("ETag", "\"1\"");
    answer.header("Content-Range", &format!("bytes {from}-9/10"))
}

fn outcome(response: &Response) -> (u16, &str, Option<&str>) {
    (response.status, response.text(), response.header("content-range"))
}

#[tokio::test]
async fn a_range_beyond_another_representation_is_not_answered_416() {
    let origin = Origin::start().await;
    origin.once("/a", Answer::status(416, "").header("Content-Range", "bytes */10"));
    origin.on("/a", Answer::ok(DIGITS).header("ETag", "\"1\""));
    let node = TestNode::before(&origin, "");
    let whole = node.get_with("/a", &[("Range", "bytes=500-"), ("If-Range", "\"0\"")]).await;
    assert_eq!(outcome(&whole), (200, DIGITS, None));
    assert_eq!(origin.seen()[1].header("if-range"), Some("\"0\""), "the origin decides");
}

#[tokio::test]
async fn nobody_empties_the_store_of_parts_with_credentials() {
    let origin = Origin::start().await;
    origin.once("/a", start(4)).once("/a", rest(4)).on("/a", Answer::status(503, "asked again"));
    let node = TestNode::before(&origin, "");
    node.get_with("/a", &[("Range", "bytes=0-3")]).await;
    node.get_with("/a", &[("Range", "bytes=0-9"), ("Authorization", "Basic x")]).await;
    let hit = node.get_with("/a", &[("Range", "bytes=1-2")]).await;
    assert_eq!(outcome(&hit), (206, "12", Some("bytes 1-2/10")));
}

#[tokio::test]
async fn the_digest_of_one_part_is_of_no_other_and_not_of_the_whole() {
    let origin = Origin::start().await;
    let digested = |answer: Answer| answer.header("Content-Digest", "any").header("Repr-Digest", "any");
    origin.once("/a", digested(start(4))).once("/a", digested(rest(4)));
    let node = TestNode::before(&origin, "");
    let digests = |response: &Response| {
        (response.header("content-digest").map(str::to_owned), response.header("repr-digest").map(str::to_owned))
    };
    let any = || Some("any".to_owned());
    let as_it_came = node.get_with("/a", &[("Range", "bytes=0-3")]).await;
    assert_eq!(digests(&as_it_came), (any(), any()));
    for range in ["bytes=1-2", "bytes=0-9", "bytes=2-5"] {
        let part = node.get_with("/a", &[("Range", range)]).await;
        assert_eq!(digests(&part), (None, any()), "{range}");
    }
    let whole = node.get("/a").await;
    assert_eq!((whole.text(), digests(&whole)), (DIGITS, (None, any())));
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn surrogates_get_their_fields_with_stored_parts_too() {
    let origin = Origin::start().await;
    origin.once("/a", start(4).header("Surrogate-Key", "k"));
    let node = TestNode::before(&origin, "");
    node.get_with("/a", &[("Range", "bytes=0-3")]).await;
    let capable = [("Range", "bytes=0-1"), ("Surrogate-Capability", "cdn=\"Surrogate/1.0\"")];
    assert_eq!(node.get_with("/a", &capable).await.header("surrogate-key"), Some("k"));
    assert_eq!(node.get_with("/a", &capable[..1]).await.header("surrogate-key"), None);
}
