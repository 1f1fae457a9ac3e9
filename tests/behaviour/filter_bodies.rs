//! Filters that see bodies: what they let through, hold back, rewrite and refuse, both ways.

use std::path::Path;

use support::{Answer, Gate, Origin, TestNode};
use tempfile::TempDir;

const IMPORTS: &str = r#"
(import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_buffer_bytes" (func $set (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
(memory (export "memory") 4)
(data (i32.const 64) "content-length") (data (i32.const 80) "<") (data (i32.const 81) ">")
(data (i32.const 96) "no such body") (data (i32.const 112) "content-type") (data (i32.const 128) "host")
(func (export "proxy_abi_version_0_2_1"))
(func (export "malloc") (param i32) (result i32) (i32.const 65536))
"#;

/// Takes `Content-Length` out of the head of map `0` or `2`.
const UNSIZED: &str = "(drop (call $remove (i32.const MAP) (i32.const 64) (i32.const 14)))";
/// Waits for the whole, then puts `<` before it and `>` behind.
const WRAP: &str = "(if (i32.eqz (local.get 2)) (then (return (i32.const 1))))
    (drop (call $set (i32.const BUFFER) (i32.const 0) (i32.const 0) (i32.const 80) (i32.const 1)))
    (drop (call $set (i32.const BUFFER) (i32.const 100000) (i32.const 0) (i32.const 81) (i32.const 1)))";
const REFUSE: &str = "(drop (call $reply (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 96) (i32.const 12)
    (i32.const 0) (i32.const 0) (i32.const -1)))";
const HOLD: &str = "(return (i32.const 1))";
const PASS: &str = "";

/// A guest whose callbacks do this with the message `request` or `response`.
fn guest(message: &str, on_headers: &str, on_body: &str) -> String {
    let (map, buffer) = if message == "request" { ("0", "0") } else { ("2", "1") };
    let callback = |part: &str, body: &str| {
        let body = body.replace("MAP", map).replace("BUFFER", buffer);
        format!("(func (export \"proxy_on_{message}_{part}\") (param i32 i32 i32) (result i32) {body} (i32.const 0))")
    };
    format!("(module {IMPORTS} {} {})", callback("headers", on_headers), callback("body", on_body))
}

struct Setting {
    node: TestNode,
    origin: Origin,
    _folder: TempDir,
}

/// A node with one route that passes these guests in order.
async fn through(guests: &[&str], limits: &str, route: &str) -> Setting {
    with_options(guests, "", limits, route).await
}

/// The same, with these lines in every filter.
async fn with_options(guests: &[&str], options: &str, limits: &str, route: &str) -> Setting {
    let (folder, origin) = (TempDir::new().expect("a folder can be made"), Origin::start().await);
    let mut config = format!("[origins.site]\nservers = [\"{}\"]\n[filter_limits]\n{limits}\n", origin.url());
    for (number, guest) in guests.iter().enumerate() {
        let module = folder.path().join(format!("{number}.wasm"));
        std::fs::write(&module, wat::parse_str(guest).expect("the guest is well formed"))
            .expect("a file can be written");
        config += &format!("{}{options}\n", entry(number, &module));
    }
    let names: Vec<String> = (0..guests.len()).map(|number| format!("\"f{number}\"")).collect();
    config += &format!(
        "[[route]]\nname = \"all\"\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\nfilters = [{}]\n{route}\n",
        names.join(", ")
    );
    Setting { node: TestNode::start(&config), origin, _folder: folder }
}

fn entry(number: usize, module: &Path) -> String {
    format!("[filters.f{number}]\nmodule = {module:?}\n")
}

async fn post(node: &TestNode, body: &[u8]) -> support::Response {
    node.connect().await.request("POST", "/form", &[], body).await
}

#[tokio::test]
async fn a_request_body_is_rewritten_before_the_origin_hears_of_it() {
    let Setting { node, origin, _folder } = through(&[&guest("request", UNSIZED, WRAP)], "", "").await;
    origin.otherwise(Answer::ok("seen"));
    assert_eq!(post(&node, b"a=1").await.text(), "seen");
    assert_eq!(origin.seen()[0].body, b"<a=1>");
}

#[tokio::test]
async fn a_response_body_is_rewritten_whatever_pieces_it_comes_in() {
    let wrap = guest("response", UNSIZED, WRAP);
    let Setting { node, origin, _folder } = through(&[&wrap], "", "").await;
    origin.on("/whole", Answer::ok("abc").header("Cache-Control", "max-age=60"));
    origin.on("/chunked", Answer::chunked(&["a", "b", "c"]));
    origin.on("/slow", Answer::ok("abc").byte_by_byte());
    origin.on("/close", Answer::until_close("abc"));
    for path in ["/whole", "/chunked", "/slow", "/close"] {
        let response = node.get(path).await;
        assert_eq!((response.text(), response.header("content-length")), ("<abc>", None), "{path}");
    }
    let hit = node.get("/whole").await;
    assert_eq!((hit.text(), hit.header("cache-status")), ("<abc>", Some("edge-1; hit; ttl=60")));
    let head = node.connect().await.request("HEAD", "/whole", &[], b"").await;
    assert_eq!((head.status, head.text()), (200, ""));
}

