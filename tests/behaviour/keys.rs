//! What tells stored responses apart, as a route's `[route.cache.key]` says, and that all of them go when their URL changes.

use support::{Answer, Gate, Origin, Response, TestNode, filter_module};

fn fresh(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60")
}

/// A node whose only route has these lines below `[route.cache.key]`; the origin answers everything alike.
async fn keyed(lines: &str) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    origin.otherwise(fresh("any"));
    let node = TestNode::before(&origin, &format!("[route.cache.key]\n{lines}\n"));
    (origin, node)
}

fn hit(response: &Response) -> bool {
    response.header("cache-status").is_some_and(|status| status.contains("; hit"))
}

/// Do these two targets share a stored response?
async fn shared(lines: &str, one: &str, other: &str) -> bool {
    let (_origin, node) = keyed(lines).await;
    assert!(!hit(&node.get(one).await));
    hit(&node.get(other).await)
}

#[tokio::test]
async fn by_default_only_the_case_of_escapes_is_of_no_account() {
    let different = [
        ("/x", "/x?"),
        ("/x?a=1&b=2", "/x?b=2&a=1"),
        ("/x?a=1", "/x?a=1&"),
        ("/x?a=%7E", "/x?a=~"),
        ("/x?utm_source=a", "/x"),
        ("/x", "/X"),
        ("/x%2F", "/x/"),
    ];
    for (one, other) in different {
        assert!(!shared("", one, other).await, "{one} and {other}");
    }
    assert!(shared("", "/x%2f?a=%c3", "/x%2F?a=%C3").await);
    assert!(shared("", "/%7Ex", "/~x").await);
}

#[tokio::test]
async fn parameters_are_sorted_dropped_and_kept_as_the_route_says() {
    let cases = [
        ("sort_query = true", "/x?b=2&a=1", "/x?a=1&b=2", true),
        ("sort_query = true", "/x?a=1&a=2", "/x?a=2&a=1", false),
        ("drop_query = [\"utm_*\", \"gclid\"]", "/x?utm_source=a&id=1&gclid=z", "/x?id=1", true),
        ("drop_query = [\"utm_*\", \"gclid\"]", "/x?utm_source=a", "/x", true),
        ("drop_query = [\"utm_*\", \"gclid\"]", "/x?id=1", "/x?id=2", false),
        ("drop_query = [\"utm_*\", \"gclid\"]", "/x?utm_a=1;id=1", "/x?utm_a=1;id=2", false),
        ("keep_query = [\"id\", \"page*\"]", "/x?id=1&page_size=2&z=3", "/x?id=1&page_size=2&y", true),
        ("keep_query = [\"id\"]", "/x?%69d=1", "/x?%69d=2", false),
        ("keep_query = []", "/x?id=1", "/x", true),
        ("keep_query = []", "/x?id=1;b", "/y", false),
    ];
    for (lines, one, other, expected) in cases {
        assert_eq!(shared(lines, one, other).await, expected, "{lines}: {one} and {other}");
    }
}

#[tokio::test]
async fn the_origin_gets_what_the_client_asked_for() {
    let (origin, node) = keyed("sort_query = true\ndrop_query = [\"utm_*\"]").await;
    node.get("/x?utm_source=a&c=%2f&b").await;
    assert_eq!(origin.seen()[0].target, "/x?utm_source=a&c=%2f&b");
}

#[tokio::test]
async fn header_fields_and_cookies_tell_responses_apart() {
    let (origin, node) = keyed("headers = [\"X-Device\"]\ncookies = [\"tier\"]").await;
    let cases: [&[(&str, &str)]; 8] = [
        &[],
        &[("x-device", "")],
        &[("x-device", "phone")],
        &[("x-device", "Phone")],
        &[("x-device", "phone cookie.tier=gold")],
        &[("x-device", "phone"), ("cookie", "tier=gold")],
        &[("cookie", "tier=gold")],
        &[("cookie", "tier=gold; tier=silver")],
    ];
    for fields in cases {
        assert!(!hit(&node.get_with("/x", fields).await), "{fields:?}");
    }
    for fields in cases {
        assert!(hit(&node.get_with("/x", fields).await), "{fields:?}");
    }
    let same = [("cookie", "session=1; tier=gold; theme=2"), ("x-other", "1")];
    assert!(hit(&node.get_with("/x", &same).await));
    assert_eq!(origin.count("/x"), cases.len());
}

