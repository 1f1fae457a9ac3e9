//! Failures: one exchange's, told by kind, and nobody else's.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::super::{Callback, Chain, EndOfStream, FailureKind, FilterFailure, Run, Verdict};
use super::guest::Guest;
use super::node::{Node, chain_of, logged, request, response, run_both, run_request, stream, values};
use crate::config::{Isolation, OnError};

/// Traps where the request says so, else counts its callbacks in the header `x-status`.
fn trap_on(guest: &mut Guest, header: &str) -> String {
    let name = guest.text(header);
    format!("(if (i32.eqz (call $value (i32.const 0) {name} (i32.const 0) (i32.const 4))) (then (call $boom)))")
}

fn failure(verdict: Verdict) -> FilterFailure {
    match verdict {
        Verdict::Fail(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn runs_can_move_between_threads() {
    fn assert_send<T: Send + 'static>() {}
    fn assert_shared<T: Clone + Send + Sync + 'static>() {}
    assert_send::<Run>();
    assert_shared::<Chain>();
}

#[test]
fn trap_fails_its_own_exchange_only() {
    let mut guest = Guest::new().with("(func $boom unreachable)");
    let body = trap_on(&mut guest, "x-trap");
    let mut node = Node::new();
    node.add("probe", &guest.on_request(&body).build());
    let chain = node.chain();
    let waiting = run_request(&chain);
    let mut head = request();
    head.headers.insert("x-trap", "1".parse().unwrap());
    let mut run = chain.begin(stream());
    let failure = failure(run.ask(&mut head, EndOfStream::Yes));
    assert_eq!(
        (&*failure.filter, failure.callback, failure.kind),
        ("probe", Callback::RequestHeaders, FailureKind::Trap)
    );
    assert_eq!(failure.to_string(), "filter probe failed in request_headers: trap");
    // The exchange that was under way and the next one know nothing of it; the failed one sees no response.
    let (mut earlier, mut earlier_head, _) = waiting;
    assert!(matches!(earlier.tell(&mut earlier_head, &mut response(), EndOfStream::No), Verdict::Continue));
    assert!(matches!(run.tell(&mut head, &mut response(), EndOfStream::No), Verdict::Continue));
    assert!(matches!(run_request(&chain).2, Verdict::Continue));
    assert_eq!(node.metric("forebay_filter_failures_total{filter=\"probe\",kind=\"trap\"}").as_deref(), Some("1"));
    assert_eq!(node.metric("forebay_filter_failures_total{filter=\"probe\",kind=\"deadline\"}").as_deref(), Some("0"));
}

#[test]
fn failure_is_logged_with_function_names() {
    let guest = Guest::new().with("(func $parse_the_cookie unreachable)").on_request("(call $parse_the_cookie)");
    let chain = chain_of(&guest.build());
    let log = logged(|| drop(run_request(&chain)));
    assert_eq!(log.lines().filter(|line| line.contains("filter failed")).count(), 1, "{log}");
    for part in ["filter=probe", "request_headers", "trap", "req-1", "parse_the_cookie", "unreachable"] {
        assert!(log.contains(part), "{part} is missing in {log}");
    }
}

#[test]
fn instance_that_failed_is_never_used_again() {
    let mut guest = Guest::new().with("(func $boom unreachable) (global $calls (mut i32) (i32.const 0))");
    let trap = trap_on(&mut guest, "x-trap");
    let count = "(global.set $calls (i32.add (global.get $calls) (i32.const 1))) (call $tell (global.get $calls))";
    // Shared, so that an instance that is used again shows.
    let mut node = Node::new();
    node.add("probe", &guest.on_request(&format!("{count} {trap}")).build()).isolation = Isolation::Shared;
    let chain = node.chain();
    let calls = || super::node::statuses(&run_request(&chain).1.headers);
    assert_eq!((calls(), calls()), (vec![1], vec![2]));
    let mut head = request();
    head.headers.insert("x-trap", "1".parse().unwrap());
    assert!(matches!(chain.begin(stream()).ask(&mut head, EndOfStream::Yes), Verdict::Fail(_)));
    assert_eq!(calls(), [1]);
}

#[test]
fn exchanges_at_the_same_time_have_instances_of_their_own() {
    let count = "(global.set $calls (i32.add (global.get $calls) (i32.const 1))) (call $tell (global.get $calls))";
    let chain = chain_of(&Guest::new().with("(global $calls (mut i32) (i32.const 0))").on_request(count).build());
    let runs = [run_request(&chain), run_request(&chain), run_request(&chain)];
    assert!(runs.iter().all(|(_, head, _)| super::node::statuses(&head.headers) == [1]));
}

#[test]
fn looping_guest_is_ended_by_its_deadline() {
    let mut node = Node::new();
    node.limits.callback_deadline = Duration::from_millis(5);
    node.add("probe", &Guest::new().on_request("(loop $for_ever (br $for_ever))").build());
    let failure = failure(run_request(&node.chain()).2);
    assert_eq!((failure.callback, failure.kind), (Callback::RequestHeaders, FailureKind::Deadline));
}

#[test]
fn looping_guest_has_its_deadline_and_not_two() {
    const DEADLINE: Duration = Duration::from_millis(100);
    let mut node = Node::new();
    node.limits.callback_deadline = DEADLINE;
    node.add("probe", &Guest::new().on_request("(loop $for_ever (br $for_ever))").build());
    let chain = node.chain();
    let (begun, began) = (processor_time(), Instant::now());
    assert_eq!(failure(run_request(&chain).2).kind, FailureKind::Deadline);
    let used = processor_time() - begun;
    // What a busy machine took for others counts, up to a quarter of the deadline; it is met to a tick.
    let counted = used + began.elapsed().saturating_sub(used).min(DEADLINE / 4);
    assert!(counted >= DEADLINE - Duration::from_millis(1) && used < DEADLINE * 9 / 5, "{used:?} of {counted:?}");
}

/// What the thread has computed so far: other than time, it does not pass while a busy machine runs something else.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

#[test]
fn looping_allocator_runs_on_its_callbacks_deadline() {
    let wat = r#"(module
        (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (loop $for_ever (br $for_ever)) (i32.const 0))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
          (call $pairs (i32.const 0) (i32.const 0) (i32.const 4))))"#;
    let mut node = Node::new();
    node.limits.callback_deadline = Duration::from_millis(5);
    node.add("probe", &wat::parse_str(wat).unwrap());
    assert_eq!(failure(run_request(&node.chain()).2).kind, FailureKind::Deadline);
}

#[test]
fn looping_configure_is_a_load_error() {
    let mut node = Node::new();
    node.limits.configure_deadline = Duration::from_millis(5);
    node.add("probe", &Guest::new().on_configure("(loop $for_ever (br $for_ever))").build());
    let fault = node.fault();
    assert!(fault.contains("failed to start: deadline"), "{fault}");
}

#[test]
fn endless_recursion_is_a_trap() {
    let guest = Guest::new().with("(func $down (call $down) (call $down))").on_request("(call $down)");
    assert_eq!(failure(run_request(&chain_of(&guest.build())).2).kind, FailureKind::Trap);
}

#[test]
fn new_instance_that_cannot_start_fails_its_exchange() {
    // The second instance finds the gauge that the first one has set.
    let mut guest = Guest::new();
    let name = guest.text("starts");
    let body = format!(
        "(drop (call $define (i32.const 1) {name} (i32.const 0))) (drop (call $metric (i32.load (i32.const 0)) (i32.const 8)))
         (if (i64.ne (i64.load (i32.const 8)) (i64.const 0)) (then (return (i32.const 0))))
         (drop (call $record (i32.load (i32.const 0)) (i64.const 1)))"
    );
    let mut node = Node::new();
    node.add("probe", &guest.on_configure(&body).build()).isolation = Isolation::Shared;
    let chain = node.chain();
    let failure = failure(run_request(&chain).2);
    assert_eq!((failure.callback, failure.kind), (Callback::Start, FailureKind::Start));
}

#[test]
fn failing_open_leaves_no_trace_of_the_callback() {
    let mut guest = Guest::new();
    let [name, value, path, root, origin, property] =
        ["x-half", "done", ":path", "/elsewhere", "docs-next", "forebay.origin"].map(|text| guest.text(text));
    let body = format!(
        "(drop (call $add (global.get $map) {name} {value})) (drop (call $replace (i32.const 0) {path} {root}))
         (drop (call $set_property {property} {origin})) unreachable"
    );
    let mut node = Node::new();
    node.add("open", &guest.on_request(&body).on_response("unreachable").build()).on_error = OnError::FailOpen;
    let mut second = Guest::new();
    let [name, value] = ["x-second", "ran"].map(|text| second.text(text));
    node.add("second", &second.on_request(&format!("(drop (call $add (i32.const 0) {name} {value}))")).build());
    let chain = node.chain();
    let (run, head, verdict) = run_request(&chain);
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(run.origin(), None);
    assert_eq!(head.path, "/guide?page=2");
    assert!(head.headers.get("x-half").is_none());
    assert_eq!(values(&head.headers, "x-second"), ["ran"]);
    assert_eq!(node.metric("forebay_filter_failures_total{filter=\"open\",kind=\"trap\"}").as_deref(), Some("1"));
}

#[test]
fn failing_open_in_a_response_keeps_the_origins() {
    let mut guest = Guest::new();
    let [name, status, code] = ["content-type", ":status", "500"].map(|text| guest.text(text));
    let body = format!(
        "(drop (call $remove (i32.const 2) {name})) (drop (call $replace (i32.const 2) {status} {code})) unreachable"
    );
    let mut node = Node::new();
    node.add("open", &guest.on_response(&body).build()).on_error = OnError::FailOpen;
    let (_run, parts, verdict) = run_both(&node.chain());
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!((parts.status, parts.headers), (response().status, response().headers));
}

#[test]
fn failing_closed_keeps_later_filters_out() {
    let mut node = Node::new();
    node.add("closed", &Guest::new().on_request("unreachable").build());
    node.add("second", &Guest::new().on_request("(call $tell (i32.const 1))").build());
    let (_run, head, verdict) = run_request(&node.chain());
    assert_eq!(&*failure(verdict).filter, "closed");
    assert!(head.headers.get("x-status").is_none());
}

#[test]
fn failing_at_the_end_is_counted_and_spends_the_instance() {
    let mut node = Node::new();
    node.add("probe", &Guest::new().on_log("unreachable").build());
    let chain = node.chain();
    for _ in 0..2 {
        let (_run, _, verdict) = run_both(&chain);
        assert!(matches!(verdict, Verdict::Continue));
    }
    assert_eq!(node.metric("forebay_filter_failures_total{filter=\"probe\",kind=\"trap\"}").as_deref(), Some("2"));
}
