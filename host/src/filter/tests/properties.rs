//! Properties: what guests learn of an exchange, with Envoy's types, and what they leave for others.

use super::super::notes::Marks;
use super::super::{EndOfStream, Run, Verdict};
use super::guest::{Guest, OUT};
use super::node::{Node, chain_of, request, run_both, run_request, statuses, stream, values};
use crate::semantics::RequestHead;

/// A guest's code that shows the property at `path`, as text or as hexadecimal digits.
fn read(guest: &mut Guest, path: &str, show: &str) -> String {
    format!("(call $tell (call $property {} {OUT})) (call {show})", guest.text(path))
}

fn hex(number: u64) -> String {
    number.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn text_properties_are_raw() {
    let expected = [
        ("request\0path", "/guide?page=2"),
        ("request\0url_path", "/guide"),
        ("request\0query", "page=2"),
        ("request\0host", "docs.example.com"),
        ("request\0method", "GET"),
        ("request\0scheme", "http"),
        ("request\0protocol", "HTTP/1.1"),
        ("request\0id", "req-1"),
        ("request\0useragent", "probe/1"),
        ("request\0headers\0cookie", "a=1,b=2"),
        ("request.headers.Accept", "text/html"),
        ("request\0headers\0:path", "/guide?page=2"),
        ("source\0address", "192.0.2.9:4711"),
        ("destination\0address\0", "192.0.2.1:443"),
        ("plugin_name", "probe"),
        ("route_name", "docs"),
        ("xds\0route_name", "docs"),
        ("node\0id", "edge-1"),
        ("xds\0node\0id", "edge-1"),
        ("xds\0cluster_name", "site"),
        ("plugin_vm_id", "probe"),
        ("plugin_root_id", "second"),
        ("host\0features", "forebay.origin,forebay.cache,forebay.shared_data.delete,forebay.shared_data.set_ttl"),
    ];
    let mut guest = Guest::new();
    let body: String = expected.iter().map(|(path, _)| read(&mut guest, path, "$show")).collect();
    let mut node = Node::new();
    node.add("probe", &guest.on_request(&body).build()).root_id = "second".to_owned();
    let (_run, head, _) = run_request(&node.chain());
    assert_eq!(values(&head.headers, "x-value"), expected.map(|(_, value)| value));
    assert_eq!(statuses(&head.headers), [0; 23]);
}

#[test]
fn number_properties_are_eight_little_endian_bytes() {
    let expected = [
        ("connection\0id", hex(7)),
        ("connection_id", hex(7)),
        ("source\0port", hex(4711)),
        ("destination\0port", hex(443)),
        ("request\0time", hex(999_000_000_000)),
        ("request\0size", hex(0)),
        ("xds\0listener_direction", hex(0)),
        ("connection\0mtls", "00".to_owned()),
    ];
    let mut guest = Guest::new();
    let body: String = expected.iter().map(|(path, _)| read(&mut guest, path, "$show_hex")).collect();
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert_eq!(values(&head.headers, "x-value"), expected.map(|(_, value)| value));
}

#[test]
fn response_properties_come_with_the_response() {
    let paths = ["response\0code", "response\0size", "response\0flags", "request\0method"];
    let mut guest = Guest::new();
    let body: String = paths.iter().map(|path| read(&mut guest, path, "$show_hex")).collect();
    let early = read(&mut guest, "response\0code", "$show");
    let chain = chain_of(&guest.on_response(&body).on_request(&early).build());
    let (_run, parts, _) = run_both(&chain);
    assert_eq!(values(&parts.headers, "x-value"), [hex(200), hex(12), hex(0), "474554".to_owned()]);
    let (_run, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [1]);
}

#[test]
fn unknown_properties_are_not_found() {
    let mut guest = Guest::new();
    let paths = [
        "upstream\0address",
        "xds\0cluster_metadata",
        "request\0nothing",
        "request",
        "request\0duration",
        "nobody",
        "",
    ];
    let body: String =
        paths.iter().map(|path| format!("(call $tell (call $property {} {OUT}))", guest.text(path))).collect();
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert_eq!(statuses(&head.headers), [1; 7]);
}

#[test]
fn one_filter_leaves_properties_for_the_next() {
    let mut first = Guest::new();
    let [path, value] = ["auth\0user", "ada"].map(|text| first.text(text));
    let first = first.on_request(&format!("(call $tell (call $set_property {path} {value}))"));
    let mut second = Guest::new();
    let body = read(&mut second, "auth.user", "$show");
    let mut node = Node::new();
    node.add("first", &first.build());
    node.add("second", &second.on_request(&body).build());
    let chain = node.chain();
    let (_run, head, _) = run_request(&chain);
    assert_eq!(values(&head.headers, "x-value"), ["ada"]);
    // What one exchange was told, another does not know.
    let mut other = Guest::new();
    let body = read(&mut other, "auth.user", "$show");
    let (_run, head, _) = run_request(&chain_of(&other.on_request(&body).build()));
    assert_eq!(statuses(&head.headers), [1]);
}

#[test]
fn filters_choose_the_origin() {
    for path in ["forebay.origin", "forebay\0origin"] {
        let mut guest = Guest::new();
        let [path, origin] = [path, "docs-next"].map(|text| guest.text(text));
        let body = format!("(call $tell (call $set_property {path} {origin}))");
        let back = read(&mut guest, "forebay.origin", "$show");
        let (run, head, _) = run_request(&chain_of(&guest.on_request(&(body + &back)).build()));
        assert_eq!(run.origin().as_deref(), Some("docs-next"));
        assert_eq!(values(&head.headers, "x-value"), ["docs-next"]);
    }
    assert_eq!(chain_of(&Guest::new().build()).begin(stream()).origin(), None);
}

#[test]
fn path_and_host_are_settable() {
    let mut guest = Guest::new();
    let [path, new, host, other, bad] =
        ["request\0path", "/new", "request.host", "other.example", "no slash"].map(|text| guest.text(text));
    let body = format!(
        "(call $tell (call $set_property {path} {new})) (call $tell (call $set_property {host} {other}))
         (call $tell (call $set_property {path} {bad}))"
    );
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert_eq!(statuses(&head.headers), [0, 0, 2]);
    assert_eq!((head.path.as_str(), head.authority.as_str()), ("/new", "other.example"));
}

#[test]
fn properties_of_an_exchange_are_bounded() {
    let mut guest = Guest::new();
    let name = guest.text("big");
    let body = format!("(call $tell (call $set_property {name} (i32.const 2048) (i32.const 20000)))");
    let (_run, head, verdict) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert_eq!(statuses(&head.headers), [10]);
    assert!(matches!(verdict, Verdict::Continue));
    assert_eq!(Marks::default().property(b"big"), None);
}

/// Runs an exchange until `end` has had it and it is dropped, with `checks` in the guest's log callback. These trap where
/// one of them does not hold.
fn assert_at_the_end(mut guest: Guest, checks: &str, end: impl FnOnce(&Node, &mut Run, &mut RequestHead)) {
    let name = guest.text("seen");
    let count = format!(
        "(drop (call $define (i32.const 0) {name} (i32.const 0)))
         (drop (call $increment (i32.load (i32.const 0)) (i64.const 1)))"
    );
    let mut node = Node::new();
    node.add("probe", &guest.on_log(&format!("{checks} {count}")).build());
    let chain = node.chain();
    let (mut run, mut head) = (chain.begin(stream()), request());
    run.ask(&mut head, EndOfStream::Yes);
    end(&node, &mut run, &mut head);
    drop(run);
    assert_eq!(node.metric("forebay_wasm_seen_total{filter=\"probe\"}").as_deref(), Some("1"));
}

#[test]
fn the_end_knows_duration_and_status_but_no_messages() {
    let mut guest = Guest::new();
    let [duration, code, path] = ["request\0duration", "response\0code", "request\0path"].map(|text| guest.text(text));
    let checks = format!(
        "(if (call $property {duration} {OUT}) (then unreachable))
         (if (i64.ne (i64.load (i32.load (i32.const 0))) (i64.const 3000000000)) (then unreachable))
         (if (call $property {code} {OUT}) (then unreachable))
         (if (i64.ne (i64.load (i32.load (i32.const 0))) (i64.const 200)) (then unreachable))
         (if (i32.ne (call $property {path} {OUT}) (i32.const 1)) (then unreachable))"
    );
    assert_at_the_end(guest, &checks, |node, run, head| {
        run.tell(head, &mut super::node::response(), EndOfStream::No);
        node.clock.advance(std::time::Duration::from_secs(2));
    });
}

#[test]
fn the_request_is_there_at_the_end_where_there_was_no_response() {
    let mut guest = Guest::new();
    let [path, code, agent, kind] =
        ["request\0path", "response\0code", "user-agent", "content-type"].map(|text| guest.text(text));
    let checks = format!(
        "(if (call $property {path} {OUT}) (then unreachable))
         (if (i32.ne (call $property {code} {OUT}) (i32.const 1)) (then unreachable))
         (if (call $value (i32.const 0) {agent} {OUT}) (then unreachable))
         (if (i32.ne (call $value (i32.const 2) {kind} {OUT}) (i32.const 1)) (then unreachable))
         (if (i32.ne (call $add (i32.const 0) {agent} {agent}) (i32.const 1)) (then unreachable))"
    );
    assert_at_the_end(guest, &checks, |_, run, head| run.keep_request(head));
}

#[test]
fn why_a_response_is_what_it_is_comes_with_it() {
    let mut guest = Guest::new();
    let tell = read(&mut guest, "response\0code_details", "$show");
    let chain = chain_of(&guest.on_request(&tell).on_response(&tell).build());
    let (mut run, mut head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [1]);
    run.set_details("via_upstream");
    let mut parts = super::node::response();
    run.tell(&mut head, &mut parts, EndOfStream::No);
    assert_eq!(values(&parts.headers, "x-value"), ["via_upstream"]);
}

#[test]
fn a_filters_reply_has_its_own_details() {
    let mut replying = Guest::new();
    let (why, none) = (replying.text("teapot"), "(i32.const 0) (i32.const 0)");
    let reply = format!("(drop (call $reply (i32.const 418) {why} {none} {none} (i32.const -1)))");
    let mut watching = Guest::new();
    let tell = read(&mut watching, "response\0code_details", "$show");
    let mut node = Node::new();
    node.add("watching", &watching.on_response(&tell).build());
    node.add("replying", &replying.on_request(&reply).build());
    let chain = node.chain();
    let (mut run, mut head, verdict) = run_request(&chain);
    assert!(matches!(verdict, Verdict::Reply(_)), "{verdict:?}");
    run.set_details("via_upstream");
    let mut parts = super::node::response();
    run.tell(&mut head, &mut parts, EndOfStream::Yes);
    assert_eq!(values(&parts.headers, "x-value"), ["teapot"]);
}

#[test]
fn envoys_prefix_of_what_filters_leave_is_no_part_of_the_name() {
    for (left, asked) in [("user", "wasm.user"), ("wasm\0user", "user"), ("filter_state.wasm.user", "wasm\0user")] {
        let mut guest = Guest::new();
        let [path, value] = [left, "ada"].map(|text| guest.text(text));
        let body = format!("(call $tell (call $set_property {path} {value}))");
        let back = read(&mut guest, asked, "$show");
        let (_run, head, _) = run_request(&chain_of(&guest.on_request(&(body + &back)).build()));
        assert_eq!((statuses(&head.headers), values(&head.headers, "x-value")), (vec![0, 0], vec!["ada".to_owned()]));
    }
}
