//! Purges by URL where keys are more or less than the URL: rules of the route, parts, and merged queries.

use support::{Answer, Origin, RawClient, TestNode};

fn fresh(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60")
}

/// Is what was stored for `target` and these fields gone after a purge of `url`?
async fn gone(key: &str, (target, fields): (&str, &[(&str, &str)]), old: Answer, url: &str) -> bool {
    let origin = Origin::start().await;
    origin.once(target, old).otherwise(fresh("new"));
    let node = TestNode::before(&origin, &format!("[route.cache.key]\n{key}\n"));
    assert_eq!(node.get_with(target, fields).await.text(), "old");
    let again = node.get_with(target, fields).await;
    assert!(again.header("cache-status").is_some_and(|status| status.contains("; hit")), "{key}");
    let (json, body) = ([("Content-Type", "application/json")], format!(r#"{{"url": "{url}"}}"#));
    RawClient::connect(node.admin()).await.request("POST", "/v1/purge", &json, body.as_bytes()).await;
    node.get_with(target, fields).await.text() == "new"
}

#[tokio::test]
async fn a_url_is_spelled_by_the_rules_of_its_route() {
    let rules = "sort_query = true\ndrop_query = [\"utm_*\"]";
    let stored: (&str, &[(&str, &str)]) = ("/a?b=2&a=1&utm_x=1", &[]);
    for (url, expected) in [
        ("http://test.example/a?a=1&b=2", true),
        ("http://test.example/a?utm_y=9&b=2&a=1", true),
        ("http://test.example/a?a=1&b=3", false),
        ("http://test.example/a", false),
    ] {
        assert_eq!(gone(rules, stored, fresh("old"), url).await, expected, "{url}");
    }
}

#[tokio::test]
async fn a_url_is_purged_whatever_else_is_in_the_key() {
    let rules = "headers = [\"x-device\"]\ncookies = [\"plan\"]";
    let fields: &[(&str, &str)] = &[("X-Device", "small phone"), ("Cookie", "plan=gold")];
    assert!(gone(rules, ("/a", fields), fresh("old"), "http://test.example/a").await);
    assert!(!gone(rules, ("/a", fields), fresh("old"), "http://test.example/b").await);
}

#[tokio::test]
async fn where_queries_are_merged_a_purge_of_any_of_them_counts() {
    let merged = || fresh("old").header("No-Vary-Search", "params=(\"utm\")");
    let phone: &[(&str, &str)] = &[("X-Device", "phone")];
    for (key, fields) in [("", &[][..]), ("headers = [\"x-device\"]", phone)] {
        for (url, expected) in [
            ("http://test.example/a?utm=1&id=5", true),
            ("http://test.example/a?utm=2&id=5", true),
            ("http://test.example/a?id=5", true),
            ("http://test.example/b?id=5", false),
        ] {
            assert_eq!(gone(key, ("/a?utm=1&id=5", fields), merged(), url).await, expected, "{key} {url}");
        }
    }
}
