//! The metrics of filters: the host's about them, and their own.

use super::guest::Guest;
use super::node::{Node, logged, run_both, run_request, statuses};

const KINDS: [&str; 3] = ["(i32.const 0)", "(i32.const 1)", "(i32.const 2)"];

/// A guest's code that defines `name` and leaves its number at 32.
fn define(guest: &mut Guest, kind: &str, name: &str) -> String {
    format!("(call $tell (call $define {kind} {} (i32.const 32)))", guest.text(name))
}

#[test]
fn counters_gauges_and_histograms_are_exposed() {
    let [counter, gauge, histogram] = KINDS;
    let mut guest = Guest::new();
    let mut body = define(&mut guest, counter, "my.hits");
    body += "(call $tell (call $increment (i32.load (i32.const 32)) (i64.const 2)))
        (call $tell (call $record (i32.load (i32.const 32)) (i64.const 3)))
        (call $tell (call $metric (i32.load (i32.const 32)) (i32.const 40))) (call $tell (i32.load (i32.const 40)))";
    body += &define(&mut guest, gauge, "depth{queue=\"in\"}");
    body += "(call $tell (call $record (i32.load (i32.const 32)) (i64.const 9)))
        (call $tell (call $increment (i32.load (i32.const 32)) (i64.const -4)))";
    body += &define(&mut guest, histogram, "size");
    body += "(call $tell (call $record (i32.load (i32.const 32)) (i64.const 30)))";
    let mut node = Node::new();
    node.add("probe", &guest.on_request(&body).build());
    let (_run, head, _) = run_request(&node.chain());
    assert_eq!(statuses(&head.headers), [0, 0, 0, 0, 5, 0, 0, 0, 0, 0]);
    assert_eq!(node.metric("forebay_wasm_my_hits_total{filter=\"probe\"}").as_deref(), Some("5"));
    assert_eq!(node.metric("forebay_wasm_depth{filter=\"probe\",queue=\"in\"}").as_deref(), Some("5"));
    assert_eq!(node.metric("forebay_wasm_size_bucket{filter=\"probe\",le=\"50\"}").as_deref(), Some("1"));
    assert_eq!(node.metric("forebay_wasm_size_bucket{filter=\"probe\",le=\"20\"}").as_deref(), Some("0"));
}

#[test]
fn wrong_uses_are_refused() {
    let [counter, gauge, histogram] = KINDS;
    let mut guest = Guest::new();
    let mut body = define(&mut guest, counter, "hits");
    body += "(call $tell (call $increment (i32.load (i32.const 32)) (i64.const 0)))
        (call $tell (call $increment (i32.load (i32.const 32)) (i64.const -1)))";
    body += &define(&mut guest, histogram, "size");
    body += "(call $tell (call $increment (i32.load (i32.const 32)) (i64.const 1)))
        (call $tell (call $metric (i32.load (i32.const 32)) (i32.const 40)))
        (call $tell (call $record (i32.const 77) (i64.const 1)))
        (call $tell (call $define (i32.const 3) (i32.const 64) (i32.const 8) (i32.const 32)))";
    body += &define(&mut guest, gauge, "hits");
    body += &define(&mut guest, counter, "hits_total{a=\"b\"}");
    body += &define(&mut guest, counter, "hits_total{filter=\"other\"}");
    let mut node = Node::new();
    node.add("probe", &guest.on_request(&body).build());
    let (_run, head, _) = run_request(&node.chain());
    assert_eq!(statuses(&head.headers), [0, 2, 2, 0, 2, 2, 1, 2, 2, 2, 2]);
}

#[test]
fn instances_and_filters_share_families_but_not_series() {
    let mut guest = Guest::new();
    let body =
        define(&mut guest, KINDS[0], "hits") + "(drop (call $increment (i32.load (i32.const 32)) (i64.const 1)))";
    let module = guest.on_request(&body).build();
    let mut node = Node::new();
    node.add("one", &module);
    node.add("two", &module);
    let chain = node.chain();
    let _runs = [run_request(&chain), run_request(&chain), run_request(&chain)];
    assert_eq!(node.metric("forebay_wasm_hits_total{filter=\"one\"}").as_deref(), Some("3"));
    assert_eq!(node.metric("forebay_wasm_hits_total{filter=\"two\"}").as_deref(), Some("3"));
}

#[test]
fn series_of_a_filter_are_bounded_and_told_once() {
    let mut guest = Guest::new();
    let mut body = String::new();
    for index in 0..10 {
        body += &define(&mut guest, KINDS[0], &format!("hits{{user=\"{index}\"}}"));
    }
    body += &define(&mut guest, KINDS[0], "hits{user=\"0\"}");
    let mut node = Node::new();
    node.limits.metric_series_max = 8;
    node.add("probe", &guest.on_request(&body).build());
    let chain = node.chain();
    let log = logged(|| {
        let (_run, head, _) = run_request(&chain);
        assert_eq!(statuses(&head.headers), [0, 0, 0, 0, 0, 0, 0, 0, 10, 10, 0]);
    });
    assert_eq!(log.lines().filter(|line| line.contains("too many metrics")).count(), 1, "{log}");
    assert_eq!(node.metrics().lines().filter(|line| line.starts_with("forebay_wasm_hits_total{")).count(), 8);
}

#[test]
fn time_in_guests_is_measured_by_callback() {
    let mut node = Node::new();
    node.add("probe", &Guest::new().on_request("").on_response("").build());
    let chain = node.chain();
    let (run, ..) = run_both(&chain);
    assert!(run.elapsed() > std::time::Duration::ZERO);
    drop(run);
    for callback in ["request_headers", "response_headers", "done"] {
        let series = format!("forebay_filter_duration_seconds_count{{callback=\"{callback}\",filter=\"probe\"}}");
        assert_eq!(node.metric(&series).as_deref(), Some("1"), "{callback}");
    }
}

#[test]
fn filters_load_again_beside_running_ones() {
    let mut node = Node::new();
    node.add("probe", &Guest::new().build());
    let _running = run_request(&node.chain());
    assert!(node.load().is_ok());
}
