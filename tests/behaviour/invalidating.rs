//! What a successful unsafe request changed is no longer answered from the store (RFC 9111 section 4.4).

use support::{Answer, Gate, Origin, TestNode};

fn fresh(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60")
}

/// Is `stored` still answered from the store after this request and its answer?
async fn survives(method: &str, target: &str, answer: Answer, stored: &str) -> bool {
    let origin = Origin::start().await;
    origin.once(stored, fresh("old")).once(target, answer).on(stored, fresh("new"));
    let node = TestNode::before(&origin, "");
    node.get(stored).await;
    node.connect().await.request(method, target, &[], b"").await;
    match node.get(stored).await.text() {
        "old" => true,
        "new" => false,
        other => panic!("neither old nor new: {other:?}"),
    }
}

#[tokio::test]
async fn a_successful_unsafe_request_invalidates_its_target() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "UNKNOWN"] {
        for status in [200, 201, 204, 303] {
            assert!(!survives(method, "/a", Answer::status(status, ""), "/a").await, "{method} {status}");
        }
    }
}

#[tokio::test]
async fn a_failed_or_a_safe_request_changes_nothing() {
    for status in [400, 403, 404, 409, 500, 503] {
        assert!(survives("POST", "/a", Answer::status(status, ""), "/a").await, "{status}");
    }
    assert!(survives("OPTIONS", "/a", Answer::status(200, ""), "/a").await);
    assert!(survives("POST", "/a", Answer::hang_up(), "/a").await);
    assert!(survives("POST", "/other", Answer::ok(""), "/a").await);
    assert!(survives("POST", "/a?x=1", Answer::ok(""), "/a").await);
}

#[tokio::test]
async fn what_the_answer_names_on_the_same_origin_is_invalidated_too() {
    let cases = [
        ("/folder/b", false),
        ("http://test.example/folder/b", false),
        ("http://TEST.example:80/folder/b", false),
        ("//test.example/folder/b", false),
        ("b", false),
        ("./b", false),
        ("../folder/b", false),
        ("b#part", false),
        ("mailto:folder/b", true),
        ("/folder/c", true),
        ("http://other.example/folder/b", true),
        ("http://test.example:81/folder/b", true),
        ("https://test.example/folder/b", true),
        ("http://[", true),
    ];
    for name in ["Location", "Content-Location"] {
        for (value, expected) in cases {
            let answer = Answer::status(201, "").header(name, value);
            assert_eq!(survives("POST", "/folder/a", answer, "/folder/b").await, expected, "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn a_failed_request_invalidates_nothing_that_it_names() {
    let answer = Answer::status(409, "").header("Location", "/b");
    assert!(survives("POST", "/a", answer, "/b").await);
}

/// The body for the next client after a POST came and went while `underway` was being fetched.
async fn after_a_change_under_way(stored: Option<Answer>, underway: Answer, gate: &Gate) -> String {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    let mut asked = 1;
    if let Some(stored) = stored {
        origin.once("/a", stored);
        node.get("/a").await;
        asked += 1;
    }
    origin.once("/a", underway).once("/a", Answer::ok("changed")).on("/a", fresh("new"));
    let mut early = node.connect().await;
    early.send("GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    origin.requests_reach(asked).await;
    assert_eq!(node.connect().await.request("POST", "/a", &[], b"x").await.text(), "changed");
    gate.open();
    assert_eq!(early.response().await.text(), "old", "it asked before the change");
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    node.get("/a").await.text().to_owned()
}

#[tokio::test]
async fn what_was_being_fetched_during_a_change_is_not_stored() {
    let gate = Gate::closed();
    assert_eq!(after_a_change_under_way(None, fresh("old").after(&gate), &gate).await, "new");
    let gate = Gate::closed();
    assert_eq!(after_a_change_under_way(None, fresh("old").finishing_after(&gate), &gate).await, "new");
}

#[tokio::test]
async fn what_was_being_validated_during_a_change_is_not_stored() {
    let stored = |directives| Answer::ok("old").header("Cache-Control", directives).header("ETag", "\"1\"");
    let gate = Gate::closed();
    let replaced = fresh("old").after(&gate);
    assert_eq!(after_a_change_under_way(Some(stored("no-cache")), replaced, &gate).await, "new");
    let gate = Gate::closed();
    let renewed = Answer::status(304, "").header("Cache-Control", "max-age=60").after(&gate);
    assert_eq!(after_a_change_under_way(Some(stored("no-cache")), renewed, &gate).await, "new");
}

#[tokio::test]
async fn a_response_usable_only_while_revalidated_is_no_exception() {
    let gate = Gate::closed();
    let brief = Answer::ok("old").header("Cache-Control", "max-age=0, stale-while-revalidate=60");
    assert_eq!(after_a_change_under_way(None, brief.finishing_after(&gate), &gate).await, "new");
}
