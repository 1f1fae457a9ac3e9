//! `GET /v1/explain`: the same words and numbers as the real answer, and no trace of having asked.

use std::time::Duration;

use support::{Answer, Gate, Origin, RawClient, Response, TestNode, filter_module, one_route};

async fn explain(node: &TestNode, query: &str) -> Response {
    RawClient::connect(node.admin()).await.get(&format!("/v1/explain?{query}")).await
}

/// The explanation of `/a`, in the words of which each line of `expected` must be one.
async fn says(node: &TestNode, query: &str, expected: &[&str]) {
    let target = format!("/v1/explain?url=http%3A%2F%2Ftest.example%2Fa{query}");
    let mut client = RawClient::connect(node.admin()).await;
    let told = client.request("GET", &target, &[("Accept", "text/plain")], b"").await;
    assert_eq!(told.status, 200, "{}", told.text());
    let lines: Vec<String> =
        told.text().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in expected {
        assert!(lines.iter().any(|told| told == line), "{line:?} is not in\n{}", told.text());
    }
}

#[tokio::test]
async fn a_miss_a_hit_and_what_is_stale_are_told_with_every_term() {
    let origin = Origin::start().await;
    let answer = Answer::ok("abc").header("Cache-Control", "max-age=60, stale-while-revalidate=30").header("Age", "5");
    let answer =
        answer.header("Vary", "Accept-Language, X-None").header("Surrogate-Key", "t").header("Cache-Groups", "\"g\"");
    origin.on("/a", answer);
    let node = TestNode::before(&origin, "");
    says(&node, "", &["route all", "origin site", "key http://test.example/a", "verdict edge-1; fwd=uri-miss"]).await;
    says(&node, "", &["stored nothing under this key", "epoch 0"]).await;
    node.get_with("/a", &[("Accept-Language", "de")]).await;
    node.advance(Duration::from_secs(10));
    says(&node, "", &["verdict edge-1; fwd=vary-miss", "state not selected by this request"]).await;
    let german = "&header=Accept-Language%3A%20de";
    let terms = [
        "verdict edge-1; hit; ttl=45",
        "variant 1 of 1",
        "state selected by this request",
        "tier memory",
        "status 200",
        "body 3 bytes",
        "vary accept-language: de",
        "vary x-none: (absent)",
        "received Fri, 15 Jan 2027 08:00:00 GMT",
        "age field 5",
        "apparent age 0",
        "initial age 5",
        "age 15 = 5 + 10 here",
        "lifetime 60 from max_age",
        "ttl 45 = 60 - 15",
        "stale while revalidate 30",
        "stale if error 0",
        "tag t",
        "group g",
    ];
    says(&node, german, &terms).await;
    node.advance(Duration::from_secs(50));
    says(&node, german, &["verdict edge-1; hit; ttl=-5; detail=stale_while_revalidate"]).await;
    node.advance(Duration::from_secs(30));
    says(&node, german, &["verdict edge-1; fwd=stale"]).await;
    says(&node, &format!("{german}&header=Cache-Control:only-if-cached"), &["verdict edge-1; detail=only_if_cached"])
        .await;
    assert_eq!(origin.seen().len(), 1, "explaining asks no origin");
}

#[tokio::test]
async fn purges_are_told_with_their_epochs() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a").header("Cache-Control", "max-age=60").header("Surrogate-Key", "t"));
    let node = TestNode::before(&origin, "");
    let purge = async |body: &str| {
        let json = [("Content-Type", "application/json")];
        RawClient::connect(node.admin()).await.request("POST", "/v1/purge", &json, body.as_bytes()).await;
    };
    purge(r#"{"host": "test.example"}"#).await;
    node.get("/a").await;
    node.advance(Duration::from_secs(20));
    purge(r#"{"tag": "t", "soft": true}"#).await;
    let soft = "soft purge Fri, 15 Jan 2027 08:00:20 GMT, which leaves a lifetime of 20";
    let told = [
        "verdict edge-1; fwd=stale",
        "epoch 1",
        "epoch 2",
        "purge host test.example (epoch 1)",
        "purge tag t (epoch 2)",
        soft,
    ];
    says(&node, "", &told).await;
    purge(r#"{"tag": "t"}"#).await;
    says(&node, "", &["verdict edge-1; fwd=uri-miss", "state purged, its next lookup removes it", "epoch 3"]).await;
    node.metric_is("forebay_cache_entries", &[], 1.0).await;
}

#[tokio::test]
async fn what_was_not_stored_is_told_with_its_reason() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a").header("Cache-Control", "private"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    let told = ["refusal private: the last answer for this key was not stored"];
    says(&node, "", &[&told[..], &["verdict edge-1; fwd=uri-miss; detail=uncacheable"]].concat()).await;
}

#[tokio::test]
async fn a_request_that_goes_by_the_cache_is_told_why() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    let header = "&header=Cache-Control:no-store";
    says(&node, header, &["passed no_store", "verdict edge-1; fwd=request; detail=no_store"]).await;
    says(&node, "&header=If-Match:%22a%22", &["passed precondition"]).await;
    let node = TestNode::before(&origin, "[route.cache]\nenabled = false\n");
    says(&node, "", &["passed disabled", "verdict edge-1; fwd=bypass; detail=disabled"]).await;
}

