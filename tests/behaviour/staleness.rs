//! Stale responses while a fresh one is fetched, and in the place of a failing origin (RFC 5861).

use std::time::Duration;

use support::{Answer, Gate, Origin, TestNode, get, one_route};

fn lasting(body: &str, directives: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", directives)
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test]
async fn a_stale_response_is_sent_at_once_and_refreshed_once() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    let answer = |body| lasting(body, "max-age=60, stale-while-revalidate=30");
    origin.once("/a", answer("old")).on("/a", answer("new").after(&gate));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(seconds(70));
    for _ in 0..5 {
        let stale = node.get("/a").await;
        assert_eq!((stale.text(), stale.header("age")), ("old", Some("70")));
        assert_eq!(stale.header("cache-status"), Some("edge-1; hit; ttl=-10; detail=stale_while_revalidate"));
    }
    origin.requests_reach(2).await;
    gate.open();
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    let renewed = node.get("/a").await;
    assert_eq!((renewed.text(), renewed.header("cache-status")), ("new", Some("edge-1; hit; ttl=60")));
    assert_eq!(origin.count("/a"), 2);
}

#[tokio::test]
async fn a_background_refresh_validates() {
    let origin = Origin::start().await;
    let directives = "max-age=60, stale-while-revalidate=30";
    origin.once("/a", lasting("kept", directives).header("ETag", "\"1\""));
    origin.on("/a", Answer::status(304, "").header("Cache-Control", directives));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(seconds(60));
    node.get("/a").await;
    origin.requests_reach(2).await;
    assert_eq!(origin.seen()[1].header("if-none-match"), Some("\"1\""));
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    let hit = node.get("/a").await;
    assert_eq!((hit.text(), hit.header("cache-status")), ("kept", Some("edge-1; hit; ttl=60")));
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_what_is_stored() {
    let origin = Origin::start().await;
    origin.once("/a", lasting("kept", "max-age=60, stale-while-revalidate=30")).on("/a", Answer::status(500, "broken"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(seconds(60));
    for _ in 0..3 {
        assert_eq!(node.get("/a").await.text(), "kept");
        origin.requests_reach(2).await;
        node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    }
    assert_eq!(origin.count("/a"), 2, "and is not made again at once");
}

#[tokio::test]
async fn however_many_ask_at_once_each_expiry_is_one_fetch() {
    let origin = Origin::start().await;
    origin.on("/a", lasting("a", "max-age=60, stale-while-revalidate=600"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    let address = node.address();
    for expiries in 1..=10 {
        node.advance(seconds(60));
        let clients = (0..20).map(|_| tokio::spawn(get(address, "/a")));
        for client in clients.collect::<Vec<_>>() {
            assert_eq!(client.await.expect("an answer").text(), "a");
        }
        node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
        assert_eq!(origin.count("/a"), 1 + expiries);
    }
}

#[tokio::test]
async fn after_its_window_a_stale_response_waits_for_the_origin() {
    let origin = Origin::start().await;
    let answer = |body| lasting(body, "max-age=60, stale-while-revalidate=30");
    origin.once("/a", answer("old")).on("/a", answer("new"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(seconds(90));
    let response = node.get("/a").await;
    assert_eq!((response.text(), response.header("cache-status")), ("new", Some("edge-1; fwd=stale; ttl=60; stored")));
}

#[tokio::test]
async fn must_revalidate_forbids_the_window() {
    for strict in ["must-revalidate", "proxy-revalidate", "s-maxage=60"] {
        let origin = Origin::start().await;
        let answer = |body| lasting(body, &format!("max-age=60, stale-while-revalidate=30, {strict}"));
        origin.once("/a", answer("old")).on("/a", answer("new"));
        let node = TestNode::before(&origin, "");
        node.get("/a").await;
        node.advance(seconds(60));
        assert_eq!(node.get("/a").await.text(), "new", "{strict}");
    }
}

#[tokio::test]
async fn a_client_that_limits_the_age_gets_no_stale_response() {
    for (wish, body) in [("max-age=600", "new"), ("max-age=600, max-stale=20", "old")] {
        let origin = Origin::start().await;
        let answer = |body| lasting(body, "max-age=60, stale-while-revalidate=30");
        origin.once("/a", answer("old")).on("/a", answer("new"));
        let node = TestNode::before(&origin, "");
        node.get("/a").await;
        node.advance(seconds(70));
        assert_eq!(node.get_with("/a", &[("Cache-Control", wish)]).await.text(), body, "{wish}");
    }
}

/// A node whose origin has answered `first` for `/a` once and answers `then` from now on.
async fn failing(first: Answer, then: Answer) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.once("/a", first).on("/a", then);
    let timeout = "first_byte_timeout = \"200ms\"\n[[route]]";
    let node = TestNode::start(&one_route(&origin).replace("[[route]]", timeout));
    node.get("/a").await;
    (origin, node)
}

#[tokio::test]
async fn a_stale_response_stands_in_for_an_origin_that_fails() {
    let failures = [Answer::status(500, "down"), Answer::status(503, "down"), Answer::hang_up(), Answer::never()];
    for failure in failures {
        let (origin, node) = failing(lasting("kept", "max-age=60, stale-if-error=30"), failure.clone()).await;
        node.advance(seconds(89));
        let stale = node.get("/a").await;
        assert_eq!((stale.status, stale.text(), stale.header("age")), (200, "kept", Some("89")), "{failure:?}");
        assert_eq!(
            stale.header("cache-status"),
            Some("edge-1; fwd=stale; ttl=-29; detail=stale_if_error"),
            "{failure:?}"
        );
        assert!(origin.count("/a") >= 2, "the origin was asked first");
        node.advance(seconds(1));
        assert!(node.get("/a").await.status >= 500, "the window is over: {failure:?}");
    }
}

#[tokio::test]
async fn a_stale_response_stands_in_for_an_origin_that_is_gone() {
    let (origin, node) = failing(lasting("kept", "max-age=60, stale-if-error=30"), Answer::ok("never")).await;
    drop(origin);
    node.advance(seconds(60));
    let stale = node.get("/a").await;
    assert_eq!((stale.status, stale.text()), (200, "kept"));
    node.advance(seconds(30));
    assert_eq!(node.get("/a").await.status, 502);
}

#[tokio::test]
async fn an_error_is_told_where_the_origin_forbids_to_hide_it() {
    let directives = [
        "max-age=60",
        "max-age=60, stale-if-error=30, must-revalidate",
        "max-age=60, stale-if-error=30, proxy-revalidate",
        "s-maxage=60, stale-if-error=30",
        "max-age=60, stale-if-error=0",
    ];
    for directives in directives {
        for (failure, status) in [(Answer::status(503, "down"), 503), (Answer::hang_up(), 502)] {
            let (_origin, node) = failing(lasting("kept", directives), failure).await;
            node.advance(seconds(61));
            assert_eq!(node.get("/a").await.status, status, "{directives}");
        }
    }
}

#[tokio::test]
async fn an_answer_below_500_is_no_error() {
    let (_origin, node) = failing(lasting("kept", "max-age=60, stale-if-error=30"), Answer::status(404, "gone")).await;
    node.advance(seconds(61));
    assert_eq!(node.get("/a").await.status, 404);
}

#[tokio::test]
async fn only_the_errors_of_rfc_5861_are_hidden() {
    for (status, hidden) in [(500, true), (502, true), (504, true), (501, false), (505, false), (429, false)] {
        let failure = Answer::status(status, "no");
        let (_origin, node) = failing(lasting("kept", "max-age=60, stale-if-error=30"), failure).await;
        node.advance(seconds(61));
        assert_eq!(node.get("/a").await.status, if hidden { 200 } else { status }, "{status}");
    }
}

/// A node whose route has these lines in its `cache` table, before an origin that has answered `first` once and answers
/// `then` from now on.
async fn ruled(rules: &str, first: Answer, then: Answer) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.once("/a", first).on("/a", then);
    let timeout = "first_byte_timeout = \"200ms\"\n[[route]]";
    let routed = one_route(&origin).replace("[[route]]", timeout);
    let node = TestNode::start(&format!("{routed}[route.cache]\n{rules}\n"));
    node.get("/a").await;
    (origin, node)
}

#[tokio::test]
async fn a_routes_windows_are_for_what_the_origin_leaves_open() {
    let rules = "stale_while_revalidate = \"30s\"\nstale_if_error = \"90s\"";
    let cases = [
        ("max-age=60", 89, "hit; ttl=-29; detail=stale_while_revalidate"),
        ("max-age=60", 90, "fwd=stale; ttl=-30; detail=stale_if_error"),
        ("max-age=60, stale-while-revalidate=5", 66, "fwd=stale; ttl=-6; detail=stale_if_error"),
        ("max-age=60, must-revalidate", 61, "fwd=stale"),
        ("s-maxage=60", 61, "fwd=stale"),
        ("max-age=60", 150, "fwd=stale"),
    ];
    for (directives, age, expected) in cases {
        let (_origin, node) = ruled(rules, lasting("kept", directives), Answer::status(503, "down")).await;
        node.advance(seconds(age));
        let response = node.get("/a").await;
        let told = response.header("cache-status").expect("the node says what it did");
        assert!(told.starts_with(&format!("edge-1; {expected}")), "{directives} at {age}: {told}");
    }
}

#[tokio::test]
async fn a_stale_response_stands_in_for_the_failures_that_its_route_names() {
    let failures = [
        ("connect", Answer::hang_up()),
        ("connect", Answer::raw("HTTP/1.1 2\r\n\r\n")),
        ("timeout", Answer::never()),
        ("5xx", Answer::status(503, "down")),
    ];
    for named in ["connect", "timeout", "5xx"] {
        for (kind, failure) in &failures {
            let rules = format!("stale_on = [\"{named}\"]");
            let (_origin, node) =
                ruled(&rules, lasting("kept", "max-age=60, stale-if-error=30"), failure.clone()).await;
            node.advance(seconds(61));
            // The second one meets an origin that is known to fail.
            for _ in 0..2 {
                let status = node.get("/a").await.status;
                assert_eq!(status == 200, named == *kind, "{named}: {failure:?} became {status}");
            }
        }
    }
}

#[tokio::test]
async fn who_waited_for_a_refresh_that_failed_and_wants_nothing_stale_gets_an_answer_of_its_own() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.once("/a", lasting("kept", "max-age=60, stale-while-revalidate=600"));
    origin.once("/a", Answer::status(503, "down").after(&gate)).on("/a", Answer::status(503, "for you"));
    let node = TestNode::before(&origin, "");
    node.get("/a").await;
    node.advance(seconds(70));
    node.get("/a").await;
    origin.requests_reach(2).await;
    let mut client = node.connect().await;
    client.send("GET /a HTTP/1.1\r\nHost: test.example\r\nCache-Control: max-age=0\r\n\r\n").await;
    node.metric_is("forebay_cache_collapsed_waiters", &[], 1.0).await;
    gate.open();
    let own = client.response().await;
    let status = "edge-1; fwd=stale; detail=error";
    assert_eq!((own.status, own.text(), own.header("cache-status")), (503, "for you", Some(status)));
}
