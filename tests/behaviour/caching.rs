//! What is stored, for how long, and what the client is told of it (RFC 9111, RFC 9211).

use std::time::Duration;

use support::{Answer, Origin, TestNode};

const MODIFIED: &str = "Fri, 01 Jan 2027 00:00:00 GMT";

fn fresh(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60")
}

#[tokio::test]
async fn the_second_request_is_answered_from_memory() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("a").header("ETag", "\"1\""));
    let node = TestNode::before(&origin, "");
    let miss = node.get("/a").await;
    assert_eq!(miss.header("cache-status"), Some("edge-1; fwd=uri-miss; ttl=60; stored"));
    assert_eq!(miss.header("age"), None);
    let hit = node.get("/a").await;
    assert_eq!(hit.header("cache-status"), Some("edge-1; hit; ttl=60"));
    assert_eq!((hit.header("age"), hit.header("etag"), hit.text()), (Some("0"), Some("\"1\""), "a"));
    assert_eq!(origin.count("/a"), 1);
    node.metric_is("forebay_cache_requests_total", &[("route", "all"), ("status", "hit"), ("tier", "memory")], 1.0)
        .await;
    node.metric_is("forebay_cache_requests_total", &[("route", "all"), ("status", "miss")], 1.0).await;
    node.metric_is("forebay_cache_entries", &[("tier", "memory")], 1.0).await;
}

#[tokio::test]
async fn age_grows_and_a_stale_response_is_fetched_again() {
    let origin = Origin::start().await;
    origin.once("/a", fresh("old").header("Age", "10")).once("/a", fresh("new"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(Duration::from_secs(49));
    let hit = node.get("/a").await;
    assert_eq!((hit.header("age"), hit.header("cache-status")), (Some("59"), Some("edge-1; hit; ttl=1")));
    node.advance(Duration::from_secs(1));
    let again = node.get("/a").await;
    assert_eq!((again.text(), origin.count("/a")), ("new", 2));
    assert!(again.header("cache-status").unwrap().starts_with("edge-1; fwd="), "{again:?}");
}

#[tokio::test]
async fn a_route_gives_a_lifetime_where_the_origin_gives_none() {
    let origin = Origin::start().await;
    origin.on("/plain", Answer::ok("a")).on("/never", Answer::ok("b").header("Cache-Control", "no-store"));
    let node = TestNode::before(&origin, "[route.cache]\ndefault_ttl = \"5m\"\n");
    for target in ["/plain", "/plain", "/never", "/never"] {
        node.get(target).await;
    }
    assert_eq!((origin.count("/plain"), origin.count("/never")), (1, 2));
    node.advance(Duration::from_secs(300));
    node.get("/plain").await;
    assert_eq!(origin.count("/plain"), 2);
}

#[tokio::test]
async fn what_is_not_stored_says_why() {
    let cases: [(&str, Answer, &str); 6] = [
        ("/no-store", Answer::ok("a").header("Cache-Control", "no-store"), "no_store"),
        ("/private", Answer::ok("a").header("Cache-Control", "private, max-age=60"), "private"),
        ("/no-cache", Answer::ok("a").header("Cache-Control", "no-cache"), "no_cache"),
        ("/undated", Answer::ok("a"), "no_freshness"),
        ("/cookie", Answer::ok("a").header("Last-Modified", MODIFIED).header("Set-Cookie", "a=b"), "set_cookie"),
        ("/vary", fresh("a").header("Vary", "*"), "vary_star"),
    ];
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    for (target, answer, detail) in cases {
        origin.on(target, answer);
        let first = node.get(target).await;
        assert_eq!(first.header("cache-status"), Some(&*format!("edge-1; fwd=uri-miss; detail={detail}")));
        let second = node.get(target).await;
        assert_eq!((second.text(), origin.count(target)), ("a", 2), "{target}");
    }
}

#[tokio::test]
async fn a_request_with_credentials_is_not_shared() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("mine"));
    let node = TestNode::before(&origin, "");
    let response = node.connect().await.request("GET", "/a", &[("Authorization", "Basic eA==")], b"").await;
    assert!(response.header("cache-status").unwrap().ends_with("detail=authorization"));
    node.get("/a").await;
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn host_path_and_query_tell_responses_apart() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("a")).on("/a?x=1", fresh("x=1")).on("/A", fresh("A"));
    let node = TestNode::before(&origin, "");
    for target in ["/a", "/a?x=1", "/A", "/a", "/a?x=1", "/A"] {
        assert_eq!(node.get(target).await.text(), &target[1..].replace("a?", ""));
    }
    assert_eq!(origin.seen().len(), 3);
    node.connect().await.request("GET", "/a", &[("Host", "other.example")], b"").await;
    assert_eq!(origin.seen().len(), 4);
    node.connect().await.request("GET", "/a", &[("Host", "TEST.example:80")], b"").await;
    assert_eq!(origin.seen().len(), 4, "the same host in another spelling");
}

#[tokio::test]
async fn head_is_answered_from_a_stored_get() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("abc"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    let head = node.connect().await.request("HEAD", "/a", &[], b"").await;
    assert_eq!((head.header("content-length"), head.header("cache-status")), (Some("3"), Some("edge-1; hit; ttl=60")));
    assert_eq!(origin.seen().len(), 1);
}

