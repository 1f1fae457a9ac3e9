//! Queries that an origin calls equivalent share one stored response (draft-ietf-httpbis-no-vary-search).

use support::{Answer, Gate, Origin, Response, TestNode};

/// An answer that says this of its query.
fn saying(body: &str, rule: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60").header("No-Vary-Search", rule)
}

fn fresh(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60")
}

fn hit(response: &Response) -> bool {
    response.header("cache-status").is_some_and(|status| status.contains("; hit"))
}

async fn node_before(origin: &Origin) -> TestNode {
    TestNode::before(origin, "")
}

#[tokio::test]
async fn equivalent_queries_share_the_first_response_that_says_so() {
    let cases = [
        ("key-order", "/x?b=1&a=2", "/x?a=2&b=1", true),
        ("key-order", "/x?a=1", "/x?%61=1&", true),
        ("key-order", "/x?a=1", "/x?a=2", false),
        ("params=(\"utm_source\" \"utm_medium\")", "/x?id=1&utm_source=a", "/x?utm_medium=b&id=1", true),
        ("params=(\"utm_source\")", "/x?id=1&utm_source=a", "/x?id=2&utm_source=a", false),
        ("params=(\"utm_source\")", "/x?utm_source=a", "/x", true),
        ("params, except=(\"id\")", "/x?id=1&x=2", "/x?y=2&id=1", true),
        ("params, except=(\"id\")", "/x?id=1&x=2", "/x?id=2&x=2", false),
        ("params", "/x?a", "/y?a", false),
        ("params=(not-a-string)", "/x?a", "/x?b", false),
        ("except=(\"id\")", "/x?id=1&x=2", "/x?y=2&id=1", true),
        ("except=(\"id\")", "/x?id=1", "/x?id=2", false),
        ("except=()", "/x?a", "/x?b", true),
        ("params=(\"a\"), except=()", "/x?a", "/x?b", false),
        ("params; !", "/x?a", "/x?b", false),
    ];
    for (rule, one, other, expected) in cases {
        let origin = Origin::start().await;
        origin.otherwise(saying("any", rule));
        let node = node_before(&origin).await;
        assert!(!hit(&node.get(one).await));
        assert!(hit(&node.get(one).await), "the same again is stored: {rule}");
        assert_eq!(hit(&node.get(other).await), expected, "{rule}: {one} and {other}");
    }
}

#[tokio::test]
async fn a_response_that_does_not_say_it_answers_its_own_query_alone() {
    let origin = Origin::start().await;
    origin.once("/x?a=1", saying("said", "params")).on("/x?a=2", fresh("two")).on("/x?a=3", fresh("three"));
    let node = node_before(&origin).await;
    node.get("/x?a=1").await;
    node.advance(std::time::Duration::from_secs(60));
    for _ in 0..2 {
        assert_eq!(node.get("/x?a=2").await.text(), "two");
        assert_eq!(node.get("/x?a=3").await.text(), "three");
    }
    assert_eq!((origin.count("/x?a=2"), origin.count("/x?a=3")), (1, 1), "both are stored");
}

#[tokio::test]
async fn the_newest_rule_counts_and_the_old_one_is_never_served_by() {
    let origin = Origin::start().await;
    let narrow = "params=(\"utm\")";
    origin.once("/x?id=1", saying("wide", "params")).on("/x?id=1&utm=1", saying("one", narrow));
    origin.on("/x?id=2&utm=1", saying("two", narrow)).on("/x?id=3", saying("three", narrow));
    let node = node_before(&origin).await;
    node.get("/x?id=1").await;
    assert_eq!(node.get("/x?id=2&utm=1").await.text(), "wide");
    node.advance(std::time::Duration::from_secs(60));
    // The one that teaches the new rule is asked for once more; from then on it holds.
    assert_eq!(node.get("/x?id=3").await.text(), "three");
    for _ in 0..2 {
        assert_eq!(node.get("/x?id=1&utm=1").await.text(), "one");
        assert_eq!(node.get("/x?id=2&utm=1").await.text(), "two");
        assert_eq!(node.get("/x?id=3").await.text(), "three");
    }
    assert!(hit(&node.get("/x?utm=9&id=3").await));
    assert_eq!((origin.count("/x?id=1&utm=1"), origin.count("/x?id=2&utm=1"), origin.count("/x?id=3")), (1, 1, 2));
}

