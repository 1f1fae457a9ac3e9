//! Guests that mean harm, one for each way to: what they cost is theirs, and the next request is served as ever.

use std::fs;

use support::{Answer, Origin};
use tempfile::TempDir;

use crate::node::Filtered;

const IMPORTS: &str = r#"
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_header_map_pairs" (func $set_pairs (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))"#;

/// A guest with this body of its request callback, and this allocator.
async fn hostile(allocate: &str, on_request: &str) -> (TempDir, Filtered) {
    let module = format!(
        "(module {IMPORTS} (memory (export \"memory\") 1) (data (i32.const 64) \"accept\")
           (func (export \"proxy_abi_version_0_2_1\"))
           (func $deep (result i32) (i32.add (call $deep) (i32.const 1)))
           (func (export \"malloc\") (param $size i32) (result i32) {allocate})
           (func (export \"proxy_on_request_headers\") (param i32 i32 i32) (result i32) {on_request}))"
    );
    let folder = TempDir::new().expect("a temporary folder can be made");
    let file = folder.path().join("hostile.wasm");
    let module = wat::parse_str(&module).unwrap_or_else(|error| panic!("{error}\n{module}"));
    fs::write(&file, module).expect("a temporary file can be written");
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    (folder, Filtered::start(origin, &file, "", "").await)
}

const HONEST: &str = "(i32.const 4096)";

/// Each way to fail, under the word that the metric has for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_guest_costs_its_own_requests_only() {
    let cases = [
        ("trap", HONEST, "unreachable"),
        ("trap", HONEST, "(call $deep)"),
        ("trap", HONEST, "(i32.load (i32.const 65536))"),
        ("trap", HONEST, "(i32.div_u (i32.const 1) (i32.const 0))"),
        ("deadline", HONEST, "(loop $on (br $on)) (i32.const 0)"),
        ("deadline", HONEST, "(loop $on (drop (call $random (i32.const 0) (i32.const 65536))) (br $on)) (i32.const 0)"),
        (
            "deadline",
            HONEST,
            "(loop $on (drop (call $log (i32.const 4) (i32.const 64) (i32.const 6))) (br $on)) (i32.const 0)",
        ),
        ("memory", HONEST, "(loop $on (br_if $on (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"),
        (
            "headers",
            HONEST,
            "(loop $on (drop (call $add (i32.const 0) (i32.const 64) (i32.const 6) (i32.const 0) (i32.const 60000)))
               (drop (call $add (i32.const 0) (i32.const 64) (i32.const 6) (i32.const 64) (i32.const 6))) (br $on))
             (i32.const 0)",
        ),
    ];
    for (kind, allocate, on_request) in cases {
        let (_folder, node) = hostile(allocate, on_request).await;
        for failed in 1..=2 {
            assert_eq!(node.get("/a").await.status, 500, "{on_request}");
            assert_eq!(node.get("/free").await.text(), "good", "{on_request}");
            let labels = [("filter", "guest"), ("kind", kind)];
            node.metric_is("forebay_filter_failures_total", &labels, f64::from(failed)).await;
        }
    }
}

/// Pointers and lengths that do not hold: the call is refused with a status, and nothing else happens.
#[tokio::test(flavor = "multi_thread")]
async fn lies_about_memory_are_refused_calls() {
    let far = "(i32.const -16)";
    let calls = [
        format!("(call $log (i32.const 2) {far} (i32.const 32))"),
        "(call $log (i32.const 2) (i32.const 65535) (i32.const 2))".to_owned(),
        "(call $log (i32.const 2) (i32.const 0) (i32.const -1))".to_owned(),
        format!("(call $get (i32.const 0) {far} (i32.const -1) (i32.const 0) (i32.const 4))"),
        "(call $get (i32.const 0) (i32.const 64) (i32.const 6) (i32.const 65533) (i32.const 4))".to_owned(),
        format!("(call $pairs (i32.const 0) {far} (i32.const 4))"),
        format!("(call $property {far} (i32.const 32) (i32.const 0) (i32.const 4))"),
        format!("(call $set_pairs (i32.const 0) {far} (i32.const 400))"),
        format!("(call $add (i32.const 0) (i32.const 64) (i32.const 6) {far} (i32.const 64))"),
        format!("(call $random {far} (i32.const 64))"),
        format!("(call $fd_write (i32.const 1) {far} (i32.const 1000) (i32.const 0))"),
        format!(
            "(call $reply (i32.const 200) (i32.const 0) (i32.const 0) {far} (i32.const -1) (i32.const 0) (i32.const 0) \
             (i32.const -1))"
        ),
    ];
    // Traps, and so fails the exchange, where a call succeeds.
    let refused: String = calls.iter().map(|call| format!("(if (i32.eqz {call}) (then unreachable))")).collect();
    let (_folder, node) = hostile(HONEST, &format!("{refused} (i32.const 0)")).await;
    for _ in 0..3 {
        let response = node.get("/a").await;
        assert_eq!((response.status, response.text()), (200, "good"));
    }
    assert!(node.origin.seen().iter().all(|seen| seen.head.headers("accept").is_empty()));
}

/// What a guest's allocator says is no more to be trusted than the rest of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lying_allocator_gets_nothing() {
    let ask = "(call $pairs (i32.const 0) (i32.const 0) (i32.const 4))";
    for allocate in ["(i32.const 0)", "(i32.const -1)", "(i32.const 65535)"] {
        let (_folder, node) =
            hostile(allocate, &format!("(if (i32.eqz {ask}) (then unreachable)) (i32.const 0)")).await;
        assert_eq!(node.get("/a").await.text(), "good", "{allocate}");
    }
    for allocate in ["unreachable", "(loop $on (br $on)) (i32.const 0)", &format!("(drop {ask}) (call $deep)")] {
        let (_folder, node) = hostile(allocate, &format!("(drop {ask}) (i32.const 0)")).await;
        assert_eq!(node.get("/a").await.status, 500, "{allocate}");
        assert_eq!(node.get("/free").await.text(), "good", "{allocate}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_log_lines_is_cut_and_told() {
    let flood = "(local $left i32) (local.set $left (i32.const 3000))
        (loop $on (drop (call $log (i32.const 2) (i32.const 64) (i32.const 6)))
          (br_if $on (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (i32.const 0)";
    let (_folder, node) = hostile(HONEST, flood).await;
    assert_eq!(node.get("/a").await.text(), "good");
    node.says("filter logs too much").await;
    let told = node.said("accept");
    assert!(told.len() < 3000, "{}", told.len());
}
