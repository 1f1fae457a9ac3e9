//! Guests' logs: under their own target, with the filter and the request, and bounded.

use super::guest::Guest;
use super::node::{Node, chain_of, logged, run_request, statuses};

#[test]
fn lines_carry_filter_request_and_level() {
    let mut guest = Guest::new();
    let [told, quiet] = ["all is well", "too quiet"].map(|text| guest.text(text));
    let body = format!(
        "(call $tell (call $log (i32.const 2) {told})) (call $tell (call $log (i32.const 5) {told}))
         (call $tell (call $log (i32.const 0) {quiet})) (call $tell (call $log (i32.const 6) {told}))
         (call $tell (call $log_level (i32.const 32))) (call $tell (i32.load (i32.const 32)))"
    );
    let mut node = Node::new();
    node.add("probe", &guest.on_request(&body).build());
    let chain = node.chain();
    let log = logged(|| {
        let (_run, head, _) = run_request(&chain);
        assert_eq!(statuses(&head.headers), [0, 0, 0, 2, 0, 2]);
    });
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].contains("INFO forebay::guest: all is well filter=probe request_id=\"req-1\""), "{log}");
    assert!(lines[1].contains("ERROR forebay::guest: all is well"), "{log}");
}

#[test]
fn a_guest_cannot_forge_lines_of_the_log() {
    let mut guest = Guest::new();
    let forged = guest.text("well\n2027-01-15T08:00:00Z ERROR forebay: on fire\u{1b}[2J");
    let chain = chain_of(&guest.on_request(&format!("(drop (call $log (i32.const 2) {forged}))")).build());
    let log = logged(|| drop(run_request(&chain)));
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("well\\n2027") && log.contains("on fire\\u{1b}[2J filter=probe"), "{log}");
}

#[test]
fn flood_is_cut_and_counted() {
    let mut guest = Guest::new();
    let line = guest.text("x".repeat(100));
    let body = format!(
        "(local.set $end (i32.const 0))
         (loop $more (drop (call $log (i32.const 2) {line})) (local.set $end (i32.add (local.get $end) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $end) (i32.const 5000))))"
    );
    let mut node = Node::new();
    node.limits.log_bytes_max = 1000;
    node.add("probe", &guest.on_request(&body).build());
    let chain = node.chain();
    for _ in 0..2 {
        let log = logged(|| drop(run_request(&chain)));
        assert_eq!(log.lines().filter(|line| line.contains("forebay::guest")).count(), 10);
        assert_eq!(
            log.lines().filter(|line| line.contains("dropped_lines=4990 dropped_bytes=499000")).count(),
            1,
            "{log}"
        );
    }
}