#[tokio::test]
async fn bodies_pass_filters_forward_as_requests_and_backward_as_responses() {
    let mark = |message: &str, sign: &str| {
        guest(message, UNSIZED, &format!(
            "(if (local.get 2) (then
               (drop (call $set (i32.const BUFFER) (i32.const 100000) (i32.const 0) (i32.const {sign}) (i32.const 1)))))"
        ))
    };
    let guests = [mark("request", "80"), mark("request", "81"), mark("response", "80"), mark("response", "81")];
    let guests: Vec<&str> = guests.iter().map(String::as_str).collect();
    let Setting { node, origin, _folder } = through(&guests, "", "").await;
    origin.otherwise(Answer::ok("b"));
    assert_eq!(post(&node, b"a").await.text(), "b><");
    assert_eq!(origin.seen()[0].body, b"a<>");
}

#[tokio::test]
async fn a_stored_body_is_shown_in_pieces_that_a_callback_has_time_for() {
    let mark = "(drop (call $set (i32.const BUFFER) (i32.const 100000) (i32.const 0) (i32.const 80) (i32.const 1)))";
    let Setting { node, origin, _folder } = through(&[&guest("response", UNSIZED, mark)], "", "").await;
    origin.otherwise(Answer::ok(vec![b'x'; 40_000]).header("Cache-Control", "max-age=60"));
    node.get("/").await;
    let hit = node.get("/").await;
    let pieces: Vec<usize> = hit.text().split_inclusive('<').map(str::len).collect();
    assert_eq!(pieces, [16_385, 16_385, 7_233], "16 KiB at a time, and a mark behind each");
}

#[tokio::test]
async fn a_body_that_is_only_read_keeps_its_length() {
    let (asking, answering) = (guest("request", PASS, PASS), guest("response", PASS, PASS));
    let Setting { node, origin, _folder } = through(&[&asking, &answering], "", "").await;
    origin.otherwise(Answer::ok("abc"));
    let response = post(&node, b"a=1").await;
    assert_eq!((response.text(), response.header("content-length")), ("abc", Some("3")));
    assert_eq!((origin.seen()[0].header("content-length"), &origin.seen()[0].body[..]), (Some("3"), &b"a=1"[..]));
    for (filter, callback) in [("f0", "request_body"), ("f1", "response_body")] {
        let labels = [("filter", filter), ("callback", callback)];
        node.metric_is("forebay_filter_duration_seconds_count", &labels, 1.0).await;
    }
}

/// Puts `<` before the piece that it is told is the last.
fn marking_the_last() -> String {
    guest(
        "response",
        UNSIZED,
        "(if (local.get 2) (then
            (drop (call $set (i32.const BUFFER) (i32.const 0) (i32.const 0) (i32.const 80) (i32.const 1)))))",
    )
}

#[tokio::test]
async fn the_last_bytes_are_told_as_the_last_where_the_length_is_known() {
    let disk = "[cache.disk]\npath = \"cache\"\nsize = \"64MiB\"\n";
    let Setting { node, origin, _folder } = through(&[&marking_the_last()], disk, "").await;
    origin.on("/", Answer::ok("abc").header("Cache-Control", "max-age=600"));
    origin.on("/passed", Answer::ok("abc")).on("/unsized", Answer::chunked(&["abc"]));
    for place in ["the origin", "memory"] {
        assert_eq!(node.get("/").await.text(), "<abc", "from {place}");
    }
    let node = node.restarted().await;
    assert_eq!(node.get("/").await.text(), "<abc", "from disk");
    assert_eq!(origin.count("/"), 1);
    assert_eq!(node.get("/passed").await.text(), "<abc");
    assert_eq!(node.get("/unsized").await.text(), "abc<", "nobody knows before it ends");
}

#[tokio::test]
async fn the_last_bytes_of_a_body_that_others_fetch_are_told_as_the_last() {
    let Setting { node, origin, _folder } = through(&[&marking_the_last()], "", "").await;
    let gate = Gate::closed();
    origin.on("/passed", Answer::ok("abc").finishing_after(&gate));
    origin.on("/shared", Answer::ok("abc").finishing_after(&gate).header("Cache-Control", "max-age=600"));
    let mut clients = Vec::new();
    for path in ["/passed", "/shared", "/shared"] {
        let mut client = node.connect().await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: test.example\r\n\r\n")).await;
        assert_eq!(client.response_head().await.status, 200);
        assert!(!client.until("ab\r\n").await.contains('<'), "{path}: more is to come");
        clients.push((path, client));
    }
    gate.open();
    for (path, mut client) in clients {
        assert!(client.until("0\r\n\r\n").await.contains("<c\r\n"), "{path}");
    }
    assert_eq!(origin.count("/shared"), 1);
}

