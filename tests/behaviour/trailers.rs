//! Trailers on their way through the node: announced, passed on to who keeps them, and changed by filters, both ways.

use support::{Answer, Origin, Response, TestNode};
use tempfile::TempDir;

/// Announces `x-edge`; at the trailers replaces `x-sum`, adds `x-edge` and takes `x-gone` out; counts the exchanges that
/// end with log and done behind both trailers.
const GUEST: &str = r#"(module
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
(import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
(memory (export "memory") 2)
(data (i32.const 64) "trailer") (data (i32.const 80) "x-edge") (data (i32.const 96) "x-sum")
(data (i32.const 112) "x-gone") (data (i32.const 128) "changed") (data (i32.const 144) "tail_ends")
(func (export "proxy_abi_version_0_2_1"))
(func (export "malloc") (param i32) (result i32) (i32.const 65536))
(global $steps (mut i32) (i32.const 0))
(func $step (global.set $steps (i32.add (global.get $steps) (i32.const 1))))
(func $announce (param $map i32)
  (drop (call $add (local.get $map) (i32.const 64) (i32.const 7) (i32.const 80) (i32.const 6))))
(func $change (param $map i32)
  (call $step)
  (drop (call $replace (local.get $map) (i32.const 96) (i32.const 5) (i32.const 128) (i32.const 7)))
  (drop (call $add (local.get $map) (i32.const 80) (i32.const 6) (i32.const 128) (i32.const 7)))
  (drop (call $remove (local.get $map) (i32.const 112) (i32.const 6))))
(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $announce (i32.const 0)) (i32.const 0))
(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (call $announce (i32.const 2)) (i32.const 0))
(func (export "proxy_on_request_trailers") (param i32 i32) (result i32) (call $change (i32.const 1)) (i32.const 0))
(func (export "proxy_on_response_trailers") (param i32 i32) (result i32) (call $change (i32.const 3)) (i32.const 0))
(func (export "proxy_on_log") (param i32) (call $step))
(func (export "proxy_on_done") (param i32) (result i32)
  (if (i32.eq (global.get $steps) (i32.const 3)) (then
    (drop (call $define (i32.const 0) (i32.const 144) (i32.const 9) (i32.const 0)))
    (drop (call $increment (i32.load (i32.const 0)) (i64.const 1)))))
  (i32.const 1)))"#;

const CHUNKED: &str = "POST /form HTTP/1.1\r\nHost: test.example\r\nTE: gzip, trailers\r\nConnection: TE\r\n\
    Transfer-Encoding: chunked\r\nTrailer: X-Sum, x-gone, content-length\r\n\r\n\
    3\r\nabc\r\n0\r\nX-Sum: one\r\nx-gone: g\r\nx-unsaid: u\r\nContent-Length: 9\r\n\r\n";

/// A response with trailers, not all of which may go on.
fn answer() -> Answer {
    let answer = Answer::chunked(&["abc"]).header("Trailer", "X-Sum, x-gone, upgrade");
    answer.trailer("X-Sum", "one").trailer("x-gone", "g").trailer("Upgrade", "h2c").trailer("x-unsaid", "u")
}

struct Setting {
    node: TestNode,
    origin: Origin,
    _folder: TempDir,
}

/// A node with one route, through this guest.
async fn through(guest: Option<&str>, route: &str) -> Setting {
    let (folder, origin) = (TempDir::new().expect("a folder can be made"), Origin::start().await);
    let mut config = format!("[origins.site]\nservers = [\"{}\"]\n", origin.url());
    if let Some(guest) = guest {
        let module = folder.path().join("guest.wasm");
        std::fs::write(&module, wat::parse_str(guest).expect("the guest is well formed"))
            .expect("a file can be written");
        config += &format!("[filters.tail]\nmodule = {module:?}\n");
    }
    let chain = guest.map_or("", |_| "\"tail\"");
    config += &format!(
        "[[route]]\nname = \"all\"\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\nfilters = [{chain}]\n{route}\n"
    );
    Setting { node: TestNode::start(&config), origin, _folder: folder }
}

async fn ask(node: &TestNode, request: &str) -> Response {
    let mut client = node.connect().await;
    client.send(request).await;
    client.response().await
}

/// As text, one a line.
fn lines(trailers: &[(String, String)]) -> String {
    let mut lines: Vec<String> = trailers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    lines.sort();
    lines.join("\n")
}

