//! The operator's door: health, metrics, and the golden list of what they are called.

use std::collections::BTreeSet;

use support::{Answer, Origin, RawClient, TestNode, get, one_route};

/// Held to the naming rules by the tidy tests.
const GOLDEN: &str = include_str!("../tidy/metrics.txt");

#[tokio::test]
async fn health_is_answered_and_unknown_paths_are_not() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    for (path, status) in [("/healthz", 200), ("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/", 404)] {
        assert_eq!(get(node.admin(), path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn metrics_ask_for_the_token_and_health_does_not() {
    let origin = Origin::start().await;
    let admin = "[admin]\naddress = \"127.0.0.1:0\"\ntoken = \"secret\"\n";
    let node = TestNode::start(&format!("{admin}{}", one_route(&origin)));
    assert_eq!(get(node.admin(), "/healthz").await.status, 200);
    assert_eq!(get(node.admin(), "/metrics").await.status, 401);
    let mut client = RawClient::connect(node.admin()).await;
    let told = client.request("GET", "/metrics", &[("Authorization", "Bearer secret")], b"").await;
    assert_eq!(told.status, 200);
    assert!(told.header("content-type").unwrap().starts_with("text/plain"));
}

#[tokio::test]
async fn the_tokens_scheme_is_read_in_any_case_and_the_token_is_not() {
    let origin = Origin::start().await;
    let admin = "[admin]\naddress = \"127.0.0.1:0\"\ntoken = \"secret\"\n";
    let node = TestNode::start(&format!("{admin}{}", one_route(&origin)));
    let mut client = RawClient::connect(node.admin()).await;
    let cases = [
        ("Bearer secret", 200),
        ("bearer secret", 200),
        ("BEARER secret", 200),
        ("bearer SECRET", 401),
        ("Basic secret", 401),
        ("secret", 401),
    ];
    for (given, status) in cases {
        let told = client.request("GET", "/metrics", &[("Authorization", given)], b"").await;
        assert_eq!(told.status, status, "{given}");
    }
}

#[tokio::test]
async fn a_node_exports_exactly_the_metrics_of_the_golden_list() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a").header("Cache-Control", "max-age=60"));
    let rewrite = support::filter_module("rewrite");
    let node = TestNode::start(&format!(
        "[cache.disk]\npath = \"cache\"\nsize = \"16MiB\"\n[filters.rewrite]\nmodule = {rewrite:?}\n{}filters = [\"rewrite\"]\n",
        one_route(&origin)
    ));
    for _ in 0..2 {
        node.get("/a").await;
    }
    node.metric_is("forebay_http_requests_total", &[], 2.0).await;
    let exported = node.scrape().await.families();
    let exported: BTreeSet<String> = exported.into_iter().filter(|family| family.contains(" forebay_")).collect();
    let golden = GOLDEN.lines().filter(|line| !line.starts_with('#')).map(sorted_labels).collect::<BTreeSet<_>>();
    assert_eq!(exported, golden);
}

#[tokio::test]
async fn the_process_describes_itself() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    let scrape = node.scrape().await;
    assert_eq!(scrape.value("forebay_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    assert!(scrape.value("process_resident_memory_bytes", &[]) > 0.0);
}

fn sorted_labels(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    words[2..].sort_unstable();
    words.join(" ")
}
