//! The disk tier: what was stored is there after a restart, and what was given up is not.

use std::time::Duration;

use support::{Answer, Origin, RawClient, Response, TestNode, one_route};

/// A cache with a disk tier in the node's own folder, and these keys.
fn disk(keys: &str) -> String {
    format!("[cache]\nmemory = \"1MiB\"\n[cache.disk]\npath = \"cache\"\nsize = \"64MiB\"\n{keys}\n")
}

fn node_with(origin: &Origin, keys: &str, route: &str) -> TestNode {
    TestNode::start(&format!("{}{}{route}", disk(keys), one_route(origin)))
}

fn lasting(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=600")
}

fn verdict(response: &Response) -> &str {
    response.header("cache-status").expect("every answer says what the cache did")
}

/// Everything that was put is written.
async fn written(node: &TestNode) {
    node.metric_is("forebay_disk_queue_operations", &[], 0.0).await;
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("stored").header("ETag", "\"1\"").header("X-Own", "kept"));
    let node = node_with(&origin, "", "");
    node.get("/a").await;
    let node = node.restarted().await;
    node.advance(Duration::from_secs(10));
    let hit = node.get("/a").await;
    assert_eq!((hit.text(), hit.header("x-own"), hit.header("age")), ("stored", Some("kept"), Some("10")));
    assert_eq!(verdict(&hit), "edge-1; hit; ttl=590");
    assert_eq!(origin.count("/a"), 1);
    node.metric_is("forebay_cache_requests_total", &[("status", "hit"), ("tier", "disk")], 1.0).await;
}

#[tokio::test]
async fn head_conditions_and_ranges_are_answered_from_disk() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("0123456789").header("ETag", "\"1\""));
    let node = node_with(&origin, "", "");
    node.get("/a").await;
    let node = node.restarted().await;
    let head = node.connect().await.request("HEAD", "/a", &[], b"").await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("10")));
    let known = node.get_with("/a", &[("If-None-Match", "\"1\"")]).await;
    assert_eq!(known.status, 304);
    let piece = node.get_with("/a", &[("Range", "bytes=2-4")]).await;
    assert_eq!((piece.status, piece.text(), piece.header("content-range")), (206, "234", Some("bytes 2-4/10")));
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn variants_are_told_apart_after_a_restart() {
    let origin = Origin::start().await;
    for language in ["de", "en"] {
        origin.once("/a", lasting(language).header("Vary", "X-Language"));
    }
    let node = node_with(&origin, "", "");
    for language in ["de", "en"] {
        assert_eq!(node.get_with("/a", &[("X-Language", language)]).await.text(), language);
    }
    let node = node.restarted().await;
    for language in ["en", "de"] {
        let hit = node.get_with("/a", &[("X-Language", language)]).await;
        assert_eq!((hit.text(), verdict(&hit)), (language, "edge-1; hit; ttl=600"));
    }
    origin.on("/a", lasting("other").header("Vary", "X-Language"));
    assert_eq!(node.get_with("/a", &[("X-Language", "fr")]).await.text(), "other");
    assert_eq!(origin.count("/a"), 3);
}

#[tokio::test]
async fn a_newer_response_replaces_the_older_one_for_good() {
    let origin = Origin::start().await;
    origin.once("/a", lasting("old")).on("/a", lasting("new"));
    let node = node_with(&origin, "", "");
    node.get("/a").await;
    node.get_with("/a", &[("Cache-Control", "no-cache")]).await;
    let node = node.restarted().await;
    assert_eq!(node.get("/a").await.text(), "new");
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_response_that_may_not_be_stored_takes_the_old_one_off_the_disk() {
    let origin = Origin::start().await;
    origin.once("/a", lasting("old")).on("/a", Answer::ok("own").header("Cache-Control", "no-store"));
    let node = node_with(&origin, "", "");
    node.get("/a").await;
    node.advance(Duration::from_secs(601));
    assert_eq!(node.get("/a").await.text(), "own");
    let node = node.restarted().await;
    assert_eq!(node.get("/a").await.text(), "own");
    assert_eq!(origin.count("/a"), 3);
}

#[tokio::test]
async fn what_changed_by_an_unsafe_request_stays_changed() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("old"));
    let node = node_with(&origin, "", "[route.cache]\nkey.headers = [\"x-device\"]\n");
    for device in ["phone", "desk"] {
        node.get_with("/a", &[("X-Device", device)]).await;
    }
    node.get("/a").await;
    node.connect().await.request("POST", "/a", &[("Content-Length", "0")], b"").await;
    origin.on("/a", lasting("new"));
    let node = node.restarted().await;
    assert_eq!(node.get("/a").await.text(), "new");
    for device in ["phone", "desk"] {
        assert_eq!(node.get_with("/a", &[("X-Device", device)]).await.text(), "new", "{device}");
    }
}

