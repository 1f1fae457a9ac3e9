//! Reloads: filters and routes are renewed under way, what cannot be renewed is named, and nobody's request is lost.

use std::fs;

use support::{Answer, Gate, Origin, RawClient, TestNode, filter_module, get, one_route};

/// A route through `rewrite`, which marks requests and responses with `mark`.
fn marking(origin: &Origin, mark: &str) -> String {
    let module = filter_module("rewrite");
    format!(
        "[filters.one]\nmodule = {module:?}\n[filters.one.settings]\n\
         response_headers = {{ set = {{ x-mark = \"{mark}\" }} }}\n{}filters = [\"one\"]\n",
        one_route(origin)
    )
}

async fn mark(node: &TestNode) -> Option<String> {
    node.get("/").await.header("x-mark").map(str::to_owned)
}

#[tokio::test]
async fn new_settings_are_met_by_the_next_request_and_not_by_one_under_way() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.on("/slow", Answer::ok("slow").after(&gate));
    origin.otherwise(Answer::ok("a"));
    let node = TestNode::start(&marking(&origin, "old"));
    assert_eq!(mark(&node).await.as_deref(), Some("old"));
    let address = node.address();
    let slow = tokio::spawn(async move { get(address, "/slow").await });
    origin.requests_reach(2).await;
    node.configure(&marking(&origin, "new"));
    let told = node.reload().await;
    assert_eq!(told.status, 200);
    assert!(told.text().contains("\"whole\":true") && told.text().contains("\"result\":\"loaded\""), "{}", told.text());
    assert_eq!(mark(&node).await.as_deref(), Some("new"));
    gate.open();
    assert_eq!(slow.await.unwrap().header("x-mark"), Some("old"), "it ends on the version it began with");
    let again = node.reload().await;
    assert!(again.text().contains("\"result\":\"unchanged\""), "{}", again.text());
    node.metric_is("forebay_filter_reloads_total", &[("filter", "one"), ("result", "unchanged")], 1.0).await;
}

#[tokio::test]
async fn a_broken_module_keeps_its_old_version_while_a_new_route_comes() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a"));
    let module = |node: &TestNode| node.folder().join("one.wasm");
    let node = TestNode::start(&marking(&origin, "old"));
    fs::write(module(&node), b"no module").unwrap();
    let path = format!("{:?}", filter_module("rewrite"));
    let broken = marking(&origin, "new").replace(&path, "\"one.wasm\"");
    node.configure(&format!("{broken}[[route]]\nname = \"bare\"\npath = \"/bare\"\norigin = \"site\"\n"));
    let told = node.reload().await;
    assert_eq!(told.status, 200);
    for part in ["\"whole\":false", "\"result\":\"kept\"", "is not a WebAssembly module"] {
        assert!(told.text().contains(part), "{part} is not in {}", told.text());
    }
    assert_eq!(mark(&node).await.as_deref(), Some("old"));
    assert_eq!(node.get("/bare").await.header("x-mark"), None, "the new route is there");
}

#[tokio::test]
async fn a_missing_module_keeps_its_old_version_and_blocks_nothing_else() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a"));
    let node = TestNode::start(&marking(&origin, "old"));
    let path = format!("{:?}", filter_module("rewrite"));
    let missing = marking(&origin, "new").replace(&path, "\"gone.wasm\"");
    let bare =
        "[filters.two]\nmodule = \"nowhere.wasm\"\n[[route]]\nname = \"bare\"\npath = \"/bare\"\norigin = \"site\"\n";
    node.configure(&format!("{missing}{bare}"));
    let told = node.reload().await;
    assert_eq!(told.status, 200, "{}", told.text());
    for part in ["\"whole\":false", "\"result\":\"kept\"", "gone.wasm cannot be read", "\"result\":\"failed\""] {
        assert!(told.text().contains(part), "{part} is not in {}", told.text());
    }
    node.metric_is("forebay_filter_reloads_total", &[("filter", "one"), ("result", "kept")], 1.0).await;
    assert_eq!(mark(&node).await.as_deref(), Some("old"));
    assert_eq!(node.get("/bare").await.header("x-mark"), None, "the new route is there");
}

#[tokio::test]
async fn a_file_with_faults_changes_nothing_and_says_where_they_are() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a"));
    let node = TestNode::start(&marking(&origin, "old"));
    let none = node.reload().await;
    assert_eq!(none.status, 422);
    assert!(none.text().contains("without a file"), "{}", none.text());
    node.configure(&marking(&origin, "new").replace("filters = [\"one\"]", "filters = [\"two\"]"));
    let told = node.reload().await;
    assert_eq!(told.status, 422);
    assert!(told.text().contains("route[0].filters[0]"), "{}", told.text());
    assert_eq!(mark(&node).await.as_deref(), Some("old"));
}

#[tokio::test]
async fn what_takes_a_new_start_is_named_and_left() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a"));
    let node = TestNode::start(&marking(&origin, "old"));
    let other = "[origins.other]\nservers = [\"http://127.0.0.1:1\"]\n[cache]\nmemory = \"1MiB\"\n";
    let route = "[[route]]\nname = \"to-other\"\npath = \"/other\"\norigin = \"other\"\n";
    node.configure(&format!("{other}{}{route}", marking(&origin, "new")));
    let told = node.reload().await;
    assert!(told.text().contains("\"needs_restart\":[\"cache\",\"origins\"]"), "{}", told.text());
    assert!(told.text().contains("to-other"), "{}", told.text());
    assert_eq!(mark(&node).await.as_deref(), Some("new"), "the rest is in force");
}

#[tokio::test]
async fn operators_see_the_versions_and_others_do_not() {
    let origin = Origin::start().await;
    let admin = "[admin]\naddress = \"127.0.0.1:0\"\ntoken = \"secret\"\n";
    let node = TestNode::start(&format!("{admin}{}", marking(&origin, "old")));
    assert_eq!(node.reload().await.status, 401);
    let mut client = RawClient::connect(node.admin()).await;
    assert_eq!(client.get("/v1/filters").await.status, 401);
    let allowed = [("Authorization", "Bearer secret")];
    let told = client.request("GET", "/v1/filters", &allowed, b"").await;
    assert!(
        told.text().contains("\"name\":\"one\"") && told.text().contains("\"state\":\"running\""),
        "{}",
        told.text()
    );
    let page = [allowed[0], ("Origin", "http://evil.example")];
    assert_eq!(client.request("POST", "/v1/reload", &page, b"").await.status, 403);
}

#[tokio::test]
async fn a_route_enters_its_filters_by_path_and_method_and_with_its_own_settings() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a"));
    let own = "filters = [{ name = \"one\", path = \"/in\", methods = [\"GET\"], \
               settings = { response_headers = { set = { x-mark = \"route\" } } } }]";
    let node = TestNode::start(&marking(&origin, "filter").replace("filters = [\"one\"]", own));
    let mut client = node.connect().await;
    for (method, path, expected) in [
        ("GET", "/in/x", Some("route")),
        ("GET", "/%69n/x", Some("route")),
        ("GET", "/inner", None),
        ("POST", "/in/x", None),
    ] {
        let response = client.request(method, path, &[], b"").await;
        assert_eq!(response.header("x-mark"), expected, "{method} {path}");
    }
}
