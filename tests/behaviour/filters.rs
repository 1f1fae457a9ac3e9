//! The three shipped filters as built modules, in a node: `scripts/test` runs these against `filters/dist` and against
//! modules it has just built.

use support::{Answer, Origin, TestNode, filter_module, one_route};

async fn origin() -> Origin {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a").header("Cache-Control", "max-age=60").header("Server", "secret/1.0"));
    origin
}

#[tokio::test]
async fn rewrite_changes_paths_and_headers_both_ways() {
    let origin = origin().await;
    let settings = "rules = [{ prefix = \"/old\", to = \"/new/\" }]\n\
                    request_headers = { set = { x-tier = \"edge\" }, remove = [\"cookie\"] }\n\
                    response_headers = { set = { x-edge = \"one\" }, remove = [\"server\"], add = { x-many = [\"1\", \"2\"] } }";
    let node = TestNode::through("rewrite", settings, &origin);
    let response = node.connect().await.request("GET", "/old/page?x=1", &[("Cookie", "a=b")], b"").await;
    let seen = &origin.seen()[0];
    assert_eq!(seen.target, "/new/page?x=1");
    assert_eq!((seen.header("x-tier"), seen.header("cookie")), (Some("edge"), None));
    assert_eq!((response.header("x-edge"), response.header("server")), (Some("one"), None));
    assert_eq!(response.headers("x-many"), ["1", "2"]);
    let hit = node.get("/new/page?x=1").await;
    assert_eq!((hit.header("cache-status"), hit.header("x-edge")), (Some("edge-1; hit; ttl=60"), Some("one")));
}

#[tokio::test]
async fn rewrite_redirects_without_asking_the_origin() {
    let origin = origin().await;
    let settings = "rules = [{ prefix = \"/old\", to = \"https://new.example/\", redirect = 308 }]";
    let node = TestNode::through("rewrite", settings, &origin);
    let response = node.get("/old/page").await;
    assert_eq!((response.status, response.header("location")), (308, Some("https://new.example/page")));
    assert_eq!(origin.seen().len(), 0);
    assert_eq!(node.get("/elsewhere").await.status, 200);
}

/// A node with two origins and a canary between them.
fn canary(percent: u8, stable: &Origin, next: &Origin) -> TestNode {
    let module = filter_module("canary");
    TestNode::start(&format!(
        "[origins.next]\nservers = [\"{}\"]\n[filters.one]\nmodule = {module:?}\n[filters.one.settings]\n\
         percent = {percent}\norigin = \"next\"\noverride_header = \"x-arm\"\n{}filters = [\"one\"]\n",
        next.url(),
        one_route(stable)
    ))
}

#[tokio::test]
async fn canary_sends_its_share_of_users_to_the_other_origin_and_keeps_them_there() {
    let (stable, next) = (origin().await, origin().await);
    next.otherwise(Answer::ok("next").header("Cache-Control", "max-age=60"));
    let node = canary(30, &stable, &next);
    let mut canaries = 0;
    for _ in 0..200 {
        let mut client = node.connect().await;
        let first = client.get("/page").await;
        let arm = first.header("x-forebay-canary").unwrap().to_owned();
        assert_eq!(first.text(), if arm == "canary" { "next" } else { "a" });
        canaries += usize::from(arm == "canary");
        let cookie = first.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let again = client.request("GET", "/page", &[("Cookie", &cookie)], b"").await;
        assert_eq!((again.header("x-forebay-canary"), again.header("set-cookie")), (Some(&*arm), None));
        assert_eq!(again.text(), first.text());
    }
    // 60 expected, standard deviation 6.5: outside once in ten million runs.
    assert!((25..=95).contains(&canaries), "{canaries}");
    assert_eq!((stable.count("/page"), next.count("/page")), (1, 1), "both arms are cached, apart from each other");
    node.metric_is("forebay_wasm_canary_requests_total", &[("filter", "one")], 400.0).await;
}