#[tokio::test]
async fn a_response_is_reused_only_for_the_request_headers_it_varies_on() {
    let origin = Origin::start().await;
    origin.once("/a", fresh("de").header("Vary", "Accept-Language"));
    origin.once("/a", fresh("en").header("Vary", "Accept-Language"));
    let node = TestNode::before(&origin, "");
    let mut client = node.connect().await;
    for (language, body, asked) in [("de", "de", 1), ("de", "de", 1), ("en", "en", 2)] {
        let response = client.request("GET", "/a", &[("Accept-Language", language)], b"").await;
        assert_eq!((response.text(), origin.seen().len()), (body, asked), "{language}");
    }
}

#[tokio::test]
async fn a_fetch_for_everybody_asks_for_the_whole() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("abcdef"));
    let node = TestNode::before(&origin, "");
    let fields = [("Range", "bytes=0-1, 3-4"), ("If-None-Match", "\"1\"")];
    let response = node.connect().await.request("GET", "/a", &fields, b"").await;
    assert_eq!(response.status, 200, "several ranges are cut from what is stored only");
    let seen = &origin.seen()[0];
    assert_eq!((seen.header("range"), seen.header("if-none-match")), (None, None));
}

#[tokio::test]
async fn a_route_can_go_by_the_cache() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("a"));
    let node = TestNode::before(&origin, "[route.cache]\nenabled = false\n");
    for _ in 0..2 {
        let response = node.get("/a").await;
        assert_eq!(response.header("cache-status"), Some("edge-1; fwd=bypass; detail=disabled"));
    }
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn an_object_above_the_limit_is_passed_on_whole_and_not_stored() {
    let origin = Origin::start().await;
    let body = "x".repeat(3_000);
    origin.on("/sized", fresh(&body)).on("/chunked", Answer::chunked(&[&body]).header("Cache-Control", "max-age=60"));
    let cache = "[cache]\nmemory = \"1MiB\"\nobject_max = \"2KiB\"\n";
    let node = TestNode::start(&format!("{cache}{}", support::one_route(&origin)));
    for target in ["/sized", "/chunked"] {
        for _ in 0..2 {
            let response = node.get(target).await;
            assert!(response.complete && response.body.len() == 3_000, "{target}");
        }
        assert_eq!(origin.count(target), 2, "{target}");
    }
    assert_eq!(node.scrape().await.value("forebay_cache_entries", &[]), 0.0);
}

#[tokio::test]
async fn memory_stays_within_its_budget() {
    let origin = Origin::start().await;
    origin.otherwise(fresh(&"x".repeat(50_000)));
    let node = TestNode::start(&format!("[cache]\nmemory = \"1MiB\"\n{}", support::one_route(&origin)));
    let mut client = node.connect().await;
    for number in 0..100 {
        assert_eq!(client.get(&format!("/{number}")).await.body.len(), 50_000);
    }
    let scrape = node.scrape().await;
    assert!(scrape.value("forebay_cache_entries", &[]) > 5.0);
    assert!(scrape.value("forebay_cache_bytes", &[]) <= 1.1 * f64::from(1 << 20));
    assert!(scrape.value("forebay_cache_evictions_total", &[("reason", "size")]) > 50.0);
}

#[tokio::test]
async fn what_cannot_be_read_with_certainty_is_not_stored() {
    let cases: [(&str, &[u8]); 4] = [
        ("/not-text", b"Cache-Control: private, x=\"\xe9\""),
        ("/open-quote", b"Cache-Control: ext=\"a, no-store"),
        ("/open-quote-elsewhere", b"Cache-Control: no-store, ext=\"a"),
        ("/not-a-name", b"Cache-Control: max-age=60\r\nVary: Accept Language"),
    ];
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "[route.cache]\ndefault_ttl = \"5m\"\n");
    for (target, fields) in cases {
        let head: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n";
        origin.on(target, Answer::raw([head, fields, b"\r\n\r\na"].concat()));
        for _ in 0..2 {
            assert_eq!(node.get(target).await.text(), "a", "{target}");
        }
        assert_eq!(origin.count(target), 2, "{target}");
    }
    assert_eq!(node.scrape().await.value("forebay_cache_entries", &[]), 0.0);
}

#[tokio::test]
async fn an_answer_to_credentials_says_nothing_about_the_key() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("a"));
    let node = TestNode::before(&origin, "");
    let credentials = [("Authorization", "Basic eA==")];
    let own = node.connect().await.request("GET", "/a", &credentials, b"").await;
    assert!(own.header("cache-status").unwrap().ends_with("detail=authorization"));
    let miss = node.get("/a").await;
    assert_eq!(miss.header("cache-status"), Some("edge-1; fwd=uri-miss; ttl=60; stored"));
    assert_eq!(node.get("/a").await.header("cache-status"), Some("edge-1; hit; ttl=60"));
}

#[tokio::test]
async fn the_scheme_that_a_trusted_proxy_names_tells_responses_apart() {
    let proxies = ["10.0.0.0/8", "127.0.0.0/8"];
    for (trusted, entries) in proxies.into_iter().zip([1, 2]) {
        let origin = Origin::start().await;
        origin.on("/a", fresh("a"));
        let listener = format!("[[listener]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"{trusted}\"]\n");
        let node = TestNode::start(&format!("{listener}{}", support::one_route(&origin)));
        let mut client = node.connect().await;
        for scheme in ["https", "http", "https", "http"] {
            client.request("GET", "/a", &[("X-Forwarded-Proto", scheme)], b"").await;
        }
        let plain = client.get("/a").await;
        assert_eq!(plain.header("cache-status"), Some("edge-1; hit; ttl=60"), "no word of the scheme is http");
        assert_eq!(origin.count("/a"), entries, "{trusted}");
    }
}