#[tokio::test]
async fn a_stale_response_on_disk_is_validated_and_kept() {
    let origin = Origin::start().await;
    origin.once("/a", lasting("kept").header("ETag", "\"1\""));
    origin.on("/a", Answer::status(304, "").header("Cache-Control", "max-age=600"));
    let node = node_with(&origin, "", "");
    node.get("/a").await;
    let node = node.restarted().await;
    node.advance(Duration::from_secs(700));
    let confirmed = node.get("/a").await;
    assert_eq!((confirmed.text(), verdict(&confirmed)), ("kept", "edge-1; fwd=stale; fwd-status=304; ttl=600; stored"));
    assert_eq!(origin.seen()[1].header("if-none-match"), Some("\"1\""));
    let node = node.restarted().await;
    let hit = node.get("/a").await;
    assert_eq!((hit.text(), verdict(&hit)), ("kept", "edge-1; hit; ttl=600"));
}

#[tokio::test]
async fn stale_responses_on_disk_stand_in_for_a_failing_origin() {
    let origin = Origin::start().await;
    origin.once("/a", Answer::ok("kept").header("Cache-Control", "max-age=60, stale-if-error=600"));
    origin.on("/a", Answer::status(503, "broken"));
    let node = node_with(&origin, "", "");
    node.get("/a").await;
    let node = node.restarted().await;
    node.advance(Duration::from_secs(100));
    let stale = node.get("/a").await;
    assert_eq!((stale.status, stale.text()), (200, "kept"));
}

#[tokio::test]
async fn what_memory_gave_up_comes_from_disk_and_returns_to_memory_when_asked_for_again() {
    let origin = Origin::start().await;
    let body = "x".repeat(20 << 10);
    for number in 0..200 {
        origin.on(&format!("/{number}"), lasting(&format!("{number}{body}")));
    }
    let node = node_with(&origin, "", "");
    for number in 0..200 {
        node.get(&format!("/{number}")).await;
    }
    written(&node).await;
    for round in 0..3 {
        for number in 0..200 {
            let hit = node.get(&format!("/{number}")).await;
            assert!(hit.text().starts_with(&format!("{number}x")), "{round}");
        }
    }
    assert!((0..200).all(|number| origin.count(&format!("/{number}")) == 1));
    let tiers = node.scrape().await;
    let hits = |tier| tiers.value("forebay_cache_requests_total", &[("status", "hit"), ("tier", tier)]);
    assert_eq!(hits("memory") + hits("disk"), 600.0);
    assert!(hits("disk") > 400.0, "{} from disk: memory has room for fifty", hits("disk"));
    // One that is asked for again and again does not stay on disk.
    for _ in 0..20 {
        node.get("/7").await;
    }
    let before = hits("memory");
    let after = node.scrape().await.value("forebay_cache_requests_total", &[("status", "hit"), ("tier", "memory")]);
    assert!(after >= before + 10.0, "{before} to {after}");
}

#[tokio::test]
async fn one_hit_wonders_stay_off_the_disk_where_the_second_request_counts() {
    let origin = Origin::start().await;
    origin.on("/once", lasting("once")).on("/twice", lasting("twice"));
    let node = node_with(&origin, "admission = \"second_request\"", "");
    for target in ["/once", "/twice", "/twice"] {
        node.get(target).await;
    }
    written(&node).await;
    let metrics = node.scrape().await;
    let admitted = |result| metrics.value("forebay_disk_admissions_total", &[("result", result)]);
    assert_eq!((admitted("first_request"), admitted("stored")), (2.0, 1.0));
    let node = node.restarted().await;
    assert_eq!(verdict(&node.get("/twice").await), "edge-1; hit; ttl=600");
    assert_eq!(verdict(&node.get("/once").await), "edge-1; fwd=uri-miss; ttl=600; stored");
}

#[tokio::test]
async fn an_explanation_names_the_tier() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("stored"));
    let node = node_with(&origin, "", "");
    node.get("/a").await;
    let node = node.restarted().await;
    let url = "/v1/explain?url=http://test.example/a";
    let mut admin = support::RawClient::connect(node.admin()).await;
    let told = admin.request("GET", url, &[], b"").await;
    assert!(told.text().contains("\"tier\":\"disk\"") || told.text().contains("\"tier\": \"disk\""), "{}", told.text());
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn a_purge_that_no_folder_takes_is_in_force_and_said_not_to_last() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("1"));
    // Nothing can be made below a file.
    let unusable = "[cache.disk]\npath = \"/dev/null/cache\"\nsize = \"64MiB\"\n";
    let node = TestNode::start(&format!("{unusable}{}", one_route(&origin)));
    node.metric_is("forebay_disk_state", &[("state", "absent")], 1.0).await;
    node.get("/a").await;
    assert_eq!(verdict(&node.get("/a").await), "edge-1; hit; ttl=600");
    let json = [("Content-Type", "application/json")];
    let mut door = RawClient::connect(node.admin()).await;
    let told = door.request("POST", "/v1/purge", &json, b"{\"all\": true}").await;
    assert_eq!(told.status, 500);
    assert!(told.text().contains("in force, but was not recorded"), "{}", told.text());
    node.get("/a").await;
    assert_eq!(origin.count("/a"), 2);
}