#[tokio::test]
async fn an_unsafe_request_gives_up_every_key_of_its_url_and_of_no_other() {
    let rules = "headers = [\"x-device\"]\ncookies = [\"tier\"]\ndrop_query = [\"utm_*\"]";
    let (origin, node) = keyed(rules).await;
    let clients: [&[(&str, &str)]; 4] =
        [&[], &[("x-device", "phone")], &[("x-device", "tablet")], &[("cookie", "tier=gold")]];
    for _ in 0..2 {
        for fields in clients {
            assert!(!hit(&node.get_with("/x?id=1", fields).await), "{fields:?}");
            assert!(hit(&node.get_with("/x?id=1", fields).await), "{fields:?}");
            node.get_with("/x?id=2", fields).await;
        }
        let posted = node.connect().await.request("POST", "/x?utm_a=1&id=1", &[("x-device", "desk")], b"x").await;
        assert_eq!(posted.status, 200);
    }
    assert_eq!(origin.count("/x?id=2"), clients.len());
}

#[tokio::test]
async fn what_an_answer_names_is_given_up_under_its_own_routes_rules() {
    let origin = Origin::start().await;
    origin.on("/a/x?utm=1", fresh("any")).on("/post", Answer::status(201, "").header("Location", "/a/x?utm=2"));
    let other = "[[route]]\npath = \"/a\"\norigin = \"site\"\n[route.cache.key]\ndrop_query = [\"utm\"]\n";
    let node = TestNode::before(&origin, other);
    node.get("/a/x?utm=1").await;
    node.connect().await.request("POST", "/post", &[], b"x").await;
    assert!(!hit(&node.get("/a/x?utm=1").await));
}

#[tokio::test]
async fn what_was_being_fetched_under_any_key_during_a_change_is_not_stored() {
    let (origin, node) = keyed("headers = [\"x-device\"]").await;
    let gate = Gate::closed();
    origin.once("/x", fresh("old").finishing_after(&gate)).once("/x", Answer::ok("changed")).on("/x", fresh("new"));
    let mut early = node.connect().await;
    early.send("GET /x HTTP/1.1\r\nHost: test.example\r\nX-Device: phone\r\n\r\n").await;
    origin.requests_reach(1).await;
    node.connect().await.request("POST", "/x", &[], b"x").await;
    gate.open();
    assert_eq!(early.response().await.text(), "old", "it asked before the change");
    node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
    assert_eq!(node.get_with("/x", &[("x-device", "phone")]).await.text(), "new");
}

#[tokio::test]
async fn a_change_through_one_origin_gives_up_what_a_filter_had_from_another() {
    let (site, next) = (Origin::start().await, Origin::start().await);
    site.otherwise(fresh("site"));
    next.otherwise(fresh("next"));
    let config = format!(
        "[origins.site]\nservers = [\"{}\"]\n[origins.next]\nservers = [\"{}\"]\n\
         [filters.canary]\nmodule = {:?}\n[filters.canary.settings]\npercent = 0\norigin = \"next\"\n\
         override_header = \"x-edition\"\n[[route]]\norigin = \"site\"\nfilters = [\"canary\"]\n",
        site.url(),
        next.url(),
        filter_module("canary"),
    );
    let node = TestNode::start(&config);
    let canary = [("x-edition", "canary")];
    for _ in 0..2 {
        assert_eq!(node.get_with("/x", &canary).await.text(), "next");
        assert!(hit(&node.get_with("/x", &canary).await));
        node.connect().await.request("POST", "/x", &[], b"x").await;
    }
    assert!(!hit(&node.get_with("/x", &canary).await));
}