#[tokio::test]
async fn canary_can_be_forced_and_can_be_off() {
    let (stable, next) = (origin().await, origin().await);
    next.otherwise(Answer::ok("next"));
    let node = canary(0, &stable, &next);
    let forced = node.connect().await.request("GET", "/page", &[("X-Arm", "canary")], b"").await;
    assert_eq!(forced.text(), "next");
    let off = node.get("/page").await;
    assert_eq!((off.text(), off.header("set-cookie")), ("a", None));
}

#[tokio::test]
async fn guard_blocks_by_rule_and_counts_it() {
    let origin = origin().await;
    let settings = "rules = [\n\
                    { name = \"home\", action = \"allow\", clients = [\"10.0.0.0/8\"] },\n\
                    { name = \"admin\", action = \"block\", prefixes = [\"/admin\"], status = 404, body = \"no\" },\n\
                    { name = \"bots\", action = \"block\", user_agents = [\"badbot\"] },\n\
                    { name = \"writes\", action = \"block\", methods = [\"DELETE\"], clients = [\"127.0.0.0/8\"] }]";
    let node = TestNode::through("guard", settings, &origin);
    let mut client = node.connect().await;
    let blocked = client.get("/admin/users").await;
    assert_eq!((blocked.status, blocked.text()), (404, "no"));
    assert_eq!(client.get("/a/../%61dmin").await.status, 404, "in another spelling");
    assert_eq!(client.request("GET", "/", &[("User-Agent", "BadBot/2")], b"").await.status, 403);
    assert_eq!(client.request("DELETE", "/", &[], b"").await.status, 403);
    assert_eq!(origin.seen().len(), 0);
    assert_eq!(client.get("/").await.status, 200);
    node.metric_is("forebay_wasm_guard_blocked_total", &[("rule", "admin"), ("filter", "one")], 2.0).await;
    node.metric_is("forebay_wasm_guard_blocked_total", &[("rule", "bots")], 1.0).await;
}

#[tokio::test]
async fn guard_hardens_every_response_also_from_the_cache() {
    let origin = origin().await;
    let node = TestNode::through("guard", "hide = [\"server\"]", &origin);
    for _ in 0..2 {
        let response = node.get("/").await;
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.header("x-frame-options"), Some("SAMEORIGIN"));
        assert_eq!(response.header("server"), None);
    }
    assert_eq!(origin.seen().len(), 1);
}

#[tokio::test]
async fn responses_pass_the_chain_backward() {
    let origin = origin().await;
    let module = filter_module("rewrite");
    let filter = |name: &str| {
        format!(
            "[filters.{name}]\nmodule = {module:?}\n[filters.{name}.settings]\n\
             request_headers = {{ add = {{ x-way = [\"{name}\"] }} }}\n\
             response_headers = {{ add = {{ x-way = [\"{name}\"] }} }}\n"
        )
    };
    let node = TestNode::start(&format!(
        "{}{}{}filters = [\"first\", \"second\"]\n",
        filter("first"),
        filter("second"),
        one_route(&origin)
    ));
    let response = node.get("/").await;
    assert_eq!(origin.seen()[0].head.headers("x-way"), ["first", "second"]);
    assert_eq!(response.headers("x-way"), ["second", "first"]);
}

#[tokio::test]
async fn the_time_spent_in_filters_is_measured() {
    let origin = origin().await;
    let node = TestNode::through("guard", "", &origin);
    node.get("/").await;
    let count = "forebay_filter_duration_seconds_count";
    node.metric_is(count, &[("filter", "one"), ("callback", "request_headers")], 1.0).await;
    node.metric_is(count, &[("filter", "one"), ("callback", "response_headers")], 1.0).await;
    assert!(!node.logged("/").await.contains("filter_us=0.0 "));
}

#[tokio::test]
async fn settings_that_a_filter_refuses_keep_the_node_from_starting() {
    let origin = origin().await;
    let module = filter_module("guard");
    let config = format!(
        "[filters.one]\nmodule = {module:?}\nsettings = {{ rulez = [] }}\n{}filters = [\"one\"]\n",
        one_route(&origin)
    );
    let error = TestNode::try_start(&config).map(drop).unwrap_err().to_string();
    assert!(error.contains("filter one") && error.contains("refused its settings"), "{error}");
    assert!(error.contains("answered false: ") && error.contains("rulez"), "in the filter's own words: {error}");
}
