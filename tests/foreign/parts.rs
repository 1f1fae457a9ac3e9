//! The parts of the guest on the Rust SDK: what most filters are written with, call by call.

use support::{Answer, Origin};

use crate::node::Filtered;

async fn origin() -> Origin {
    let origin = Origin::start().await;
    let answer = Answer::ok("good").header("Content-Type", "text/plain").header("Set-Cookie", "a=1");
    origin.otherwise(answer.header("Set-Cookie", "b=2").header("X-Gone", "1"));
    origin
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_come_in_order_and_once() {
    let Some(node) = Filtered::of("rust", "notebook", origin().await).await else { return };
    assert_eq!(node.get("/a").await.status, 200);
    node.says("note: deleted").await;
    let expected = [
        "created, machine started: true",
        "request headers: /a, all counted: true, end: true",
        "response headers: 200, all counted: true",
        "log",
        "done",
        "deleted",
    ];
    assert_eq!(node.said("note: "), expected);
    assert_eq!(node.origin.seen()[0].header("x-context"), Some("stream"));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_and_missing_headers_are_what_they_are() {
    let Some(node) = Filtered::of("rust", "repeated", origin().await).await else { return };
    let response = node.get_with("/", &[("X-Twice", "one"), ("X-Twice", "two"), ("X-Empty", "")]).await;
    let expected = [
        "first of two: Some(\"one\")",
        "missing: None",
        "empty: Some(\"\")",
        "host: Some(\"test.example\")",
        "in other case: Some(\"one\")",
        "listed: Some(\"one|two\")",
        "cookies: Some(\"a=1|b=2\")",
    ];
    node.says(&format!("header {}", expected[6])).await;
    assert_eq!(node.said("header ")[..7], expected);
    let seen = &node.origin.seen()[0].head;
    assert_eq!((seen.headers("x-added"), seen.headers("x-twice")), (vec!["1", "2"], vec!["once"]));
    assert_eq!(seen.header("x-emptied"), Some(""));
    assert_eq!(response.headers("set-cookie"), ["a=1", "b=2", "c=3"]);
    assert_eq!(response.header("x-gone"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_kept_over_requests_and_exported() {
    let Some(node) = Filtered::of("rust", "metrics", origin().await).await else { return };
    for requests in [2, 4, 6] {
        node.get("/").await;
        let expected = format!("{requests} 4");
        assert_eq!(node.origin.seen().last().and_then(|seen| seen.header("x-metrics")), Some(&*expected));
    }
    let labels = [("filter", "guest")];
    node.metric_is("forebay_wasm_guest_requests_total", &labels, 6.0).await;
    node.metric_is("forebay_wasm_guest_level", &labels, 4.0).await;
    node.metric_is("forebay_wasm_guest_sizes_count", &labels, 3.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_are_there_in_every_phase() {
    let Some(node) = Filtered::of("rust", "properties", origin().await).await else { return };
    node.get_with("/page?q=1", &[("X-Twice", "one"), ("X-Twice", "two"), ("Referer", "/from")]).await;
    node.says("property log request.duration").await;
    let told = node.said("property ");
    let expected = [
        "request request.path: [/page?q=1]",
        "request request.url_path: [/page]",
        "request request.host: [test.example]",
        "request request.method: [GET]",
        "request request.query: [q=1]",
        "request request.referer: [/from]",
        "request request.headers.x-twice: [one,two]",
        "request guest.own: none",
        "request response.code: none",
        "request connection_id: [8 bytes]",
        "response guest.own: [kept]",
        "response request.path: [/page?q=1]",
        "response response.code: [200]",
        "response response.headers.content-type: [text/plain]",
        "log guest.own: [kept]",
        "log response.code: [200]",
        "log request.duration: [8 bytes]",
    ];
    for line in expected {
        assert!(told.iter().any(|told| told == line), "{line}: {told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_fails_its_own_request_only_and_says_why() {
    let Some(node) = Filtered::of("rust", "rash", origin().await).await else { return };
    for (round, phase) in ["request", "response", "request"].into_iter().enumerate() {
        let failed = node.get_with(&format!("/{round}"), &[("X-Panic", phase)]).await;
        assert_eq!(failed.status, 500, "{failed:?}");
        node.says(&format!("asked to panic in {phase}")).await;
        let fine = node.get(&format!("/fine/{round}")).await;
        assert_eq!((fine.status, fine.header("x-guest")), (200, Some("rash")));
    }
    node.metric_is("forebay_filter_failures_total", &[("filter", "guest"), ("kind", "trap")], 3.0).await;
}
