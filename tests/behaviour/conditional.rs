//! Conditions of clients, answered from the store where a cache may (RFC 9110 section 13, RFC 9111 section 4.3.2).

use support::{Answer, Origin, TestNode};

const EARLY: &str = "Thu, 31 Dec 2026 23:59:59 GMT";
const MODIFIED: &str = "Fri, 01 Jan 2027 00:00:00 GMT";

fn validated(body: &str) -> Answer {
    let answer = Answer::ok(body).header("Cache-Control", "max-age=60");
    answer.header("ETag", "\"1\"").header("Last-Modified", MODIFIED).header("Content-Type", "text/plain")
}

#[tokio::test]
async fn a_client_that_has_it_already_is_told_so_from_the_store() {
    let cases: [(&[(&str, &str)], u16); 9] = [
        (&[("If-None-Match", "\"1\"")], 304),
        (&[("If-None-Match", "W/\"1\"")], 304),
        (&[("If-None-Match", "\"0\", \"1\"")], 304),
        (&[("If-None-Match", "*")], 304),
        (&[("If-None-Match", "\"0\"")], 200),
        (&[("If-Modified-Since", MODIFIED)], 304),
        (&[("If-Modified-Since", EARLY)], 200),
        (&[("If-Modified-Since", "yesterday")], 200),
        // If-None-Match decides alone.
        (&[("If-None-Match", "\"0\""), ("If-Modified-Since", MODIFIED)], 200),
    ];
    let origin = Origin::start().await;
    origin.on("/a", validated("a"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    for (fields, status) in cases {
        let response = node.get_with("/a", fields).await;
        let body = if status == 304 { "" } else { "a" };
        assert_eq!((response.status, response.text()), (status, body), "{fields:?}");
        assert_eq!(response.header("cache-status"), Some("edge-1; hit; ttl=60"), "{fields:?}");
    }
    assert_eq!(origin.count("/a"), 1);
}

#[tokio::test]
async fn a_304_says_what_updates_and_nothing_of_the_body() {
    let origin = Origin::start().await;
    origin.on("/a", validated("a").header("Vary", "Accept"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    let known = node.get_with("/a", &[("If-None-Match", "\"1\"")]).await;
    for (name, value) in [("etag", "\"1\""), ("cache-control", "max-age=60"), ("vary", "Accept"), ("age", "0")] {
        assert_eq!(known.header(name), Some(value));
    }
    assert!(known.header("date").is_some());
    assert_eq!((known.header("content-type"), known.header("content-length")), (None, None));
}

#[tokio::test]
async fn a_client_that_leads_the_fetch_is_answered_by_its_own_condition() {
    let origin = Origin::start().await;
    origin.on("/a", validated("a")).on("/own", validated("own").header("Cache-Control", "no-store"));
    let node = TestNode::before(&origin, "");
    for target in ["/a", "/own"] {
        let known = node.get_with(target, &[("If-None-Match", "\"1\"")]).await;
        assert_eq!((known.status, known.text()), (304, ""), "{target}");
        assert_eq!(origin.seen().last().unwrap().header("if-none-match"), None, "{target}");
    }
    let whole = node.get("/a").await;
    assert_eq!((whole.text(), whole.header("cache-status")), ("a", Some("edge-1; hit; ttl=60")));
}

#[tokio::test]
async fn only_a_200_becomes_a_304() {
    let origin = Origin::start().await;
    origin.on("/gone", Answer::status(404, "gone").header("Cache-Control", "max-age=60").header("ETag", "\"1\""));
    let node = TestNode::before(&origin, "");
    for _ in 0..2 {
        let response = node.get_with("/gone", &[("If-None-Match", "\"1\"")]).await;
        assert_eq!((response.status, response.text()), (404, "gone"));
    }
    assert_eq!(origin.count("/gone"), 1);
}

#[tokio::test]
async fn head_is_answered_by_its_condition_too() {
    let origin = Origin::start().await;
    origin.on("/a", validated("a"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    let head = node.connect().await.request("HEAD", "/a", &[("If-None-Match", "\"1\"")], b"").await;
    assert_eq!((head.status, origin.seen().len()), (304, 1));
}

#[tokio::test]
async fn conditions_on_what_the_origin_has_go_to_the_origin() {
    let origin = Origin::start().await;
    origin.once("/a", validated("a")).on("/a", Answer::status(412, "no"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    for (name, value) in [("If-Match", "\"1\""), ("If-Unmodified-Since", MODIFIED)] {
        let response = node.get_with("/a", &[(name, value)]).await;
        assert_eq!((response.status, response.text()), (412, "no"), "{name}");
        assert_eq!(response.header("cache-status"), Some("edge-1; fwd=request; detail=precondition"));
        assert_eq!(origin.seen().last().unwrap().header(name), Some(value));
    }
    assert_eq!(node.get("/a").await.text(), "a", "what is stored stays");
}
