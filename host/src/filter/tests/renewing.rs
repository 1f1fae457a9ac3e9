//! Filters renewed under way: versions swapped, kept, tried on a part of the exchanges and left alone.

use std::time::Duration;

use super::super::{FilterState, Filters, Verdict};
use super::chains::{routes, shows_settings, with_settings};
use super::guest::Guest;
use super::node::{Node, element, logged, run_both, run_request, values};
use crate::config::{FilterCanary, OnError};

/// A guest that says which version it is.
fn version(name: &str) -> Vec<u8> {
    let mut guest = Guest::new();
    let [header, name] = ["x-version", name].map(|text| guest.text(text));
    guest
        .on_request(&format!("(drop (call $add (i32.const 0) {header} {name}))"))
        .on_response(&format!("(drop (call $add (i32.const 2) {header} {name}))"))
        .build()
}

fn trapping() -> Vec<u8> {
    Guest::new().on_request("unreachable").build()
}

fn words(outcomes: &[super::super::Outcome]) -> Vec<(&str, &str)> {
    outcomes.iter().map(|outcome| (outcome.filter.as_str(), outcome.change.word())).collect()
}

fn states(filters: &Filters) -> Vec<(String, &'static str, Option<u8>)> {
    filters.states().into_iter().map(|FilterState { name, state, percent, .. }| (name, state, percent)).collect()
}

#[test]
fn an_exchange_ends_on_the_version_it_began_with() {
    let mut node = Node::new();
    node.add("swapped", &version("old"));
    let before = node.load().unwrap();
    let chain = before.chain(&[element("swapped")]).unwrap();
    let (mut run, mut head, _) = run_request(&chain);
    node.add("swapped", &version("new"));
    node.filters.remove(0);
    let (after, outcomes) = before.renewed(&node.wanted(&[]), &node.environment);
    drop((before, chain));
    assert_eq!(words(&outcomes), [("swapped", "loaded")]);
    let mut parts = super::node::response();
    run.tell(&mut head, &mut parts, super::super::EndOfStream::No);
    assert_eq!(values(&parts.headers, "x-version"), ["old"]);
    let (_run, parts, _) = run_both(&after.chain(&[element("swapped")]).unwrap());
    assert_eq!(values(&parts.headers, "x-version"), ["new"]);
    let reloads = "forebay_filter_reloads_total{filter=\"swapped\",result=\"loaded\"}";
    assert_eq!(node.metric(reloads).as_deref(), Some("1"));
}

#[test]
fn what_did_not_change_is_neither_compiled_nor_configured_again() {
    let mut node = Node::new();
    let guest = Guest::new().on_configure("(global.set $map (i32.const 0))");
    node.add("same", &guest.build());
    node.add("limited", &version("a"));
    let before = node.load().unwrap();
    let compiles = "forebay_filter_compiles_total{result=\"compiled\"}";
    let compiled = node.metric(compiles);
    let (after, outcomes) = before.renewed(&node.wanted(&[]), &node.environment);
    assert_eq!(words(&outcomes), [("same", "unchanged"), ("limited", "unchanged")]);
    node.filters[1].settings = "x".to_owned();
    let (_, outcomes) = after.renewed(&node.wanted(&[]), &node.environment);
    assert_eq!(words(&outcomes), [("same", "unchanged"), ("limited", "loaded")]);
    assert_eq!(node.metric(compiles), compiled, "its code is there already");
    let (_, outcomes) = after.renewed(&Node::new().wanted(&[]), &node.environment);
    assert_eq!(words(&outcomes), [("limited", "removed"), ("same", "removed")]);
}

#[test]
fn a_module_that_fails_to_load_keeps_the_old_version_and_blocks_no_other() {
    let mut node = Node::new();
    node.add("broken", &version("old"));
    node.add("fine", &version("old"));
    let before = node.load().unwrap();
    std::fs::write(&node.filters[0].module, b"no module").unwrap();
    std::fs::write(&node.filters[1].module, version("new")).unwrap();
    node.add("never", b"no module");
    let mut told = None;
    let log = logged(|| told = Some(before.renewed(&node.wanted(&[]), &node.environment)));
    let (after, outcomes) = told.unwrap();
    assert_eq!(words(&outcomes), [("broken", "kept"), ("fine", "loaded"), ("never", "failed")]);
    assert!(log.contains("ERROR") && log.contains("filter=\"broken\"") && log.contains("not a WebAssembly"), "{log}");
    let (_run, head, _) = run_request(&after.chain(&[element("broken"), element("fine")]).unwrap());
    assert_eq!(values(&head.headers, "x-version"), ["old", "new"]);
    assert!(after.chain(&[element("never")]).is_err());
}

#[test]
fn settings_that_a_guest_refuses_keep_their_routes_old_plugin_only_under_the_same_settings() {
    let mut node = Node::new();
    node.add("show", &shows_settings());
    let (old, new) = (vec![with_settings("show", "a")], vec![with_settings("show", "b")]);
    let before = Filters::load(&node.wanted(&routes(std::slice::from_ref(&old))), &node.environment).unwrap();
    std::fs::write(&node.filters[0].module, b"no module").unwrap();
    let (after, outcomes) = before.renewed(&node.wanted(&routes(&[old.clone(), new.clone()])), &node.environment);
    assert_eq!(words(&outcomes), [("show", "kept"), ("show", "failed")]);
    assert!(after.chain(&old).is_ok() && after.chain(&new).is_err());
}

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

