//! Breakers: a version that fails again and again is left alone for a while, and no other is.

use std::time::Duration;

use super::super::Verdict;
use super::guest::Guest;
use super::node::{Node, element, logged, run_request, values};
use super::renewing::{ends, states, trapping, version, with_canary, words};
use crate::config::OnError;

#[test]
fn a_failing_filter_is_left_alone_until_a_probe_ends_well() {
    let mut node = Node::new();
    node.limits.breaker_failures = 3;
    let mut guest = Guest::new();
    let name = guest.text("x-trap");
    let body =
        format!("(if (i32.eqz (call $value (i32.const 0) {name} (i32.const 0) (i32.const 4))) (then unreachable))");
    node.add("shaky", &guest.on_request(&body).build());
    let filters = node.load().unwrap();
    let chain = filters.chain(&[element("shaky")]).unwrap();
    let ask = |trap: bool| {
        let mut head = super::node::request();
        if trap {
            head.headers.insert("x-trap", "1".parse().unwrap());
        }
        match chain.begin(super::node::stream()).ask(&mut head, super::super::EndOfStream::Yes) {
            Verdict::Continue => "entered",
            Verdict::Fail(failure) => failure.kind.word(),
            other => panic!("{other:?}"),
        }
    };
    let log = logged(|| assert_eq!([ask(true), ask(true), ask(true), ask(false)], ["trap", "trap", "trap", "breaker"]));
    assert!(log.contains("breaker open") && log.contains(&filters.states()[0].version), "{log}");
    assert_eq!(node.metric("forebay_filter_breaker_open{filter=\"shaky\"}").as_deref(), Some("1"));
    assert_eq!(states(&filters), [("shaky".to_owned(), "breaker_open", None)]);
    node.clock.advance(Duration::from_secs(10));
    assert_eq!([ask(true), ask(false)], ["trap", "breaker"], "the probe failed");
    node.clock.advance(Duration::from_secs(10));
    assert_eq!([ask(false), ask(false)], ["entered", "entered"]);
    assert_eq!(node.metric("forebay_filter_breaker_open{filter=\"shaky\"}").as_deref(), Some("0"));
}

#[test]
fn an_open_breaker_of_a_filter_that_fails_open_skips_it() {
    let mut node = Node::new();
    node.limits.breaker_failures = 1;
    node.add("open", &trapping()).on_error = OnError::FailOpen;
    node.add("behind", &version("ran"));
    let chain = node.chain();
    for _ in 0..3 {
        let (_run, head, verdict) = run_request(&chain);
        assert!(matches!(verdict, Verdict::Continue));
        assert_eq!(values(&head.headers, "x-version"), ["ran"]);
    }
    assert_eq!(node.metric("forebay_filter_failures_total{filter=\"open\",kind=\"trap\"}").as_deref(), Some("1"));
    assert_eq!(node.metric("forebay_filter_failures_total{filter=\"open\",kind=\"breaker\"}").as_deref(), Some("2"));
}

#[test]
fn a_canary_that_its_breaker_keeps_out_is_taken_back_too() {
    let mut node = Node::new();
    node.limits.breaker_failures = 1;
    node.add("tried", &version("stable"));
    with_canary(&mut node, &trapping(), 100);
    assert_eq!(ends(&node.chain()), ["trap", "breaker", "breaker", "entered", "entered"]);
}

#[test]
fn a_canarys_breaker_leaves_the_stable_version_alone() {
    let mut node = Node::new();
    node.limits.breaker_failures = 2;
    node.add("tried", &version("stable"));
    with_canary(&mut node, &trapping(), 50);
    let filters = node.load().unwrap();
    let chain = filters.chain(&[element("tried")]).unwrap();
    let traps = || node.metric("forebay_filter_failures_total{filter=\"tried\",kind=\"trap\"}");
    while traps().as_deref() != Some("2") {
        let [end] = ends(&chain);
        assert!(["trap", "entered"].contains(&end), "{end}");
    }
    let own = "tried".to_owned();
    assert_eq!(states(&filters), [(own.clone(), "running", None), (own, "breaker_open", Some(50))]);
    assert_eq!(node.metric("forebay_filter_breaker_open{filter=\"tried\"}").as_deref(), Some("1"));
    let after: [&str; 60] = ends(&chain);
    // One that the canary's breaker refuses is its third failure.
    assert_eq!(after.iter().filter(|end| **end == "breaker").count(), 1, "{after:?}");
    assert_eq!(after.iter().filter(|end| **end == "entered").count(), 59, "{after:?}");
}

#[test]
fn another_version_begins_with_a_closed_breaker_and_the_same_one_keeps_its_own() {
    let mut node = Node::new();
    node.limits.breaker_failures = 2;
    node.add("shaky", &trapping());
    let filters = node.load().unwrap();
    let elements = node.elements();
    let chain = filters.chain(&elements).unwrap();
    assert_eq!(ends(&chain), ["trap", "trap", "breaker"]);
    let (same, outcomes) = filters.renewed(&node.wanted(&[]), &node.environment);
    assert_eq!(words(&outcomes), [("shaky", "unchanged")]);
    assert_eq!(ends(&same.chain(&elements).unwrap()), ["breaker"]);
    std::fs::write(&node.filters[0].module, version("mended")).unwrap();
    let (mended, outcomes) = same.renewed(&node.wanted(&[]), &node.environment);
    assert_eq!(words(&outcomes), [("shaky", "loaded")]);
    assert_eq!(states(&mended), [("shaky".to_owned(), "running", None)]);
    assert_eq!(ends(&mended.chain(&elements).unwrap()), ["entered", "entered"]);
    assert_eq!(ends(&chain), ["breaker"], "exchanges of the old version are still kept out of it");
    let open = || node.metric("forebay_filter_breaker_open{filter=\"shaky\"}");
    assert_eq!(open().as_deref(), Some("1"), "the old version is still there");
    drop((filters, same, chain));
    assert_eq!(open().as_deref(), Some("0"));
    // Other settings are another version too, and so is going back to one that failed.
    std::fs::write(&node.filters[0].module, trapping()).unwrap();
    let (back, _) = mended.renewed(&node.wanted(&[]), &node.environment);
    assert_eq!(ends(&back.chain(&elements).unwrap()), ["trap", "trap", "breaker"]);
    node.filters[0].settings = "other".to_owned();
    let (other, _) = back.renewed(&node.wanted(&[]), &node.environment);
    assert_eq!(ends(&other.chain(&elements).unwrap()), ["trap", "trap", "breaker"]);
}
