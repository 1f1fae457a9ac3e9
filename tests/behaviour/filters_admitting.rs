//! The shipped filters that decide who may pass, in a node: signed-url, bot-block and cors.

use std::time::Duration;

use support::{Answer, Origin, TestNode};

async fn origin() -> Origin {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a").header("Cache-Control", "max-age=60"));
    origin
}

/// HMAC-SHA256 of `path`, `/film/1.mp4` and the time, made by Python; the clock of these tests starts at 1800000000.
const UNTIL_100: &str = "exp=1800000100&sig=8pXq4MMrG5D7-rPammPdYdOSCWRoffpmOmY8RZ3q6uU";
const BEFORE: &str = "exp=1799999999&sig=COHtczLgxXCBg7Ygl8ei7VMDf3dV8gOyhsiclntJfNA";
const BY_ANOTHER: &str = "exp=1800000100&sig=8FKT08WyRUSNFdWLiepNDdXNYwR6uriaxUfelPA05s8";
/// Of `prefix` and `/film`.
const BELOW_FILM: &str = "prefix=/film&exp=1800000100&sig=cE6G-YLPU6Jupr1kH-FzjsYDjuLh3YhCQLbddzQUWsU";

const SIGNED_URL: &str = "keys = { one = \"a secret of sixteen bytes or more\" }";

#[tokio::test]
async fn a_signed_url_passes_until_it_expires_also_from_the_cache() {
    let origin = origin().await;
    let node = TestNode::through("signed-url", SIGNED_URL, &origin);
    let signed = format!("/film/1.mp4?{UNTIL_100}&a=1");
    assert_eq!(node.get(&signed).await.text(), "a");
    assert_eq!(origin.seen()[0].target, "/film/1.mp4?a=1");
    let below = node.get(&format!("/film/1.mp4?a=1&{BELOW_FILM}")).await;
    assert_eq!(below.header("cache-status"), Some("edge-1; hit; ttl=60"), "another signature of the same object");
    node.advance(Duration::from_secs(50));
    assert_eq!(node.get(&signed).await.header("cache-status"), Some("edge-1; hit; ttl=10"));
    node.advance(Duration::from_secs(51));
    let expired = node.get(&signed).await;
    assert_eq!((expired.status, expired.text()), (403, "expired\n"));
    assert_eq!(origin.seen().len(), 1);
}

#[tokio::test]
async fn what_is_not_signed_reaches_neither_origin_nor_cache() {
    let origin = origin().await;
    let node = TestNode::through("signed-url", SIGNED_URL, &origin);
    for (target, word) in [
        ("/film/1.mp4".to_owned(), "unsigned"),
        (format!("/film/1.mp4?{BEFORE}"), "expired"),
        (format!("/film/1.mp4?{BY_ANOTHER}"), "forged"),
        (format!("/film/2.mp4?{UNTIL_100}"), "forged"),
        (format!("/film/1.mp4?{}", UNTIL_100.replace("1800000100", "1800000101")), "forged"),
        (format!("/film/1.mp4?{UNTIL_100}&exp=1900000000"), "malformed"),
        (format!("/film/1.mp4?{UNTIL_100}&kid=two"), "unknown_key"),
        (format!("/admin?{BELOW_FILM}"), "outside"),
        (format!("/film/%2e%2e/admin?{BELOW_FILM}"), "outside"),
        (format!("/films?{BELOW_FILM}"), "outside"),
    ] {
        let refused = node.get(&target).await;
        assert_eq!((refused.status, refused.text()), (403, &*format!("{word}\n")), "{target}");
    }
    let written = node.connect().await.request("PUT", &format!("/film/1.mp4?{UNTIL_100}"), &[], b"x").await;
    assert_eq!((written.status, written.text()), (403, "method\n"));
    assert_eq!(origin.seen().len(), 0);
    node.metric_is("forebay_wasm_signed_url_requests_total", &[("outcome", "forged")], 3.0).await;
}

#[tokio::test]
async fn bots_are_turned_away_verified_or_tagged() {
    let origin = origin().await;
    let settings = "block = [\"badbot\"]\nmissing = \"block\"\nverified = [\n\
                    { agent = \"homebot\", networks = [\"127.0.0.0/8\"] },\n\
                    { agent = \"farbot\", networks = [\"192.0.2.0/24\"] }]";
    let node = TestNode::through("bot-block", settings, &origin);
    for agents in [&["BadBot/1"][..], &["Mozilla/5.0", "badbot"], &["FarBot/1"], &[]] {
        let fields: Vec<_> = agents.iter().map(|agent| ("User-Agent", *agent)).collect();
        let refused = node.get_with("/page", &fields).await;
        assert_eq!((refused.status, refused.header("cache-control")), (403, Some("no-store")), "{agents:?}");
    }
    assert_eq!(origin.seen().len(), 0);
    for (agent, tag) in [("HomeBot/1", "verified"), ("curl/8", "likely"), ("Mozilla/5.0", "no")] {
        let target = format!("/{tag}");
        node.get_with(&target, &[("User-Agent", agent), ("X-Bot", "verified")]).await;
        let seen = origin.seen().pop().expect("the origin was asked");
        assert_eq!((seen.target.as_str(), seen.head.headers("x-bot")), (target.as_str(), vec![tag]), "{agent}");
    }
    node.metric_is("forebay_wasm_bot_requests_total", &[("verdict", "impostor")], 1.0).await;
}

const CORS: &str = "origins = [\"https://shop.example\", \"https://*.shop.example\"]\ncredentials = true\n\
                    methods = [\"GET\", \"PUT\"]\nheaders = [\"X-Token\"]\nmax_age = \"1h\"";

#[tokio::test]
async fn a_preflight_is_answered_without_the_origin() {
    let origin = origin().await;
    let node = TestNode::through("cors", CORS, &origin);
    let fields = [("Origin", "https://www.shop.example"), ("Access-Control-Request-Method", "PUT")];
    let answer = node.connect().await.request("OPTIONS", "/api", &fields, b"").await;
    assert_eq!(answer.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", "https://www.shop.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, PUT"),
        ("access-control-allow-headers", "x-token"),
        ("access-control-max-age", "3600"),
    ] {
        assert_eq!(answer.headers(name), [value], "{name}");
    }
    let fields = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "PUT")];
    let answer = node.connect().await.request("OPTIONS", "/api", &fields, b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(origin.seen().len(), 0);
}

#[tokio::test]
async fn one_stored_response_tells_each_origin_its_own() {
    let origin = Origin::start().await;
    let open = Answer::ok("a").header("Cache-Control", "max-age=60").header("Access-Control-Allow-Origin", "*");
    origin.otherwise(open.header("Access-Control-Allow-Credentials", "true"));
    let node = TestNode::through("cors", CORS, &origin);
    for (asking, allowed) in [
        (Some("https://shop.example"), Some("https://shop.example")),
        (Some("https://www.shop.example"), Some("https://www.shop.example")),
        (Some("https://evilshop.example"), None),
        (Some("null"), None),
        (None, None),
    ] {
        let fields: Vec<_> = asking.into_iter().map(|origin| ("Origin", origin)).collect();
        let answer = node.get_with("/api", &fields).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{asking:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), allowed.and(Some("true")), "{asking:?}");
        assert_eq!(answer.header("vary"), Some("origin"), "{asking:?}");
    }
    assert_eq!(origin.seen().len(), 1);
}