#[tokio::test]
async fn trailers_go_on_to_an_origin_and_to_a_client_that_keeps_them() {
    let Setting { node, origin, _folder } = through(None, "").await;
    origin.otherwise(answer());
    let mut client = node.connect().await;
    for (number, method) in ["POST", "PUT"].into_iter().enumerate() {
        client.send(CHUNKED.replace("POST", method)).await;
        let response = client.response().await;
        assert_eq!((response.text(), response.header("trailer")), ("abc", Some("x-sum, x-gone")));
        assert_eq!(lines(&response.trailers), "x-gone: g\nx-sum: one");
        let seen = &origin.seen()[number];
        let said = ["te", "connection", "trailer"].map(|name| seen.header(name));
        assert_eq!(said, [Some("trailers"), Some("te"), Some("x-sum, x-gone")]);
        assert_eq!((&seen.body[..], lines(&seen.trailers).as_str()), (&b"abc"[..], "x-gone: g\nx-sum: one"));
    }
    assert!(node.logged("PUT /form").await.contains("ending=whole"));
}

#[tokio::test]
async fn a_client_that_does_not_keep_trailers_gets_none() {
    let Setting { node, origin, _folder } = through(None, "").await;
    origin.otherwise(answer());
    let response = ask(&node, &CHUNKED.replace("TE: gzip, trailers", "TE: gzip")).await;
    assert_eq!((response.text(), response.header("trailer"), lines(&response.trailers).as_str()), ("abc", None, ""));
    assert_eq!(origin.seen()[0].header("te"), None);
    assert!(node.logged("POST /form").await.contains("ending=whole"));
    // What must not come behind a body is not announced, nor is anything where the length is known.
    origin.otherwise(Answer::ok("abc").header("Trailer", "x-sum"));
    let response = ask(&node, &CHUNKED.replace("X-Sum, x-gone", "host, connection")).await;
    assert_eq!((response.text(), response.header("trailer")), ("abc", None));
    assert_eq!((origin.seen()[1].header("trailer"), lines(&origin.seen()[1].trailers).as_str()), (None, ""));
}

#[tokio::test]
async fn trailers_are_not_stored() {
    let Setting { node, origin, _folder } = through(None, "").await;
    origin.on("/kept", answer().header("Cache-Control", "max-age=60"));
    origin.on("/own", answer().header("Cache-Control", "no-store"));
    for (path, trailers) in
        [("/kept", ""), ("/kept", ""), ("/own", "x-gone: g\nx-sum: one"), ("/own", "x-gone: g\nx-sum: one")]
    {
        let get = format!("GET {path} HTTP/1.1\r\nHost: test.example\r\nTE: trailers\r\n\r\n");
        let response = ask(&node, &get).await;
        assert_eq!((response.text(), lines(&response.trailers).as_str()), ("abc", trailers), "{path}");
        assert_eq!(response.header("trailer").is_some(), !trailers.is_empty(), "{path}");
    }
    assert_eq!((origin.count("/kept"), origin.count("/own")), (1, 2));
    assert_eq!(origin.connections(), 1, "a connection is kept behind trailers");
}

#[tokio::test]
async fn filters_change_trailers_both_ways_before_their_end() {
    let Setting { node, origin, _folder } = through(Some(GUEST), "").await;
    origin.otherwise(answer());
    let response = ask(&node, CHUNKED).await;
    let changed = "x-edge: changed\nx-sum: changed";
    assert_eq!((response.text(), lines(&response.trailers).as_str()), ("abc", changed));
    assert_eq!(response.header("trailer"), Some("x-sum, x-gone, x-edge"));
    let seen = &origin.seen()[0];
    assert_eq!((&seen.body[..], lines(&seen.trailers).as_str()), (&b"abc"[..], changed));
    node.metric_is("forebay_wasm_tail_ends_total", &[], 1.0).await;
    for callback in ["request_trailers", "response_trailers"] {
        let labels = [("filter", "tail"), ("callback", callback)];
        node.metric_is("forebay_filter_duration_seconds_count", &labels, 1.0).await;
    }
}

#[tokio::test]
async fn too_many_trailers_of_a_client_never_reach_the_origin() {
    let Setting { node, origin, _folder } = through(Some(GUEST), "").await;
    origin.otherwise(Answer::ok("seen"));
    let many: String = (0..2000).map(|number| format!("x-{number}: 1\r\n")).collect();
    let request = CHUNKED.replace("x-unsaid: u\r\n", &many);
    let mut client = node.connect().await;
    client.send(request).await;
    let answer = client.some().await;
    let refused = answer.is_empty() || answer.starts_with(b"HTTP/1.1 4") || answer.starts_with(b"HTTP/1.1 502");
    assert!(refused, "{:?}", String::from_utf8_lossy(&answer));
    assert!(origin.seen().is_empty(), "a request without its end is none");
}