#[tokio::test]
async fn a_fetch_under_way_is_told() {
    let (origin, gate) = (Origin::start().await, Gate::closed());
    origin.on("/a", Answer::ok("a").after(&gate));
    let node = TestNode::before(&origin, "");
    let mut client = node.connect().await;
    client.send("GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    origin.requests_reach(1).await;
    says(&node, "", &["fetching under way, the request would join it", "verdict edge-1; fwd=uri-miss; collapsed"])
        .await;
    node.metric_is("forebay_cache_collapsed_waiters", &[], 0.0).await;
    gate.open();
    client.response().await;
}

#[tokio::test]
async fn filters_see_the_request_and_may_answer_it() {
    let origin = Origin::start().await;
    let guard = filter_module("guard");
    let rules = "{ name = \"x\", action = \"block\", status = 451, prefixes = [\"/a\"] }";
    let node = TestNode::start(&format!(
        "[filters.guard]\nmodule = {guard:?}\n[filters.guard.settings]\nrules = [{rules}]\n{}filters = [\"guard\"]\n",
        one_route(&origin)
    ));
    says(&node, "", &["filter a filter answers itself, 451", "verdict edge-1"]).await;
}

#[tokio::test]
async fn stored_parts_are_told_and_what_they_answer() {
    let origin = Origin::start().await;
    let part = Answer::status(206, "0123").header("Content-Range", "bytes 0-3/10").header("ETag", "\"1\"");
    origin.on("/a", part.header("Cache-Control", "max-age=60"));
    let node = TestNode::before(&origin, "");
    node.get_with("/a", &[("Range", "bytes=0-3")]).await;
    let parts = "bytes 0-3 of 10";
    says(&node, "", &[parts, "verdict edge-1; fwd=partial"]).await;
    says(&node, "&header=Range:bytes%3D1-2", &[parts, "verdict edge-1; hit; ttl=60"]).await;
    says(&node, "&header=Range:bytes%3D2-5", &[parts, "verdict edge-1; fwd=partial"]).await;
}

#[tokio::test]
async fn an_origin_that_is_left_alone_is_told() {
    let origin = Origin::start().await;
    let kept = Answer::ok("kept").header("Cache-Control", "max-age=60, stale-if-error=600");
    origin.once("/a", kept).on("/a", Answer::status(503, "broken"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(Duration::from_secs(60));
    says(&node, "", &["verdict edge-1; fwd=stale"]).await;
    node.get("/a").await;
    says(&node, "", &["verdict edge-1; hit; ttl=0; detail=backoff"]).await;
    node.advance(Duration::from_secs(1));
    says(&node, "", &["verdict edge-1; hit; ttl=-1; detail=stale_if_error"]).await;
    assert_eq!(origin.seen().len(), 2, "explaining asks no origin");
}

#[tokio::test]
async fn the_terms_of_an_age_add_up_in_whole_seconds() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a").header("Cache-Control", "max-age=60"));
    let node = TestNode::before(&origin, "");
    node.advance(Duration::from_millis(700));
    origin.on(
        "/a",
        Answer::ok("a").header("Cache-Control", "max-age=60").header("Date", "Fri, 15 Jan 2027 08:00:00 GMT"),
    );
    node.get("/a").await;
    node.advance(Duration::from_millis(600));
    says(&node, "", &["age 1 = 0 + 1 here", "ttl 59 = 60 - 1"]).await;
}

#[tokio::test]
async fn explaining_leaves_no_trace() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a").header("Cache-Control", "max-age=60"));
    let node = TestNode::before(&origin, "");
    for _ in 0..3 {
        says(&node, "", &["verdict edge-1; fwd=uri-miss"]).await;
    }
    node.get("/a").await;
    node.metric_is("forebay_http_requests_total", &[], 1.0).await;
    assert_eq!(node.scrape().await.value("forebay_cache_requests_total", &[]), 1.0);
    assert_eq!(origin.seen().len(), 1);
}

#[tokio::test]
async fn json_says_the_same() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a").header("Cache-Control", "max-age=60"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    let told = explain(&node, "url=http://test.example/a").await;
    assert_eq!(told.header("content-type"), Some("application/json"));
    for part in
        [r#""verdict":"edge-1; hit; ttl=60""#, r#""lifetime_source":"max_age""#, r#""selected":true"#, r#""ttl":60"#]
    {
        assert!(told.text().contains(part), "{part} is not in {}", told.text());
    }
}

#[tokio::test]
async fn bad_questions_are_refused_with_what_to_write() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    for query in
        ["", "url=", "url=/a", "url=http://a/&url=http://b/", "url=http://a/&header=x", "uri=http://a/", "url=%ff"]
    {
        let refused = explain(&node, query).await;
        assert_eq!(refused.status, 400, "{query}");
        assert!(refused.text().starts_with("{\"error\":"), "{query}: {}", refused.text());
    }
    let told = explain(&node, "url=http://test.example/../a").await;
    assert!(told.text().contains("path_escapes_root"), "{}", told.text());
}
