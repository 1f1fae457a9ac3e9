//! What an origin's answer does to the stored response that it was asked about (RFC 9111 sections 3.5, 4.3.3 and 4.3.4).

use std::time::Duration;

use support::{Answer, Origin, Response, TestNode};

const MINUTE: Duration = Duration::from_secs(60);
const TAG: (&str, &str) = ("ETag", "\"1\"");
const CREDENTIALS: (&str, &str) = ("Authorization", "Basic eA==");

fn tagged(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60").header(TAG.0, TAG.1)
}

fn confirmed(directives: &str) -> Answer {
    Answer::status(304, "").header("Cache-Control", directives).header(TAG.0, TAG.1)
}

/// A node that has stored `first` for `/a` a minute ago and is before an origin that answers `then` once.
async fn a_minute_later(first: Answer, then: Answer) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.once("/a", first).once("/a", then);
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(MINUTE);
    (origin, node)
}

fn told(response: &Response) -> &str {
    response.header("cache-status").expect("the node says what it did")
}

#[tokio::test]
async fn a_304_that_forbids_to_store_ends_the_storing() {
    for (directives, word) in [("private, max-age=60", "private"), ("no-store", "no_store")] {
        let (origin, node) = a_minute_later(tagged("kept"), confirmed(directives)).await;
        origin.on("/a", tagged("new"));
        let last = node.get("/a").await;
        assert_eq!((last.status, last.text()), (200, "kept"));
        assert_eq!(told(&last), format!("edge-1; fwd=stale; fwd-status=304; detail={word}"));
        let next = node.get("/a").await;
        assert_eq!((next.text(), told(&next)), ("new", "edge-1; fwd=uri-miss; ttl=60; stored"));
        assert_eq!(origin.seen()[2].header("if-none-match"), None, "nothing is left to confirm");
    }
}

#[tokio::test]
async fn a_304_for_one_with_credentials_changes_nothing_for_the_others() {
    let (origin, node) = a_minute_later(tagged("kept"), confirmed("max-age=60").header("X-Account", "ann")).await;
    origin.on("/a", confirmed("max-age=60"));
    let own = node.get_with("/a", &[CREDENTIALS]).await;
    assert_eq!((own.text(), own.header("x-account")), ("kept", Some("ann")));
    assert_eq!(told(&own), "edge-1; fwd=stale; fwd-status=304; detail=authorization");
    let next = node.get("/a").await;
    assert_eq!((next.text(), next.header("x-account")), ("kept", None));
    assert_eq!((told(&next), origin.count("/a")), ("edge-1; fwd=stale; fwd-status=304; ttl=60; stored", 3));
}

#[tokio::test]
async fn a_targeted_lifetime_does_not_share_what_credentials_brought() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("mine").header("CDN-Cache-Control", "max-age=60"));
    let node = TestNode::before(&origin, "");
    let own = node.get_with("/a", &[CREDENTIALS]).await;
    assert_eq!(told(&own), "edge-1; fwd=uri-miss; detail=authorization");
}

#[tokio::test]
async fn what_the_origin_replaced_is_not_used_again() {
    let private = Answer::ok("new").header("Cache-Control", "no-store");
    let (origin, node) = a_minute_later(tagged("old"), private).await;
    origin.on("/a", tagged("newest"));
    assert_eq!(node.get("/a").await.text(), "new");
    let lenient = node.get_with("/a", &[("Cache-Control", "max-stale")]).await;
    assert_eq!(lenient.text(), "newest");
}

#[tokio::test]
async fn the_first_variant_replaces_the_response_that_had_none() {
    let variant = Answer::ok("german").header("Cache-Control", "max-age=60").header("Vary", "Accept-Language");
    let (origin, node) =
        a_minute_later(tagged("for all").header("Cache-Control", "stale-while-revalidate=600"), variant).await;
    origin.on("/a", Answer::ok("english").header("Cache-Control", "max-age=60").header("Vary", "Accept-Language"));
    let german = [("Accept-Language", "de"), ("Cache-Control", "no-cache")];
    assert_eq!(node.get_with("/a", &german).await.text(), "german");
    let english = node.get_with("/a", &[("Accept-Language", "en")]).await;
    assert_eq!((english.text(), told(&english)), ("english", "edge-1; fwd=vary-miss; ttl=60; stored"));
}

#[tokio::test]
async fn a_body_that_breaks_off_replaces_nothing() {
    let broken = Answer::ok("never whole").header("Cache-Control", "max-age=60").cut_after(3);
    let (origin, node) = a_minute_later(tagged("old").header("Cache-Control", "stale-if-error=600"), broken).await;
    origin.on("/a", Answer::hang_up());
    assert!(!node.get("/a").await.complete);
    assert_eq!(node.get("/a").await.text(), "old");
}

#[tokio::test]
async fn what_a_304_confirmed_is_as_old_as_the_304() {
    let (_origin, node) = a_minute_later(tagged("kept").header("Age", "50"), confirmed("max-age=60")).await;
    let renewed = node.get("/a").await;
    assert_eq!((renewed.header("age"), told(&renewed)), (None, "edge-1; fwd=stale; fwd-status=304; ttl=60; stored"));
    assert_eq!(node.get("/a").await.header("age"), Some("0"));
}
