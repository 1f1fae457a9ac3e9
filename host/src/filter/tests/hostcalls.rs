//! The other host calls: buffers, time, chance, contexts, what links and does nothing, and pointers that lead nowhere.

use super::super::Verdict;
use super::guest::{Guest, OUT};
use super::node::{Node, chain_of, run_request, statuses, values};

#[test]
fn pointers_out_of_bounds_are_told_and_harm_nothing() {
    let mut guest = Guest::new();
    let name = guest.text("accept");
    let far = "(i32.const 65530) (i32.const 100)";
    let wild = "(i32.const -1) (i32.const -1)";
    let mut body = String::new();
    for bad in [far, wild] {
        for call in [
            format!("$log (i32.const 2) {bad}"),
            format!("$value (i32.const 0) {bad} {OUT}"),
            format!("$value (i32.const 0) {name} {bad}"),
            format!("$pairs (i32.const 0) {bad}"),
            format!("$set_pairs (i32.const 0) {bad}"),
            format!("$add (i32.const 0) {bad} {name}"),
            format!("$replace (i32.const 0) {name} {bad}"),
            format!("$remove (i32.const 0) {bad}"),
            format!("$property {bad} {OUT}"),
            format!("$set_property {bad} {name}"),
            format!("$define (i32.const 0) {bad} (i32.const 0)"),
            format!("$reply (i32.const 200) {bad} {name} (i32.const 0) (i32.const 0) (i32.const -1)"),
            format!("$reply (i32.const 200) {name} {bad} (i32.const 0) (i32.const 0) (i32.const -1)"),
            format!("$buffer (i32.const 7) (i32.const 0) (i32.const 9) {bad}"),
        ] {
            let hands_over = ["$value", "$pairs", "$buffer"].iter().any(|name| call.starts_with(name));
            // Of places to write to, one that ends beyond the memory: 65530 is not.
            let bad_out = hands_over && !call.ends_with(OUT);
            let call = if bad_out { call.replace(far, "(i32.const 65534) (i32.const 0)") } else { call };
            body += &format!("(call $tell (call {call}))");
        }
    }
    for call in ["$time (i32.const 65533)", "$size (i32.const 0) (i32.const 65534)", "$log_level (i32.const -4)"] {
        body += &format!("(call $tell (call {call}))");
    }
    let (_run, head, verdict) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(statuses(&head.headers), [6; 31]);
}

#[test]
fn time_is_the_nodes() {
    let body = "(call $tell (call $time (i32.const 32))) (i32.store (i32.const 0) (i32.const 32))
        (i32.store (i32.const 4) (i32.const 8)) (call $show_hex)";
    let (_run, head, _) = run_request(&chain_of(&Guest::new().on_request(body).build()));
    let nanos: u64 = 1_000 * 1_000_000_000;
    let hex: String = nanos.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(values(&head.headers, "x-value"), [hex]);
}

#[test]
fn buffers_that_are_not_there_are_not_found() {
    let mut body = String::new();
    for buffer in [0, 1, 6, 8, 9] {
        body += &format!("(call $tell (call $buffer (i32.const {buffer}) (i32.const 0) (i32.const 9) {OUT}))");
    }
    body += "(call $tell (call $buffer (i32.const 7) (i32.const -1) (i32.const 9) (i32.const 0) (i32.const 4)))
        (call $tell (call $buffer_status (i32.const 0) (i32.const 0) (i32.const 4)))
        (call $tell (call $set_buffer (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (call $tell (call $set_buffer (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))";
    let (_run, head, _) = run_request(&chain_of(&Guest::new().on_request(&body).build()));
    assert_eq!(statuses(&head.headers), [1, 1, 0, 1, 2, 2, 1, 1, 2]);
}

#[test]
fn contexts_are_told_apart() {
    let mut guest = Guest::new();
    let name = guest.text("accept");
    let read = format!("(call $tell (call $value (i32.const 0) {name} {OUT}))");
    // While it acts for the plugin it cannot tell either, so what it saw there is kept until it is back.
    let body = format!(
        "(call $tell (call $effective (i32.const 99)))
         (drop (call $effective (i32.const 1)))
         (local.set $count (call $value (i32.const 0) {name} {OUT}))
         (local.set $end (call $close (i32.const 0)))
         (call $tell (call $effective (local.get $context)))
         (drop (call $effective (local.get $context)))
         (call $tell (local.get $count)) (call $tell (local.get $end)) {read} (call $tell (call $done))"
    );
    let (_run, head, verdict) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(statuses(&head.headers), [2, 0, 1, 2, 0, 1]);
}

#[test]
fn calls_of_later_versions_link_and_say_so() {
    let body = "(call $tell (call $grpc_close (i32.const 5)))
        (call $tell (call $foreign (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))";
    let (_run, head, _) = run_request(&chain_of(&Guest::new().on_request(body).build()));
    assert_eq!(statuses(&head.headers), [12, 1]);
}

#[test]
fn system_calls_answer_what_a_runtime_needs() {
    let mut guest = Guest::new();
    let piece = guest.text("to stderr\n");
    let (at, len) = piece.split_once(") ").unwrap();
    let body = format!(
        "(i32.store (i32.const 32) {at})) (i32.store (i32.const 36) {len})
         (call $tell (call $fd_write (i32.const 2) (i32.const 32) (i32.const 1) (i32.const 40)))
         (call $tell (i32.load (i32.const 40)))
         (call $tell (call $fd_write (i32.const 3) (i32.const 32) (i32.const 1) (i32.const 40)))
         (call $tell (call $fd_write (i32.const 1) (i32.const 65534) (i32.const 1) (i32.const 40)))
         (call $tell (call $random (i32.const 48) (i32.const 8)))
         (call $tell (i64.ne (i64.load (i32.const 48)) (i64.const 0)))
         (call $tell (call $random (i32.const 65530) (i32.const 8)))
         (call $tell (call $random (i32.const 0) (i32.const 65537)))"
    );
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert_eq!(statuses(&head.headers), [0, 10, 8, 21, 0, 1, 21, 28]);
}

#[test]
fn every_import_of_the_abi_links() {
    let env = [
        ("proxy_http_call", 10),
        ("proxy_grpc_call", 12),
        ("proxy_grpc_stream", 9),
        ("proxy_grpc_send", 4),
        ("proxy_grpc_cancel", 1),
        ("proxy_grpc_close", 1),
        ("proxy_get_status", 3),
        ("proxy_set_shared_data", 5),
        ("proxy_get_shared_data", 5),
        ("proxy_register_shared_queue", 3),
        ("proxy_resolve_shared_queue", 5),
        ("proxy_enqueue_shared_queue", 3),
        ("proxy_dequeue_shared_queue", 3),
        ("proxy_continue_response", 0),
        ("proxy_clear_route_cache", 0),
        ("pthread_equal", 2),
    ];
    let mut imports = String::new();
    for (name, arguments) in env {
        imports += &format!("(import \"env\" \"{name}\" (func (param {}) (result i32)))", "i32 ".repeat(arguments));
    }
    let wat = format!("(module {imports} (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_1_0\")))");
    let mut node = Node::new();
    node.add("probe", &wat::parse_str(&wat).unwrap());
    assert!(node.load().is_ok());
}
