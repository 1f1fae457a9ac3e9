//! What the answer to a HEAD does to the stored GET response (RFC 9111 section 4.3.5).

use std::time::Duration;

use support::{Answer, Origin, RawClient, Response, TestNode};

use crate::codings::{html, page};

fn tagged(tag: &str, directives: &str) -> Answer {
    Answer::ok("kept").header("ETag", tag).header("Cache-Control", directives).header("X-Version", "old")
}

async fn head(node: &TestNode, target: &str, fields: &[(&str, &str)]) -> Response {
    node.connect().await.request("HEAD", target, fields, b"").await
}

#[tokio::test]
async fn a_head_that_agrees_renews_what_is_stored() {
    let origin = Origin::start().await;
    origin.once("/a", tagged("\"1\"", "max-age=60"));
    origin.once("/a", tagged("\"1\"", "max-age=30").header("X-New", "1"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(Duration::from_secs(60));
    let asked = head(&node, "/a", &[]).await;
    assert_eq!((asked.status, asked.header("content-length")), (200, Some("4")));
    assert_eq!(asked.header("cache-status"), Some("edge-1; fwd=stale; detail=head"));
    let hit = node.get("/a").await;
    assert_eq!((hit.text(), hit.header("x-new"), hit.header("age")), ("kept", Some("1"), Some("0")));
    assert_eq!((hit.header("cache-status"), origin.count("/a")), (Some("edge-1; hit; ttl=30"), 2));
}

#[tokio::test]
async fn a_head_that_differs_makes_what_is_stored_stale_for_good() {
    let differing = [
        tagged("\"2\"", "max-age=600"),
        tagged("\"1\"", "max-age=600").declare_length(5),
        // The same, but it may not be kept any longer.
        tagged("\"1\"", "no-store"),
    ];
    for answer in differing {
        let origin = Origin::start().await;
        let directives = "max-age=600, stale-while-revalidate=600, stale-if-error=600";
        origin.once("/a", tagged("\"1\"", directives)).once("/a", answer);
        origin.on("/a", Answer::ok("new").header("Cache-Control", directives));
        let node = TestNode::before(&origin, "");
        node.get("/a").await;
        // The client wants a fresh answer, so the HEAD goes to the origin although the stored response is fresh.
        head(&node, "/a", &[("Cache-Control", "no-cache")]).await;
        let fetched = node.get("/a").await;
        assert_eq!((fetched.text(), origin.seen()[2].header("if-none-match")), ("new", Some("\"1\"")));
    }
}

#[tokio::test]
async fn a_head_that_says_nothing_to_compare_changes_nothing() {
    let origin = Origin::start().await;
    origin.once("/a", tagged("\"1\"", "max-age=60"));
    origin.once("/a", Answer::chunked(&["kept"]).header("Cache-Control", "max-age=600").header("X-Version", "new"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    head(&node, "/a", &[("Cache-Control", "no-cache")]).await;
    let hit = node.get("/a").await;
    assert_eq!((hit.header("x-version"), hit.header("cache-status")), (Some("old"), Some("edge-1; hit; ttl=60")));
}

#[tokio::test]
async fn only_a_200_to_a_head_without_credentials_counts() {
    let cases: [(Answer, &[(&str, &str)]); 3] = [
        (Answer::status(404, "").header("ETag", "\"2\""), &[("Cache-Control", "no-cache")]),
        (Answer::status(304, "").header("ETag", "\"2\""), &[("Cache-Control", "no-cache")]),
        (tagged("\"2\"", "max-age=60"), &[("Cache-Control", "no-cache"), ("Authorization", "Basic x")]),
    ];
    for (answer, fields) in cases {
        let origin = Origin::start().await;
        origin.once("/a", tagged("\"1\"", "max-age=60")).once("/a", answer.clone());
        let node = TestNode::before(&origin, "");
        node.get("/a").await;
        head(&node, "/a", fields).await;
        assert_eq!(node.get("/a").await.header("cache-status"), Some("edge-1; hit; ttl=60"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_head_for_another_variant_leaves_this_one() {
    let origin = Origin::start().await;
    origin.once("/a", tagged("\"1\"", "max-age=60").header("Vary", "X-Kind")).on("/a", tagged("\"2\"", "max-age=60"));
    let node = TestNode::before(&origin, "");
    node.get_with("/a", &[("X-Kind", "a")]).await;
    head(&node, "/a", &[("X-Kind", "b")]).await;
    assert_eq!(node.get_with("/a", &[("X-Kind", "a")]).await.header("cache-status"), Some("edge-1; hit; ttl=60"));
}

#[tokio::test]
async fn a_head_renews_on_the_terms_that_are_for_caches_only() {
    let origin = Origin::start().await;
    let answer = |terms: &str| tagged("\"1\"", "max-age=60").header("Surrogate-Control", terms);
    origin.once("/a", answer("max-age=100")).once("/a", answer("max-age=500"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(Duration::from_secs(100));
    assert_eq!(head(&node, "/a", &[]).await.header("surrogate-control"), None, "no browser gets them");
    assert_eq!(node.get("/a").await.header("cache-status"), Some("edge-1; hit; ttl=500"));
}

#[tokio::test]
async fn a_head_is_compared_as_the_origin_answered_it() {
    let origin = Origin::start().await;
    origin.on("/a", html(page("one")).header("ETag", "\"1\""));
    let node = TestNode::before(&origin, "[route.compression]\ncodings = [\"gzip\"]\n");
    node.get("/a").await;
    node.advance(Duration::from_secs(60));
    let coded = head(&node, "/a", &[("Accept-Encoding", "gzip")]).await;
    assert_eq!((coded.header("content-encoding"), coded.header("etag")), (Some("gzip"), Some("W/\"1\"")));
    let hit = node.get("/a").await;
    assert_eq!(
        (hit.header("cache-status"), hit.headers("vary")),
        (Some("edge-1; hit; ttl=60"), vec!["Accept-Encoding"])
    );
}

#[tokio::test]
async fn a_head_does_not_renew_what_it_is_not_about() {
    let plain = Answer::ok("none").header("Cache-Control", "max-age=60");
    let told = Answer::ok("page").header("Cache-Control", "max-age=60");
    let cases = [
        (Answer::status(404, "none").header("Cache-Control", "max-age=60"), told.clone()),
        (plain, told.clone().header("Vary", "X-Kind")),
    ];
    for (stored, told) in cases {
        let origin = Origin::start().await;
        origin.once("/a", stored.clone()).on("/a", told);
        let node = TestNode::before(&origin, "");
        node.get("/a").await;
        node.advance(Duration::from_secs(60));
        assert_eq!(head(&node, "/a", &[]).await.status, 200);
        assert_eq!((node.get("/a").await.text(), origin.count("/a")), ("page", 3), "{stored:?}");
    }
}

#[tokio::test]
async fn a_head_renews_what_is_said_to_surrogates_too() {
    let origin = Origin::start().await;
    origin.once("/a", tagged("\"1\"", "max-age=60").header("Surrogate-Key", "old"));
    let renewed =
        tagged("\"1\"", "max-age=60").header("Surrogate-Key", "new").header("Surrogate-Control", "max-age=90");
    origin.once("/a", renewed).on("/a", Answer::ok("fetched"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    let told = head(&node, "/a", &[("Cache-Control", "no-cache")]).await;
    assert_eq!((told.header("surrogate-key"), told.header("surrogate-control")), (None, None));
    assert_eq!(node.get("/a").await.header("cache-status"), Some("edge-1; hit; ttl=90"));
    for (tag, expected) in [("old", "kept"), ("new", "fetched")] {
        let body = format!(r#"{{"tag": "{tag}"}}"#);
        let json = [("Content-Type", "application/json")];
        let purged = RawClient::connect(node.admin()).await.request("POST", "/v1/purge", &json, body.as_bytes()).await;
        assert_eq!(purged.status, 200);
        assert_eq!(node.get("/a").await.text(), expected, "{tag}");
    }
}
