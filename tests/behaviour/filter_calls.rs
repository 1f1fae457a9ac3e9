//! Filters that ask other origins about a request: the answer decides it, and its failure is the filter's to handle.

use std::fs;

use support::{Answer, Gate, Origin, Relay, Seen, TestNode};
use tempfile::TempDir;

/// `$ask` calls `/auth` of the origin `helper`.
const IMPORTS: &str = r#"
(import "env" "proxy_http_call" (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
(import "env" "proxy_done" (func $done (result i32)))
(import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_status" (func $status (param i32 i32 i32) (result i32)))
(import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(memory (export "memory") 4)
(global $stream (mut i32) (i32.const 0))
(global $free (mut i32) (i32.const 65536))
(data (i32.const 64) "helper") (data (i32.const 80) "x-user") (data (i32.const 96) "x-answer") (data (i32.const 112) ":path")
(func (export "proxy_abi_version_0_2_1"))
(func (export "malloc") (param $size i32) (result i32)
  (global.get $free) (global.set $free (i32.add (global.get $free) (local.get $size))))
(func $ask (param $timeout i32) (drop (call $http_call (i32.const 64) (i32.const 6) (i32.const 256) (i32.const HEADERS)
  (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (local.get $timeout) (i32.const 24))))
"#;

const ASK: &str = "(global.set $stream (local.get 0)) (call $ask (i32.const 0)) (return (i32.const 1))";
/// Refuses where the answer is no 200, tells why where there is none, and else passes the answer's body on as `x-user`.
const DECIDE: &str = r#"
(drop (call $effective (global.get $stream)))
(if (i32.eqz (local.get $headers)) (then
  (drop (call $status (i32.const 8) (i32.const 0) (i32.const 4)))
  (drop (call $reply (i32.const 503) (i32.const 0) (i32.const 0) (i32.load (i32.const 0)) (i32.load (i32.const 4))
    (i32.const 0) (i32.const 0) (i32.const -1)))
  (return)))
(drop (call $buffer (i32.const 4) (i32.const 0) (i32.const 1000) (i32.const 0) (i32.const 4)))
(if (i32.eqz (local.get $size)) (then
  (drop (call $reply (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const -1)))
  (return)))
(drop (call $add (i32.const MAP) (i32.const 80) (i32.const 6) (i32.load (i32.const 0)) (i32.load (i32.const 4))))
(drop (call $continue (i32.const 0)))
"#;

/// A guest with these callbacks.
fn guest(on_request: &str, on_answer: &str, more: &str) -> Vec<u8> {
    let pairs = [(":method", "GET"), (":path", "/auth"), (":authority", "helper.example")];
    let mut headers = u32::try_from(pairs.len()).expect("a few").to_le_bytes().to_vec();
    for (name, value) in pairs {
        for text in [name, value] {
            headers.extend(u32::try_from(text.len()).expect("short").to_le_bytes());
        }
    }
    for (name, value) in pairs {
        headers.extend([name.as_bytes(), &[0], value.as_bytes(), &[0]].concat());
    }
    let escaped: String = headers.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let imports = IMPORTS.replace("HEADERS", &headers.len().to_string());
    let text = format!(
        "(module {imports} (data (i32.const 256) \"{escaped}\")
           (func (export \"proxy_on_request_headers\") (param i32 i32 i32) (result i32) {on_request} (i32.const 0))
           (func (export \"proxy_on_http_call_response\")
             (param i32) (param i32) (param $headers i32) (param $size i32) (param i32) {on_answer}) {more})"
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn deciding() -> Vec<u8> {
    guest(ASK, &DECIDE.replace("MAP", "0"), "")
}

/// A node whose route passes the filter, its origin, and the one that the filter calls.
struct Setting {
    node: TestNode,
    site: Origin,
    helper: Origin,
    _folder: TempDir,
}

async fn through(module: &[u8], limits: &str) -> Setting {
    let (site, helper) = (Origin::start().await, Origin::start().await);
    let helper_url = helper.url();
    with_helper(module, limits, (site, helper), &helper_url)
}

fn with_helper(module: &[u8], limits: &str, (site, helper): (Origin, Origin), helper_url: &str) -> Setting {
    let folder = TempDir::new().expect("a folder can be made");
    let path = folder.path().join("guest.wasm");
    fs::write(&path, module).expect("a file can be written");
    let node = TestNode::start(&format!(
        "[origins.site]\nservers = [\"{}\"]\n[origins.helper]\nservers = [\"{helper_url}\"]\n\
         [filter_limits]\n{limits}\n[filters.ask]\nmodule = {path:?}\n\
         [[route]]\nname = \"all\"\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\nfilters = [\"ask\"]\n",
        site.url()
    ));
    Setting { node, site, helper, _folder: folder }
}

fn user(seen: &Seen) -> Option<&str> {
    seen.header("x-user")
}

#[tokio::test]
async fn an_answer_decides_a_request() {
    let Setting { node, site, helper, _folder } = through(&deciding(), "").await;
    site.otherwise(Answer::ok("page"));
    helper.once("/auth", Answer::ok("ada")).once("/auth", Answer::ok(""));
    assert_eq!(node.get("/a").await.text(), "page");
    assert_eq!(user(&site.seen()[0]), Some("ada"));
    let call = &helper.seen()[0];
    assert_eq!((call.method.as_str(), call.header("host")), ("GET", Some("helper.example")));
    assert!(call.header("via").is_some() && call.header("cdn-loop").is_some());
    let refused = node.get("/b").await;
    assert_eq!((refused.status, site.seen().len()), (403, 1));
}

#[tokio::test]
async fn a_hit_waits_for_the_answer_too() {
    let Setting { node, site, helper, _folder } = through(&deciding(), "").await;
    site.otherwise(Answer::ok("page").header("Cache-Control", "max-age=60"));
    helper.once("/auth", Answer::ok("ada")).once("/auth", Answer::ok("")).on("/auth", Answer::ok("ada"));
    assert_eq!(node.get("/a").await.status, 200);
    assert_eq!(node.get("/a").await.status, 403);
    assert_eq!(node.get("/a").await.header("cache-status"), Some("edge-1; hit; ttl=60"));
    assert_eq!((site.seen().len(), helper.count("/auth")), (1, 3));
}

#[tokio::test]
async fn filters_hear_that_an_origin_does_not_answer() {
    let origins = (Origin::start().await, Origin::start().await);
    // A relay that leads nowhere closes every connection.
    let nowhere = Relay::start().await;
    let refused = with_helper(&deciding(), "", origins, &nowhere.url()).node.get("/a").await;
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("closed before a response"), "{}", refused.text());
    let slow = through(&deciding(), "call_timeout_max = \"50ms\"").await;
    slow.helper.otherwise(Answer::never());
    let late = slow.node.get("/a").await;
    assert_eq!((late.status, late.text()), (503, "no answer in time"));
    let narrow = through(&deciding(), "body_buffer = \"1KiB\"").await;
    narrow.helper.otherwise(Answer::ok(vec![b'x'; 2000]));
    assert_eq!(narrow.node.get("/a").await.text(), "the answer is larger than a filter may be shown");
}

#[tokio::test]
async fn a_filter_that_waits_too_long_fails_its_request() {
    let Setting { node, helper, _folder, .. } = through(&deciding(), "pause_max = \"50ms\"").await;
    helper.otherwise(Answer::never());
    let failed = node.get("/a").await;
    assert_eq!(failed.status, 500);
    let status = failed.header("proxy-status").expect("it says why");
    assert!(status.contains("never resumed"), "{status}");
    node.metric_is("forebay_filter_failures_total", &[("filter", "ask"), ("kind", "never_resumed")], 1.0).await;
}

#[tokio::test]
async fn requests_that_wait_get_their_own_answers() {
    let Setting { node, site, helper, _folder } = through(&deciding(), "").await;
    let gate = Gate::closed();
    site.replying(|seen| Answer::ok(seen.header("x-user").unwrap_or_default()));
    helper.once("/auth", Answer::ok("first").after(&gate)).once("/auth", Answer::ok("second"));
    let (mut slow, mut fast) = (node.connect().await, node.connect().await);
    slow.send("GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    helper.requests_reach(1).await;
    assert_eq!(fast.get("/fast").await.text(), "second");
    gate.open();
    assert_eq!(slow.response().await.text(), "first");
}

#[tokio::test]
async fn a_client_that_goes_while_its_filter_waits_leaves_nothing() {
    let Setting { node, site, helper, _folder } = through(&deciding(), "").await;
    let gate = Gate::closed();
    site.otherwise(Answer::ok("page"));
    helper.once("/auth", Answer::ok("gone").after(&gate)).on("/auth", Answer::ok("ada"));
    let mut client = node.connect().await;
    client.send("GET /gone HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    helper.requests_reach(1).await;
    drop(client);
    assert_eq!(node.get("/a").await.text(), "page");
    gate.open();
    assert_eq!(node.get("/b").await.text(), "page");
    assert!(site.seen().iter().all(|seen| user(seen) == Some("ada")));
    assert_eq!(site.count("/gone"), 0);
    node.metric_is("forebay_filter_instances_total", &[("filter", "ask"), ("cause", "failed")], 0.0).await;
}

#[tokio::test]
async fn a_filter_tells_of_an_exchange_after_its_end() {
    let log = "(func (export \"proxy_on_log\") (param i32) (call $ask (i32.const 0)))";
    let Setting { node, site, helper, _folder } = through(&guest("", "", log), "").await;
    site.otherwise(Answer::ok("page"));
    helper.otherwise(Answer::ok("noted"));
    assert_eq!(node.get("/a").await.text(), "page");
    helper.requests_reach(1).await;
    assert_eq!(helper.count("/auth"), 1);
}

#[tokio::test]
async fn a_filter_tells_of_a_request_whose_client_has_left_before_the_response() {
    // It can still read the path.
    let read = "(call $value (i32.const 0) (i32.const 112) (i32.const 5) (i32.const 0) (i32.const 4))";
    let log =
        format!("(func (export \"proxy_on_log\") (param i32) (if (i32.eqz {read}) (then (call $ask (i32.const 0)))))");
    let Setting { node, site, helper, _folder } = through(&guest("", "", &log), "").await;
    let gate = Gate::closed();
    site.otherwise(Answer::ok("page").after(&gate));
    helper.otherwise(Answer::ok("noted"));
    let mut client = node.connect().await;
    client.send("GET /gone HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    site.requests_reach(1).await;
    drop(client);
    helper.requests_reach(1).await;
    gate.open();
}

#[tokio::test]
async fn a_filter_that_calls_its_own_node_ends_there() {
    let relay = Relay::start().await;
    let origins = (Origin::start().await, Origin::start().await);
    let Setting { node, site, _folder, .. } = with_helper(&deciding(), "", origins, &relay.url());
    relay.lead_to(node.address());
    // The request of the call is answered by the filter too: its own call has passed this node before.
    site.otherwise(Answer::ok("page"));
    assert_eq!(node.get("/a").await.text(), "page");
    assert_eq!(user(&site.seen()[0]), Some("the request has passed this node before"));
}
