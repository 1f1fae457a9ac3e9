//! The fields that responses are purged by: who sees them, and the groups of RFC 9875.

use support::{Answer, Origin, RawClient, TestNode};

fn fresh(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60")
}

const SURROGATE: (&str, &str) = ("Surrogate-Capability", "cdn=\"Surrogate/1.0\"");
const FIELDS: [(&str, &str); 3] = [("surrogate-key", "a b"), ("cache-tag", "c"), ("surrogate-control", "max-age=60")];

fn addressed(mut answer: Answer) -> Answer {
    for (name, value) in FIELDS {
        answer = answer.header(name, value);
    }
    answer
}

#[tokio::test]
async fn fields_for_surrogates_go_to_surrogates_only() {
    let answers = [
        ("stored", addressed(fresh("a"))),
        ("passed", addressed(Answer::ok("a")).header("Vary", "*")),
        ("each time", addressed(Answer::ok("a").header("ETag", "\"1\"")).header("CDN-Cache-Control", "no-cache")),
    ];
    for (what, answer) in answers {
        let origin = Origin::start().await;
        origin.on("/a", answer);
        let node = TestNode::before(&origin, "");
        for turn in 0..3 {
            for surrogate in [false, true] {
                let fields: &[(&str, &str)] = if surrogate { &[SURROGATE] } else { &[] };
                let response = node.get_with("/a", fields).await;
                for (name, value) in FIELDS {
                    let expected = surrogate.then_some(value);
                    assert_eq!(response.header(name), expected, "{what}, turn {turn}, surrogate: {surrogate}");
                }
            }
        }
        let posted = node.connect().await.request("POST", "/a", &[], b"x").await;
        assert!(FIELDS.iter().all(|(name, _)| posted.header(name).is_none()), "{what}");
    }
}

#[tokio::test]
async fn groups_are_for_every_cache_to_see() {
    let origin = Origin::start().await;
    origin.on("/a", fresh("a").header("Cache-Groups", "\"g\""));
    let node = TestNode::before(&origin, "");
    for _ in 0..2 {
        assert_eq!(node.get("/a").await.header("cache-groups"), Some("\"g\""));
    }
}

#[tokio::test]
async fn tags_beyond_the_bounds_do_not_make_a_response_unpurgeable() {
    let origin = Origin::start().await;
    let many: Vec<String> = (0..600).map(|number| number.to_string()).collect();
    origin.once("/a", fresh("old").header("Surrogate-Key", &many.join(" "))).on("/a", fresh("new"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    let json = [("Content-Type", "application/json")];
    let body = br#"{"tag": "599"}"#;
    RawClient::connect(node.admin()).await.request("POST", "/v1/purge", &json, body).await;
    assert_eq!(node.get("/a").await.text(), "new");
}

/// Is `/member`, in the groups `"g"` and `"h"` of `test.example`, still stored after this request and its answer?
async fn survives(method: &str, fields: &[(&str, &str)], answer: Answer) -> bool {
    let origin = Origin::start().await;
    let member = |body| fresh(body).header("Cache-Groups", "\"g\", \"h\"");
    origin.once("/member", member("old")).on("/member", member("new")).on("/change", answer);
    let node = TestNode::before(&origin, "");
    node.get("/member").await;
    node.connect().await.request(method, "/change", fields, b"").await;
    node.get("/member").await.text() == "old"
}

#[tokio::test]
async fn a_successful_unsafe_request_invalidates_the_groups_its_answer_names() {
    let naming = |status: u16, value: &str| Answer::status(status, "").header("Cache-Group-Invalidation", value);
    for (status, value, expected) in [
        (200, "\"g\"", false),
        (204, "\"other\", \"h\";why=1", false),
        (303, "\"g\"", false),
        (200, "\"G\"", true),
        (200, "\"other\"", true),
        (200, "g", true),
        (200, "\"g\", h", true),
        (404, "\"g\"", true),
        (500, "\"g\"", true),
    ] {
        assert_eq!(survives("POST", &[], naming(status, value)).await, expected, "{status} {value}");
    }
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert!(survives(method, &[], naming(200, "\"g\"")).await, "{method} is safe");
    }
}

#[tokio::test]
async fn groups_belong_to_their_origin() {
    let naming = || Answer::ok("").header("Cache-Group-Invalidation", "\"g\"");
    for (host, expected) in [("other.example", true), ("test.example:81", true), ("TEST.example:80", false)] {
        assert_eq!(survives("POST", &[("Host", host)], naming()).await, expected, "{host}");
    }
}
