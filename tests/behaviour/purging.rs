//! Purges: what each scope means, hard and soft, and that nothing is looked for to make them hold.

use std::time::Duration;

use support::{Answer, Origin, RawClient, Response, TestNode, one_route};

fn fresh(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60")
}

/// What the operator's door answers to a purge.
async fn purge(node: &TestNode, body: &str) -> Response {
    let json = [("Content-Type", "application/json")];
    RawClient::connect(node.admin()).await.request("POST", "/v1/purge", &json, body.as_bytes()).await
}

/// An origin that has answered `/docs/a` for a request with these fields, and answers `new` from now on.
async fn stored(answer: Answer, fields: &[(&str, &str)]) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.once("/docs/a?q", answer).otherwise(fresh("new"));
    let node = TestNode::before(&origin, "");
    assert_eq!(node.get_with("/docs/a?q", fields).await.text(), "old");
    (origin, node)
}

fn tagged() -> Answer {
    fresh("old").header("Surrogate-Key", "red blue").header("Cache-Tag", "two words,x").header("Cache-Groups", "\"g\"")
}

const INSIDE: [&str; 12] = [
    r#"{"all": true}"#,
    r#"{"host": "Test.Example"}"#,
    r#"{"hosts": ["other.example", "test.example"]}"#,
    r#"{"url": "http://TEST.example:80/x/../docs/%61?q#part"}"#,
    r#"{"urls": ["http://test.example/b", "http://test.example/docs/a?q"]}"#,
    r#"{"prefix": "http://test.example/do"}"#,
    r#"{"prefix": "http://test.example"}"#,
    r#"{"tag": "blue"}"#,
    r#"{"tag": "two words"}"#,
    r#"{"tag": "g"}"#,
    r#"{"tags": ["none", "red"]}"#,
    r#"{"tag": "none", "url": "http://test.example/docs/a?q"}"#,
];

const OUTSIDE: [&str; 10] = [
    r#"{"host": "example"}"#,
    r#"{"host": "www.test.example"}"#,
    r#"{"url": "http://test.example/docs/a"}"#,
    r#"{"url": "http://test.example/docs/A?q"}"#,
    r#"{"url": "https://test.example/docs/a?q"}"#,
    r#"{"url": "http://test.example:81/docs/a?q"}"#,
    r#"{"prefix": "http://test.example/docs/b"}"#,
    r#"{"tag": "Red"}"#,
    r#"{"tag": "two"}"#,
    r#"{"tag": "red blue"}"#,
];

#[tokio::test]
async fn a_hard_purge_gives_up_what_is_in_its_scope_and_nothing_else() {
    for (body, expected) in INSIDE.iter().map(|body| (body, "new")).chain(OUTSIDE.iter().map(|body| (body, "old"))) {
        let (_origin, node) = stored(tagged(), &[]).await;
        let told = purge(&node, body).await;
        assert_eq!(told.status, 200, "{body}: {}", told.text());
        assert_eq!(node.get("/docs/a?q").await.text(), expected, "{body}");
        assert!(node.get("/docs/a?q").await.header("cache-status").unwrap().contains("; hit"), "{body}");
    }
}

#[tokio::test]
async fn a_soft_purge_makes_stale_what_is_in_its_scope_and_nothing_else() {
    for (body, expected) in INSIDE.iter().map(|body| (body, true)).chain(OUTSIDE.iter().map(|body| (body, false))) {
        let (origin, node) = stored(tagged().header("ETag", "\"1\""), &[]).await;
        origin.otherwise(Answer::status(304, "").header("Cache-Control", "max-age=60"));
        node.advance(Duration::from_secs(10));
        let soft = body.replace('}', ", \"soft\": true}");
        assert_eq!(purge(&node, &soft).await.status, 200, "{soft}");
        let again = node.get("/docs/a?q").await;
        assert_eq!((again.status, again.text()), (200, "old"), "{soft}");
        let validated = origin.seen().len() == 2 && origin.seen()[1].header("if-none-match") == Some("\"1\"");
        assert_eq!(validated, expected, "{soft}");
        assert!(node.get("/docs/a?q").await.header("cache-status").unwrap().contains("; hit"), "{soft}");
    }
}

