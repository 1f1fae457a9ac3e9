//! Responses that differ by request fields, side by side under one key (RFC 9111 section 4.1).

use std::time::Duration;

use support::{Answer, Gate, Origin, Response, TestNode};

fn varying(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60").header("Vary", "Accept-Language")
}

async fn speak(node: &TestNode, language: &str) -> Response {
    node.get_with("/a", &[("Accept-Language", language)]).await
}

#[tokio::test]
async fn three_variants_lie_side_by_side() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    for language in ["de", "en", "fr"] {
        origin.once("/a", varying(language));
        assert_eq!(speak(&node, language).await.text(), language);
    }
    for language in ["fr", "de", "en", "de"] {
        let hit = speak(&node, language).await;
        assert_eq!((hit.text(), hit.header("cache-status")), (language, Some("edge-1; hit; ttl=60")));
    }
    assert_eq!(origin.count("/a"), 3);
}

#[tokio::test]
async fn a_new_variant_is_a_vary_miss() {
    let origin = Origin::start().await;
    origin.on("/a", varying("any"));
    let node = TestNode::before(&origin, "");
    speak(&node, "de").await;
    let other = speak(&node, "en").await;
    assert_eq!(other.header("cache-status"), Some("edge-1; fwd=vary-miss; ttl=60; stored"));
    assert!(node.get("/a").await.header("cache-status").unwrap().contains("fwd=vary-miss"), "absent is a value too");
    assert!(node.get("/a").await.header("cache-status").unwrap().contains("hit"));
}

#[tokio::test]
async fn more_variants_than_sixteen_push_the_oldest_out() {
    let origin = Origin::start().await;
    origin.on("/a", varying("any"));
    let node = TestNode::before(&origin, "");
    for number in 0..17 {
        speak(&node, &format!("l{number}")).await;
    }
    for number in 1..17 {
        speak(&node, &format!("l{number}")).await;
    }
    assert_eq!(origin.count("/a"), 17, "the newest sixteen are stored");
    speak(&node, "l0").await;
    assert_eq!(origin.count("/a"), 18, "the oldest is not");
}

#[tokio::test]
async fn each_variant_is_validated_by_its_own_tag() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    for language in ["de", "en"] {
        origin.once("/a", varying(language).header("ETag", &format!("\"{language}\"")));
        speak(&node, language).await;
    }
    node.advance(Duration::from_secs(60));
    origin.on("/a", Answer::status(304, "").header("Cache-Control", "max-age=60"));
    for language in ["de", "en"] {
        assert_eq!(speak(&node, language).await.text(), language);
        assert_eq!(origin.seen().last().unwrap().header("if-none-match"), Some(&*format!("\"{language}\"")));
    }
    for language in ["de", "en"] {
        assert_eq!(speak(&node, language).await.header("cache-status"), Some("edge-1; hit; ttl=60"));
    }
}

#[tokio::test]
async fn who_waited_for_another_variant_gets_its_own() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/a", varying("de").after(&gate)).once("/a", varying("en"));
    let node = TestNode::before(&origin, "");
    let (mut first, mut second) = (node.connect().await, node.connect().await);
    first.send("GET /a HTTP/1.1\r\nHost: test.example\r\nAccept-Language: de\r\n\r\n").await;
    origin.requests_reach(1).await;
    second.send("GET /a HTTP/1.1\r\nHost: test.example\r\nAccept-Language: en\r\n\r\n").await;
    node.metric_is("forebay_cache_collapsed_waiters", &[], 1.0).await;
    gate.open();
    assert_eq!((first.response().await.text(), second.response().await.text()), ("de", "en"));
}

#[tokio::test]
async fn a_change_forgets_all_variants() {
    let origin = Origin::start().await;
    origin.on("/a", varying("any"));
    let node = TestNode::before(&origin, "");
    for language in ["de", "en"] {
        speak(&node, language).await;
    }
    node.connect().await.request("POST", "/a", &[], b"x").await;
    for language in ["de", "en"] {
        speak(&node, language).await;
    }
    assert_eq!(origin.count("/a"), 5);
}

/// A node that has stored the answer to a request with this field.
async fn after(name: &str, value: &str, answer: Answer) -> TestNode {
    let origin = Origin::start().await;
    origin.on("/a", answer.header("Cache-Control", "max-age=60").header("Vary", name));
    let node = TestNode::before(&origin, "");
    node.get_with("/a", &[(name, value)]).await;
    node
}

#[tokio::test]
async fn two_spellings_of_one_value_are_one_variant() {
    let cases = [
        ("Accept-Language", "en, de", "de ,  EN;q=1.0", true),
        ("Accept-Encoding", "gzip, br", "br,x-gzip;q=1", true),
        ("Accept", "text/html, */*;q=0.1", "*/*;q=0.10,Text/HTML", true),
        ("Foo", "1,2", "1, 2", true),
        ("Accept-Language", "en, de;q=0.5", "en;q=0.5, de", false),
        ("Accept-Encoding", "gzip, br", "gzip", false),
        ("Foo", "1, 2", "2, 1", false),
        ("Cookie", "a=1,2", "a=1, 2", false),
    ];
    for (name, one, other, same) in cases {
        let node = after(name, one, Answer::ok("any")).await;
        let status = node.get_with("/a", &[(name, other)]).await;
        assert_eq!(status.header("cache-status").unwrap().contains("hit"), same, "{name}: {one} and {other}");
    }
}

#[tokio::test]
async fn a_stored_answer_in_the_favourite_language_is_used() {
    let node = after("Accept-Language", "en, de", Answer::ok("Hallo").header("Content-Language", "de")).await;
    let wishes = [("fr;q=0.5, de;q=1.0", true), ("fr, de;q=0.9", false), ("fr, de", false), ("de-AT", false)];
    for (wish, expected) in wishes {
        let node_says = speak(&node, wish).await;
        assert_eq!(node_says.header("cache-status").unwrap().contains("hit"), expected, "{wish}");
    }
}

#[tokio::test]
async fn what_varies_by_the_clients_address_is_for_that_client() {
    for field in ["X-Forwarded-For", "X-Request-Id"] {
        let origin = Origin::start().await;
        origin.on("/a", Answer::ok("for you").header("Cache-Control", "max-age=60").header("Vary", field));
        let node = TestNode::before(&origin, "");
        for requests in 1..=2 {
            let status = node.get("/a").await;
            assert!(status.header("cache-status").is_some_and(|status| !status.contains("hit")), "{field}");
            assert_eq!(origin.count("/a"), requests, "{field}");
        }
    }
}
