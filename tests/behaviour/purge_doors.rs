//! Who may purge, and how it is asked for: the operator's door, and the method PURGE.

use support::{Answer, Origin, RawClient, Response, TestNode, one_route};

const JSON: (&str, &str) = ("Content-Type", "application/json");

async fn post(node: &TestNode, fields: &[(&str, &str)], body: &str) -> Response {
    RawClient::connect(node.admin()).await.request("POST", "/v1/purge", fields, body.as_bytes()).await
}

async fn caching() -> Origin {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a").header("Cache-Control", "max-age=60"));
    origin
}

#[tokio::test]
async fn bad_purges_are_refused_with_what_to_write() {
    let origin = caching().await;
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    let long = format!(r#"{{"tag": "{}"}}"#, "x".repeat(1025));
    let huge = format!(r#"{{"url": "{}"}}"#, "x".repeat(1 << 20));
    let cases = [
        ("", 400, "not JSON"),
        ("{\"url\": ", 400, "not JSON"),
        ("\"url\"", 400, "not an object"),
        ("{}", 400, "nothing is named"),
        (r#"{"soft": true}"#, 400, "nothing is named"),
        (r#"{"ulr": "http://a/"}"#, 400, "is not a key"),
        (r#"{"url": 7}"#, 400, "neither a string nor an array"),
        (r#"{"url": []}"#, 400, "is empty"),
        (r#"{"url": ""}"#, 400, "is not a whole URL"),
        (r#"{"url": "/a"}"#, 400, "is not a whole URL"),
        (r#"{"url": "ftp://test.example/a"}"#, 400, "is not a whole URL"),
        (r#"{"url": "http://test.example/../a"}"#, 400, "climbs above its root"),
        (r#"{"prefix": "http://test.example/*"}"#, 400, "ends in *"),
        (r#"{"host": "test.example:80"}"#, 400, "is not a host"),
        (r#"{"host": "http://test.example"}"#, 400, "is not a host"),
        (r#"{"tag": ""}"#, 400, "is not a tag"),
        (&long, 400, "is not a tag"),
        (r#"{"all": 1}"#, 400, "write true"),
        (r#"{"all": true, "soft": "yes"}"#, 400, "neither true nor false"),
        (r#"{"all": true, "url": "nonsense"}"#, 400, "is not a whole URL"),
        (&huge, 413, "too large"),
    ];
    for (body, status, told) in cases {
        let refused = post(&node, &[JSON], body).await;
        let shown = &body[..body.len().min(60)];
        assert_eq!(refused.status, status, "{shown}");
        assert!(
            refused.text().starts_with("{\"error\":") && refused.text().contains(told),
            "{shown}: {}",
            refused.text()
        );
    }
    assert!(node.get("/a").await.header("cache-status").unwrap().contains("; hit"), "nothing was purged");
    node.metric_is("forebay_cache_purges_total", &[], 0.0).await;
}

#[tokio::test]
async fn browsers_and_wrong_methods_purge_nothing() {
    let origin = caching().await;
    let node = TestNode::before(&origin, "");
    let all = r#"{"all": true}"#;
    let cases: [(&[(&str, &str)], u16); 5] = [
        (&[], 415),
        (&[("Content-Type", "text/plain")], 415),
        (&[("Content-Type", "application/x-www-form-urlencoded")], 415),
        (&[JSON, ("Origin", "http://evil.example")], 403),
        (&[("Content-Type", "Application/JSON; charset=utf-8")], 200),
    ];
    for (fields, status) in cases {
        assert_eq!(post(&node, fields, all).await.status, status, "{fields:?}");
    }
    for method in ["GET", "PUT", "OPTIONS", "PURGE"] {
        let refused = RawClient::connect(node.admin()).await.request(method, "/v1/purge", &[JSON], b"").await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")), "{method}");
    }
    node.metric_is("forebay_cache_purges_total", &[], 1.0).await;
}

#[tokio::test]
async fn purges_and_explanations_ask_for_the_token() {
    let origin = caching().await;
    let admin = "[admin]\naddress = \"127.0.0.1:0\"\ntoken = \"secret\"\n";
    let node = TestNode::start(&format!("{admin}{}", one_route(&origin)));
    let all = r#"{"all": true}"#;
    assert_eq!(post(&node, &[JSON], all).await.status, 401);
    assert_eq!(post(&node, &[JSON, ("Authorization", "Bearer wrong!")], all).await.status, 401);
    let explain = "/v1/explain?url=http%3A%2F%2Ftest.example%2F";
    let mut client = RawClient::connect(node.admin()).await;
    assert_eq!(client.get(explain).await.status, 401);
    let bearer = ("Authorization", "Bearer secret");
    assert_eq!(client.request("GET", explain, &[bearer], b"").await.status, 200);
    assert_eq!(post(&node, &[JSON, bearer], all).await.status, 200);
}

/// A node whose listener obeys `PURGE` from these networks.
async fn obeying(networks: &str) -> (Origin, TestNode) {
    let origin = caching().await;
    let listener = format!("[[listener]]\nname = \"front\"\naddress = \"127.0.0.1:0\"\npurge_from = {networks}\n");
    let node = TestNode::start(&format!("{listener}{}", one_route(&origin)));
    node.get("/a").await;
    (origin, node)
}

async fn is_hit(node: &TestNode) -> bool {
    node.get("/a").await.header("cache-status").is_some_and(|status| status.contains("; hit"))
}

#[tokio::test]
async fn the_method_purge_is_for_listed_networks_and_never_goes_on() {
    let cases = [
        ("[]", 405),
        (r#"["192.0.2.0/24", "::1"]"#, 403),
        (r#"["127.0.0.1"]"#, 200),
        (r#"["10.0.0.0/8", "127.0.0.0/8"]"#, 200),
    ];
    for (networks, status) in cases {
        let (origin, node) = obeying(networks).await;
        // Who the connection comes from counts, not who somebody says it comes from.
        let claimed = [("X-Forwarded-For", if status == 200 { "203.0.113.1" } else { "127.0.0.1" })];
        let told = node.connect().await.request("PURGE", "/x/../%61", &claimed, b"").await;
        assert_eq!(told.status, status, "{networks}: {}", told.text());
        assert_eq!(is_hit(&node).await, status != 200, "{networks}");
        assert!(origin.seen().iter().all(|seen| seen.method == "GET"), "{networks}");
        if status == 200 {
            assert_eq!(told.header("content-type"), Some("application/json"));
            let expected = r#"{"epoch":1,"mode":"hard","purged":[{"scope":"url","value":"http://test.example/a"}]}"#;
            assert_eq!(told.text().trim_end(), expected);
        }
    }
}

#[tokio::test]
async fn the_method_purge_is_soft_where_a_field_says_so() {
    let cases = [
        (("Fastly-Soft-Purge", "1"), "soft"),
        (("X-Purge-Soft", "1"), "soft"),
        (("X-Purge-Soft", "0"), "hard"),
        (("Fastly-Soft-Purge", "true"), "hard"),
    ];
    for (field, mode) in cases {
        let (_origin, node) = obeying(r#"["127.0.0.1/32"]"#).await;
        let told = node.connect().await.request("PURGE", "/a", &[field], b"").await;
        assert!(told.text().contains(&format!("\"mode\":\"{mode}\"")), "{field:?}: {}", told.text());
        assert!(!is_hit(&node).await);
    }
}

#[tokio::test]
async fn a_purge_is_of_the_host_that_it_names() {
    let (_origin, node) = obeying(r#"["127.0.0.1/32"]"#).await;
    node.connect().await.request("PURGE", "/a", &[("Host", "other.example")], b"").await;
    assert!(is_hit(&node).await);
    let bad = node.connect().await.request("PURGE", "/../a", &[], b"").await;
    assert_eq!(bad.status, 400);
}
