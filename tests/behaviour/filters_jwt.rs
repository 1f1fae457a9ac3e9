//! jwt in a node: whose token passes, what the origin hears of its claims, and whose response the cache gives to whom.
//!
//! The tokens of `jwt_tokens.json` were signed by OpenSSL and Python and end an hour after the clock of these tests
//! starts, but for those that say otherwise.

use std::collections::HashMap;
use std::time::Duration;

use support::{Answer, Origin, Response, TestNode};

type Texts = HashMap<String, String>;

fn texts() -> Texts {
    serde_json::from_str(include_str!("jwt_tokens.json")).expect("a table of texts")
}

async fn origin() -> Origin {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a").header("Cache-Control", "max-age=60"));
    origin
}

/// A filter that takes all three algorithms and keeps the token to itself.
fn node(texts: &Texts, settings: &str, origin: &Origin) -> TestNode {
    let keys = ["secret", "rsa_pem", "ec_pem"].map(|name| {
        let member = if name == "secret" { "secret" } else { "pem" };
        format!("{{ {member} = {:?} }}", texts[name])
    });
    TestNode::through("jwt", &format!("keys = [{}]\n{settings}", keys.join(", ")), origin)
}

async fn bearer(node: &TestNode, token: &str, fields: &[(&str, &str)]) -> Response {
    let authorization = format!("Bearer {token}");
    let fields = [&[("Authorization", authorization.as_str())], fields].concat();
    node.get_with("/page", &fields).await
}

fn status(response: &Response) -> &str {
    response.header("cache-status").unwrap_or_default().trim_start_matches("edge-1; ")
}

#[tokio::test]
async fn each_algorithm_passes_and_its_claims_reach_the_origin() {
    let (texts, origin) = (texts(), origin().await);
    let node = node(&texts, "headers = { x-user = \"sub\" }", &origin);
    for token in ["hs256", "rs256", "es256"] {
        let forged = [("X-User", "root"), ("X_User", "root")];
        assert_eq!(bearer(&node, &texts[token], &forged).await.status, 200, "{token}");
        let seen = origin.seen().pop().expect("the origin was asked");
        assert_eq!(seen.head.headers("x-user"), ["u1"], "{token}");
        assert_eq!(seen.header("x_user"), None, "{token}");
        assert!(seen.header("authorization").is_some(), "{token}");
    }
}

#[tokio::test]
async fn nothing_that_is_not_signed_for_reaches_the_origin() {
    let (texts, origin) = (texts(), origin().await);
    let node = node(&texts, "", &origin);
    for (token, word) in [
        ("none", "unknown_key"),
        ("none_signed", "unknown_key"),
        ("rsa_as_secret", "forged"),
        ("ec_as_secret", "forged"),
        ("rs256_as_hs256", "forged"),
        ("es256_in_der", "forged"),
        ("es256_of_zeros", "forged"),
        ("other_claims", "forged"),
        ("other_secret", "forged"),
        ("hs256_expired", "expired"),
        ("hs256_early", "early"),
    ] {
        let refused = bearer(&node, &texts[token], &[]).await;
        assert_eq!((refused.status, refused.text()), (401, &*format!("{word}\n")), "{token}");
        assert!(refused.header("www-authenticate").expect("a challenge").contains("invalid_token"), "{token}");
    }
    assert_eq!(node.get("/page").await.status, 401);
    assert_eq!(origin.seen().len(), 0);
    node.metric_is("forebay_wasm_jwt_requests_total", &[("outcome", "forged")], 7.0).await;
}

#[tokio::test]
async fn a_stored_response_is_only_for_tokens_that_hold() {
    let (texts, origin) = (texts(), origin().await);
    let node = node(&texts, "forward = false", &origin);
    assert!(status(&bearer(&node, &texts["hs256"], &[]).await).contains("stored"));
    assert!(status(&bearer(&node, &texts["rs256"], &[]).await).starts_with("hit"));
    assert_eq!(origin.seen()[0].header("authorization"), None);
    assert_eq!((node.get("/page").await.status, bearer(&node, &texts["none"], &[]).await.status), (401, 401));
    node.advance(Duration::from_secs(3_600));
    let expired = bearer(&node, &texts["hs256"], &[]).await;
    assert_eq!((expired.status, expired.text()), (401, "expired\n"), "whatever the cache has");
    assert_eq!(origin.seen().len(), 1);
}

#[tokio::test]
async fn claims_in_the_key_divide_the_cache() {
    let (texts, origin) = (texts(), origin().await);
    let node = node(&texts, "forward = false\nkey_claims = [\"plan\"]", &origin);
    for (token, expected) in [("hs256", "fwd"), ("hs256_gold_too", "hit"), ("hs256_silver", "fwd"), ("hs256", "hit")] {
        let response = bearer(&node, &texts[token], &[]).await;
        assert!(status(&response).starts_with(expected), "{token}: {}", status(&response));
    }
    assert_eq!(origin.seen().len(), 2, "one for each plan");
}

#[tokio::test]
async fn what_is_stored_for_users_is_not_served_to_strangers() {
    let (texts, origin) = (texts(), origin().await);
    let node = node(&texts, "forward = false\ntoken = \"optional\"", &origin);
    assert!(status(&bearer(&node, &texts["hs256"], &[]).await).contains("stored"));
    assert!(status(&node.get("/page").await).starts_with("fwd"));
    assert!(status(&node.get("/page").await).starts_with("hit"));
    assert!(status(&bearer(&node, &texts["es256"], &[]).await).starts_with("hit"));
    assert_eq!(bearer(&node, &texts["none"], &[]).await.status, 401, "optional is not any");
}