/// Gives the node's first filter a canary of this module.
fn with_canary(node: &mut Node, module: &[u8], percent: u8) {
    let path = node.filters[0].module.with_extension("next");
    std::fs::write(&path, module).unwrap();
    node.filters[0].canary = Some(FilterCanary { module: path, sha256: None, percent, settings: None });
}

#[test]
fn a_canary_meets_its_share_of_the_exchanges_in_both_phases() {
    let mut node = Node::new();
    node.add("tried", &version("stable"));
    with_canary(&mut node, &version("next"), 50);
    let chain = node.chain();
    let mut met = 0;
    for _ in 0..400 {
        let (mut run, mut head, _) = run_request(&chain);
        let mut parts = super::node::response();
        run.tell(&mut head, &mut parts, super::super::EndOfStream::No);
        let seen = values(&parts.headers, "x-version");
        assert_eq!(values(&head.headers, "x-version"), seen);
        met += usize::from(seen == ["next"]);
    }
    // 200 expected, standard deviation 10: outside once in a billion runs.
    assert!((140..=260).contains(&met), "{met}");
}

#[test]
fn a_canary_that_fails_is_taken_back_until_the_next_reload() {
    let mut node = Node::new();
    node.add("tried", &version("stable"));
    with_canary(&mut node, &trapping(), 100);
    let filters = node.load().unwrap();
    let chain = filters.chain(&[element("tried")]).unwrap();
    let fails = |chain: &super::super::Chain| matches!(run_request(chain).2, Verdict::Fail(_));
    assert_eq!([(); 5].map(|()| fails(&chain)), [true, true, true, false, false]);
    let own = "tried".to_owned();
    assert_eq!(states(&filters), [(own.clone(), "running", None), (own.clone(), "rolled_back", Some(0))]);
    let series = "forebay_filter_rollbacks_total{filter=\"tried\",reason=\"failures\"}";
    assert_eq!(node.metric(series).as_deref(), Some("1"));
    let (again, _) = filters.renewed(&node.wanted(&[]), &node.environment);
    assert_eq!(states(&again)[1], (own, "canary", Some(100)));
}

#[test]
fn a_canary_whose_exchanges_end_in_errors_is_taken_back() {
    let mut node = Node::new();
    node.add("tried", &version("stable"));
    let mut guest = Guest::new();
    let [status, code] = [":status", "503"].map(|text| guest.text(text));
    let next = guest.on_response(&format!("(drop (call $replace (i32.const 2) {status} {code}))")).build();
    with_canary(&mut node, &next, 50);
    let filters = node.load().unwrap();
    let chain = filters.chain(&[element("tried")]).unwrap();
    let errors = (0..400).filter(|_| run_both(&chain).1.status == 503).count();
    assert!((10..=50).contains(&errors), "{errors} before it was taken back");
    assert_eq!(states(&filters)[1].1, "rolled_back");
    let series = "forebay_filter_rollbacks_total{filter=\"tried\",reason=\"errors\"}";
    assert_eq!(node.metric(series).as_deref(), Some("1"));
}

#[test]
fn a_canary_that_cannot_be_loaded_is_told_and_left_out() {
    let mut node = Node::new();
    node.add("tried", &version("stable"));
    with_canary(&mut node, b"no module", 100);
    let mut filters = None;
    let log = logged(|| filters = Some(node.load().unwrap()));
    assert!(log.contains("canary_failed") && log.contains("not a WebAssembly"), "{log}");
    let (_run, head, _) = run_request(&filters.unwrap().chain(&[element("tried")]).unwrap());
    assert_eq!(values(&head.headers, "x-version"), ["stable"]);
}

#[test]
fn a_failures_log_line_names_the_version() {
    let mut node = Node::new();
    node.add("probe", &trapping());
    let filters = node.load().unwrap();
    let chain = filters.chain(&[element("probe")]).unwrap();
    let log = logged(|| drop(run_request(&chain)));
    let FilterState { version, .. } = &filters.states()[0];
    assert_eq!(version.len(), 12);
    assert!(log.contains(&format!("version={version}")), "{log}");
}

#[test]
fn a_second_load_takes_its_code_from_the_cache() {
    let mut node = Node::new();
    node.add("kept", &version("kept"));
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("code");
    let wanted = super::super::Wanted { cache: Some(&cache), ..node.wanted(&[]) };
    let loads: Vec<_> = (0..2).map(|_| Filters::load(&wanted, &node.environment).unwrap()).collect();
    let count = |result: &str| node.metric(&format!("forebay_filter_compiles_total{{result=\"{result}\"}}"));
    assert_eq!((count("compiled").as_deref(), count("cached").as_deref()), (Some("1"), Some("1")));
    let (_run, head, _) = run_request(&loads[1].chain(&[element("kept")]).unwrap());
    assert_eq!(values(&head.headers, "x-version"), ["kept"]);
}
