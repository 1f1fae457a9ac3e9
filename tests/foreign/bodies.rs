//! The guest on the Rust SDK that reads and rewrites bodies and trailers.

use support::{Answer, Origin};

use crate::node::Filtered;

async fn node() -> Option<Filtered> {
    let origin = Origin::start().await;
    origin.otherwise(Answer::chunked(&["go", "od"]));
    Filtered::of("rust", "bodies", origin).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_held_replaced_and_added_to_both_ways() {
    let table = [
        ("hold", "hello", "good"),
        ("replace", "replaced", "replaced"),
        ("prepend", "before hello", "before good"),
        ("append", "hello after", "good after"),
        ("empty", "", ""),
    ];
    let Some(node) = node().await else { return };
    for (round, (edit, request, response)) in table.into_iter().enumerate() {
        let answer = node.post_with("/page", &[("X-Body", edit)], b"hello").await;
        assert_eq!((answer.status, answer.text()), (200, response), "{edit}");
        let seen = &node.origin.seen()[round];
        assert_eq!(String::from_utf8_lossy(&seen.body), request, "{edit}");
    }
    node.says("body response whole: good").await;
    assert_eq!(node.has_said("body request from 1: ", 5).await, ["el"; 5]);
    assert_eq!(node.has_said("body request beyond: ", 5).await, ["none"; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_from_a_body_reaches_no_origin() {
    let Some(node) = node().await else { return };
    let replied = node.post_with("/page", &[("X-Body", "reply")], b"hello").await;
    assert_eq!((replied.status, replied.text(), replied.header("x-guest")), (418, "from a body", Some("bodies")));
    assert!(node.origin.seen().is_empty());
}