#[tokio::test]
async fn the_answer_says_what_was_purged_and_counts_up() {
    let (_origin, node) = stored(fresh("old"), &[]).await;
    let told = purge(&node, r#"{"url": "http://TEST.example/x", "tag": "a", "soft": true}"#).await;
    let expected = r#"{"epoch":2,"mode":"soft","purged":[{"scope":"tag","value":"a"},{"scope":"url","value":"http://test.example/x"}]}"#;
    assert_eq!(told.text().trim_end(), expected);
    assert_eq!(
        purge(&node, r#"{"all": true}"#).await.text().trim_end(),
        r#"{"epoch":3,"mode":"hard","purged":[{"scope":"all"}]}"#
    );
    for (scope, mode, count) in [("url", "soft", 1.0), ("tag", "soft", 1.0), ("all", "hard", 1.0), ("url", "hard", 0.0)]
    {
        node.metric_is("forebay_cache_purges_total", &[("scope", scope), ("mode", mode)], count).await;
    }
}

#[tokio::test]
async fn a_purge_of_a_url_gives_up_every_variant() {
    let origin = Origin::start().await;
    let answer = |body| fresh(body).header("Vary", "Accept-Language");
    origin.once("/a", answer("de")).once("/a", answer("en")).on("/a", answer("new"));
    let node = TestNode::before(&origin, "");
    let ask = |language: &'static str| [("Accept-Language", language)];
    for language in ["de", "en"] {
        node.get_with("/a", &ask(language)).await;
    }
    purge(&node, r#"{"url": "http://test.example/a"}"#).await;
    for language in ["de", "en"] {
        assert_eq!(node.get_with("/a", &ask(language)).await.text(), "new", "{language}");
    }
}

#[tokio::test]
async fn a_purge_of_a_tag_gives_up_the_variants_that_have_it() {
    let origin = Origin::start().await;
    let answer = |body| fresh(body).header("Vary", "Accept-Language");
    origin.once("/a", answer("de").header("Surrogate-Key", "german")).once("/a", answer("en")).on("/a", answer("new"));
    let node = TestNode::before(&origin, "");
    for language in ["de", "en"] {
        node.get_with("/a", &[("Accept-Language", language)]).await;
    }
    purge(&node, r#"{"tag": "german"}"#).await;
    assert_eq!(node.get_with("/a", &[("Accept-Language", "en")]).await.text(), "en");
    assert_eq!(node.get_with("/a", &[("Accept-Language", "de")]).await.text(), "new");
    node.metric_is("forebay_cache_evictions_total", &[("reason", "purged")], 1.0).await;
}

#[tokio::test]
async fn after_a_purge_the_miss_is_one_of_the_variant_only_where_another_stands() {
    let answer = |body, key| fresh(body).header("Vary", "Accept-Language").header("Surrogate-Key", key);
    for (tags, language, expected) in [
        (r#"["german"]"#, "de", "fwd=vary-miss"),
        (r#"["german"]"#, "fr", "fwd=vary-miss"),
        (r#"["german", "english"]"#, "de", "fwd=uri-miss"),
        (r#"["german", "english"]"#, "fr", "fwd=uri-miss"),
    ] {
        let origin = Origin::start().await;
        origin.once("/a", answer("de", "german")).once("/a", answer("en", "english")).on("/a", answer("new", "new"));
        let node = TestNode::before(&origin, "");
        for stored in ["de", "en"] {
            node.get_with("/a", &[("Accept-Language", stored)]).await;
        }
        purge(&node, &format!(r#"{{"tags": {tags}}}"#)).await;
        let told = node.get_with("/a", &[("Accept-Language", language)]).await;
        assert!(told.header("cache-status").unwrap().contains(expected), "{tags} {language}: {told:?}");
    }
}

#[tokio::test]
async fn purging_touches_nothing_until_it_is_asked_for() {
    let origin = Origin::start().await;
    origin.otherwise(fresh("a").header("Surrogate-Key", "t"));
    let node = TestNode::before(&origin, "");
    for number in 0..5 {
        node.get(&format!("/{number}")).await;
    }
    let entries = [("tier", "memory")];
    node.metric_is("forebay_cache_entries", &entries, 5.0).await;
    purge(&node, r#"{"tag": "t"}"#).await;
    node.metric_is("forebay_cache_purge_records", &[], 1.0).await;
    assert_eq!(node.scrape().await.value("forebay_cache_entries", &entries), 5.0);
    let peeked = node.connect().await.request("HEAD", "/0", &[], b"").await;
    assert!(!peeked.header("cache-status").unwrap().contains("hit"));
    node.metric_is("forebay_cache_entries", &entries, 4.0).await;
    node.metric_is("forebay_cache_evictions_total", &[("reason", "purged")], 1.0).await;
    purge(&node, r#"{"all": true}"#).await;
    node.metric_is("forebay_cache_entries", &entries, 0.0).await;
    node.metric_is("forebay_cache_evictions_total", &[("reason", "purged")], 5.0).await;
}

#[tokio::test]
async fn after_a_soft_purge_the_windows_for_stale_responses_open() {
    let directives = "max-age=60, stale-while-revalidate=30, stale-if-error=100";
    let (origin, node) = stored(Answer::ok("old").header("Cache-Control", directives), &[]).await;
    origin.otherwise(Answer::status(500, "down"));
    node.advance(Duration::from_secs(20));
    purge(&node, r#"{"all": true, "soft": true}"#).await;
    node.advance(Duration::from_secs(5));
    // A second one changes nothing: the lifetime has ended already.
    purge(&node, r#"{"all": true, "soft": true}"#).await;
    node.advance(Duration::from_secs(24));
    let stale = node.get("/docs/a?q").await;
    assert_eq!((stale.text(), stale.header("age")), ("old", Some("49")));
    assert_eq!(stale.header("cache-status"), Some("edge-1; hit; ttl=-29; detail=stale_while_revalidate"));
    origin.requests_reach(2).await;
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    node.advance(Duration::from_secs(70));
    let instead = node.get("/docs/a?q").await;
    assert_eq!(instead.header("cache-status"), Some("edge-1; fwd=stale; ttl=-99; detail=stale_if_error"));
    node.advance(Duration::from_secs(1));
    assert_eq!(node.get("/docs/a?q").await.status, 500);
}

#[tokio::test]
async fn hard_and_soft_purges_come_out_right_in_either_order() {
    let (soft, hard) = (r#"{"tag": "red", "soft": true}"#, r#"{"tag": "red"}"#);
    for order in [[soft, hard], [hard, soft]] {
        let (origin, node) = stored(tagged().header("ETag", "\"1\""), &[]).await;
        for body in order {
            purge(&node, body).await;
        }
        assert_eq!(node.get("/docs/a?q").await.text(), "new", "{order:?}");
        assert_eq!(origin.seen()[1].header("if-none-match"), None, "nothing is left to validate");
    }
}

#[tokio::test]
async fn a_purge_says_nothing_about_what_comes_later() {
    let (origin, node) = stored(tagged(), &[]).await;
    purge(&node, r#"{"all": true}"#).await;
    origin.otherwise(tagged());
    for _ in 0..3 {
        node.get("/docs/a?q").await;
    }
    assert_eq!(origin.seen().len(), 2);
}

#[tokio::test]
async fn where_the_oldest_record_is_given_up_what_is_older_counts_as_purged() {
    let origin = Origin::start().await;
    origin.once("/a", fresh("old")).once("/held", fresh("old")).otherwise(fresh("new"));
    let node = TestNode::start(&format!("[cache]\npurge_records_max = 2\n{}", one_route(&origin)));
    for target in ["/a", "/held"] {
        assert_eq!(node.get(target).await.text(), "old");
    }
    for tag in ["1", "2", "1"] {
        purge(&node, &format!(r#"{{"tag": "{tag}"}}"#)).await;
        assert_eq!(node.get("/held").await.text(), "old", "{tag}");
    }
    purge(&node, r#"{"tag": "3"}"#).await;
    node.metric_is("forebay_cache_purge_records", &[], 2.0).await;
    assert_eq!(node.get("/a").await.text(), "new", "the record of tag 2 is gone, so everything older is");
    assert_eq!(node.get("/held").await.text(), "old", "it was held against that record while it was there");
    assert!(node.get("/a").await.header("cache-status").unwrap().contains("; hit"));
}

#[tokio::test]
async fn a_purge_of_its_url_forgets_that_a_key_was_uncacheable() {
    for (body, forgotten) in [
        (r#"{"url": "http://test.example/a"}"#, true),
        (r#"{"all": true, "soft": true}"#, true),
        (r#"{"tag": "a"}"#, false),
        (r#"{"url": "http://test.example/b"}"#, false),
    ] {
        let origin = Origin::start().await;
        origin.on("/a", Answer::ok("a").header("Cache-Control", "no-store"));
        let node = TestNode::before(&origin, "");
        node.get("/a").await;
        assert!(node.get("/a").await.header("cache-status").unwrap().contains("detail=uncacheable"));
        purge(&node, body).await;
        let leads = node.get("/a").await.header("cache-status").unwrap().contains("detail=no_store");
        assert_eq!(leads, forgotten, "{body}");
    }
}