#[tokio::test]
async fn who_waits_for_an_equivalent_query_gets_its_own_where_the_answer_takes_it_back() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/x?a=1", saying("said", "params"));
    origin.once("/x?a=2", fresh("two").after(&gate)).once("/x?a=3", fresh("three"));
    let node = node_before(&origin).await;
    node.get("/x?a=1").await;
    node.advance(std::time::Duration::from_secs(60));
    let (mut first, mut second) = (node.connect().await, node.connect().await);
    first.send("GET /x?a=2 HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    origin.requests_reach(2).await;
    second.send("GET /x?a=3 HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    node.metric_is("forebay_cache_collapsed_waiters", &[], 1.0).await;
    gate.open();
    assert_eq!((first.response().await.text(), second.response().await.text()), ("two", "three"));
}

#[tokio::test]
async fn equivalent_queries_are_fetched_once_when_the_rule_is_known() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/x?a=1", saying("old", "params")).once("/x?a=2", saying("new", "params").after(&gate));
    let node = node_before(&origin).await;
    node.get("/x?a=1").await;
    node.advance(std::time::Duration::from_secs(60));
    let (mut first, mut second) = (node.connect().await, node.connect().await);
    first.send("GET /x?a=2 HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    origin.requests_reach(2).await;
    second.send("GET /x?a=3 HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    node.metric_is("forebay_cache_collapsed_waiters", &[], 1.0).await;
    gate.open();
    assert_eq!((first.response().await.text(), second.response().await.text()), ("new", "new"));
    assert_eq!(origin.count("/x?a=3"), 0);
}

#[tokio::test]
async fn a_rule_goes_with_vary() {
    let origin = Origin::start().await;
    for language in ["de", "en"] {
        origin.once(&format!("/x?{language}"), saying(language, "params").header("Vary", "Accept-Language"));
    }
    let node = node_before(&origin).await;
    for language in ["de", "en"] {
        node.get_with(&format!("/x?{language}"), &[("Accept-Language", language)]).await;
    }
    for language in ["de", "en"] {
        let again = node.get_with("/x?again", &[("Accept-Language", language)]).await;
        assert_eq!((again.text(), hit(&again)), (language, true));
    }
}

#[tokio::test]
async fn a_changed_url_takes_its_equivalents_with_it() {
    for rules in ["", "[route.cache.key]\nheaders = [\"x-device\"]\n"] {
        let origin = Origin::start().await;
        origin.otherwise(saying("any", "params, except=(\"id\")"));
        let node = TestNode::before(&origin, rules);
        let phone = [("x-device", "phone")];
        for _ in 0..2 {
            assert!(!hit(&node.get_with("/x?id=1&a=1", &phone).await));
            assert!(hit(&node.get_with("/x?id=1&a=2", &phone).await));
            node.connect().await.request("POST", "/x?a=3&id=1", &[], b"x").await;
        }
        assert!(!hit(&node.get_with("/x?id=1&a=1", &phone).await), "{rules}");
    }
}

#[tokio::test]
async fn a_change_leaves_what_is_not_equivalent() {
    let origin = Origin::start().await;
    origin.otherwise(saying("any", "params, except=(\"id\")"));
    let node = node_before(&origin).await;
    node.get("/x?id=1").await;
    node.get("/x?id=2").await;
    node.connect().await.request("POST", "/x?id=1", &[], b"x").await;
    assert!(hit(&node.get("/x?id=2&a").await) && !hit(&node.get("/x?id=1&a").await));
}

/// The body for the next client after a POST to `changed` came and went while `/x?a=1` was being fetched for the first time.
async fn after_a_change_of(changed: &str, underway: Answer, gate: &Gate) -> String {
    let origin = Origin::start().await;
    origin.once("/x?a=1", underway).otherwise(saying("new", "params"));
    let node = node_before(&origin).await;
    let mut early = node.connect().await;
    early.send("GET /x?a=1 HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    origin.requests_reach(1).await;
    node.connect().await.request("POST", changed, &[], b"x").await;
    gate.open();
    assert_eq!(early.response().await.text(), "old", "it asked before the change");
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    node.get("/x?a=2").await.text().to_owned()
}

#[tokio::test]
async fn what_turns_out_to_be_equivalent_to_something_changed_meanwhile_is_not_served() {
    for changed in ["/x?a=1", "/x?a=2", "/x"] {
        let gate = Gate::closed();
        assert_eq!(after_a_change_of(changed, saying("old", "params").after(&gate), &gate).await, "new", "{changed}");
        let gate = Gate::closed();
        let late = saying("old", "params").finishing_after(&gate);
        assert_eq!(after_a_change_of(changed, late, &gate).await, "new", "{changed}");
    }
}

#[tokio::test]
async fn a_validated_response_keeps_its_rule() {
    let origin = Origin::start().await;
    origin.once("/x?a=1", saying("old", "params").header("ETag", "\"1\""));
    origin.once("/x?a=2", Answer::status(304, "").header("Cache-Control", "max-age=60"));
    let node = node_before(&origin).await;
    node.get("/x?a=1").await;
    node.advance(std::time::Duration::from_secs(60));
    assert_eq!(node.get("/x?a=2").await.text(), "old");
    assert!(hit(&node.get("/x?a=3").await));
}