#[tokio::test]
async fn a_body_of_another_length_than_was_promised_is_broken_off() {
    let Setting { node, origin, _folder } = through(&[&guest("response", PASS, WRAP)], "", "").await;
    origin.otherwise(Answer::ok("abc"));
    let mut client = node.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    assert!(client.is_broken_off().await, "other bytes than the promised ones were sent");
    assert!(node.logged("resized").await.contains("fault=filter"));
}

#[tokio::test]
async fn a_filter_that_refuses_a_request_body_keeps_it_from_the_origin() {
    let Setting { node, origin, _folder } = through(&[&guest("request", PASS, REFUSE)], "", "").await;
    let response = post(&node, b"a=1").await;
    assert_eq!((response.status, response.text()), (403, "no such body"));
    assert_eq!(origin.seen().len(), 0);
}

#[tokio::test]
async fn a_filter_that_refuses_a_response_body_breaks_it_off() {
    let Setting { node, origin, _folder } = through(&[&guest("response", PASS, REFUSE)], "", "").await;
    origin.otherwise(Answer::ok("abc"));
    let mut client = node.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    assert!(client.is_broken_off().await, "nothing of the body was to be sent");
    assert!(node.logged("filtered").await.contains("fault=filter"));
}

#[tokio::test]
async fn a_body_may_be_held_back_up_to_its_bound() {
    let limits = "body_buffer = \"1KiB\"";
    let Setting { node, origin, _folder } = through(&[&guest("request", UNSIZED, WRAP)], limits, "").await;
    origin.otherwise(Answer::ok("seen"));
    assert_eq!(post(&node, &[b'x'; 1020]).await.text(), "seen");
    let refused = post(&node, &[b'x'; 4000]).await;
    assert_eq!(refused.status, 413);
    assert_eq!(origin.seen().len(), 1);
    node.metric_is("forebay_filter_failures_total", &[("filter", "f0"), ("kind", "body_buffer")], 1.0).await;

    let Setting { node, origin, _folder } = through(&[&guest("response", UNSIZED, WRAP)], limits, "").await;
    origin.on("/small", Answer::ok(vec![b'x'; 1020]));
    origin.on("/large", Answer::ok(vec![b'x'; 4000]));
    assert_eq!(node.get("/small").await.text().len(), 1022);
    let mut client = node.connect().await;
    client.send("GET /large HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    assert!(client.is_broken_off().await, "nothing of the body was to be sent");
    node.metric_is("forebay_filter_failures_total", &[("filter", "f0"), ("kind", "body_buffer")], 1.0).await;
}

#[tokio::test]
async fn a_body_held_back_at_its_end_fails() {
    let Setting { node, origin, _folder } = through(&[&guest("request", PASS, HOLD)], "", "").await;
    assert_eq!(post(&node, b"a=1").await.status, 500);
    assert_eq!(origin.seen().len(), 0);
    node.metric_is("forebay_filter_failures_total", &[("filter", "f0"), ("kind", "never_resumed")], 1.0).await;
}

#[tokio::test]
async fn guests_read_responses_before_the_node_codes_them() {
    let route = "[route.compression]\nmin_bytes = \"1B\"";
    let Setting { node, origin, _folder } = through(&[&guest("response", UNSIZED, WRAP)], "", route).await;
    origin.otherwise(
        Answer::ok("a".repeat(4000)).header("Content-Type", "text/html").header("Cache-Control", "max-age=9"),
    );
    for _ in 0..2 {
        let response = node.get_with("/", &[("Accept-Encoding", "gzip")]).await;
        assert_eq!((response.header("content-encoding"), response.text().len()), (None, 4002));
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_what_its_filters_wait_for() {
    let Setting { node, origin, _folder } = through(&[&guest("request", UNSIZED, WRAP)], "", "").await;
    let mut client = node.connect().await;
    client.send("POST /form HTTP/1.1\r\nHost: test.example\r\nContent-Length: 10\r\n\r\nabc").await;
    drop(client);
    let line = node.logged("/form").await;
    assert!(line.contains("ending=client_abort") || line.contains("fault=client"), "{line}");
    assert_eq!(origin.seen().len(), 0);
}

#[tokio::test]
async fn headers_that_wait_for_their_body_may_still_be_changed() {
    let rewrite = WRAP.to_owned() + UNSIZED;
    let guests = [guest("request", HOLD, &rewrite), guest("response", HOLD, &rewrite)];
    let guests: Vec<&str> = guests.iter().map(String::as_str).collect();
    let Setting { node, origin, _folder } = with_options(&guests, "on_headers_stop_iteration = true", "", "").await;
    origin.otherwise(Answer::ok("b"));
    let response = post(&node, b"a=1").await;
    assert_eq!((response.text(), response.header("content-length")), ("<b>", Some("3")));
    assert_eq!((&origin.seen()[0].body[..], origin.seen()[0].header("content-length")), (&b"<a=1>"[..], Some("5")));
}
