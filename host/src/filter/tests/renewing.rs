//! Filters renewed under way: versions swapped, kept, tried on a part of the exchanges and left alone.

use std::time::Duration;

use super::super::rollout::version::Version;
use super::super::{FilterState, Filters, Verdict};
use super::chains::{routes, shows_settings, with_settings};
use super::guest::{Guest, OUT};
use super::node::{Node, element, logged, run_both, run_request, values};
use crate::config::{FilterCanary, HeaderPause, Isolation, OnError, Pin, Place, Side};

/// A guest that says which version it is.
pub(super) fn version(name: &str) -> Vec<u8> {
    let mut guest = Guest::new();
    let [header, name] = ["x-version", name].map(|text| guest.text(text));
    guest
        .on_request(&format!("(drop (call $add (i32.const 0) {header} {name}))"))
        .on_response(&format!("(drop (call $add (i32.const 2) {header} {name}))"))
        .build()
}

pub(super) fn trapping() -> Vec<u8> {
    Guest::new().on_request("unreachable").build()
}

pub(super) fn words(outcomes: &[super::super::Outcome]) -> Vec<(&str, &str)> {
    outcomes.iter().map(|outcome| (outcome.filter.as_str(), outcome.change.word())).collect()
}

pub(super) fn states(filters: &Filters) -> Vec<(String, &'static str, Option<u8>)> {
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

/// What of a filter is changed, in words.
type Edit<'a> = (&'a str, &'a dyn Fn(&mut Node));

#[test]
fn a_new_version_is_made_for_what_concerns_instances_and_for_nothing_else() {
    let mattering: [Edit<'_>; 8] = [
        ("settings", &|node| node.filters[0].settings = "b".to_owned()),
        ("vm_settings", &|node| node.filters[0].vm_settings = "b".to_owned()),
        ("root_id", &|node| node.filters[0].root_id = "b".to_owned()),
        ("vm", &|node| node.filters[0].vm = "b".to_owned()),
        ("on_error", &|node| node.filters[0].on_error = OnError::FailOpen),
        ("isolation", &|node| node.filters[0].isolation = Isolation::Shared),
        ("on_headers_stop_iteration", &|node| node.filters[0].header_pause = HeaderPause::Headers),
        ("filter_limits", &|node| node.limits.breaker_failures = 7),
    ];
    let place = || Place::File("edge.toml".into());
    let module = version("same");
    let digest = Version::of(&module).digits();
    let others: [Edit<'_>; 4] = [
        ("sha256", &|node| node.filters[0].sha256 = Some(Pin { digest: digest.clone(), place: place() })),
        ("at", &|node| node.filters[0].at = Side::Origin),
        ("path", &|node| node.filters[0].condition.paths = vec!["/api".to_owned()]),
        ("canary", &|node| with_canary(node, &version("next"), 5)),
    ];
    let mattering = mattering.map(|edit| (edit, "loaded"));
    for ((what, edit), expected) in mattering.into_iter().chain(others.map(|edit| (edit, "unchanged"))) {
        let mut node = Node::new();
        node.add("same", &module);
        let before = node.load().unwrap();
        edit(&mut node);
        let (_, outcomes) = before.renewed(&node.wanted(&[]), &node.environment);
        assert_eq!(words(&outcomes), [("same", expected)], "{what}");
    }
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

/// A guest that shows its settings; three bytes of them it refuses, and at four it traps.
fn picky() -> Guest {
    let mut guest = Guest::new();
    let why = guest.text("rules: no such rule");
    let size = |bytes: u32| format!("(i32.eq (local.get $size) (i32.const {bytes}))");
    let refuses = format!("(then (drop (call $log (i32.const 4) {why})) (return (i32.const 0)))");
    let configure = format!("(if {} {refuses}) (if {} (then unreachable))", size(3), size(4));
    let settings = format!("(drop (call $buffer (i32.const 7) (i32.const 0) (i32.const 100) {OUT})) (call $show)");
    guest.on_configure(&configure).on_request(&settings)
}

#[test]
fn a_version_that_refuses_its_settings_or_traps_in_them_never_meets_an_exchange() {
    let refused = "it refused its settings: proxy_on_configure answered false: rules: no such rule";
    let trapped = "it failed to start: trap: ";
    // The same module with other settings, and another module too.
    let another = || picky().with("(func (export \"another\"))").build();
    let cases = [(picky().build(), "bad", refused), (picky().build(), "trap", trapped), (another(), "bad", refused)];
    for (module, settings, cause) in cases {
        let mut node = Node::new();
        node.add("picky", &picky().build()).settings = "sound".to_owned();
        node.add("fine", &version("old"));
        let before = node.load().unwrap();
        let chain = before.chain(&node.elements()).unwrap();
        run_request(&chain);
        std::fs::write(&node.filters[0].module, module).unwrap();
        std::fs::write(&node.filters[1].module, version("new")).unwrap();
        node.filters[0].settings = settings.to_owned();
        let mut told = None;
        let log = logged(|| told = Some(before.renewed(&node.wanted(&[]), &node.environment)));
        let (after, outcomes) = told.unwrap();
        assert_eq!(words(&outcomes), [("picky", "kept"), ("fine", "loaded")]);
        let fault = outcomes[0].change.fault().unwrap().to_string();
        assert!(fault.starts_with(cause) && fault.lines().count() == 1, "{fault}");
        let line = log.lines().find(|line| line.contains(cause)).unwrap_or_else(|| panic!("{log}"));
        assert!(line.contains("ERROR") && line.contains("filter=\"picky\""), "{line}");
        for (chain, other) in [(chain, "old"), (after.chain(&node.elements()).unwrap(), "new")] {
            let (_run, head, verdict) = run_request(&chain);
            assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
            let seen = [values(&head.headers, "x-value"), values(&head.headers, "x-version")].concat();
            assert_eq!(seen, ["sound", other]);
        }
        node.filters[0].settings = "better".to_owned();
        let (mended, _) = after.renewed(&node.wanted(&[]), &node.environment);
        let (_run, head, _) = run_request(&mended.chain(&[element("picky")]).unwrap());
        assert_eq!(values(&head.headers, "x-value"), ["better"]);
    }
}

#[test]
fn settings_that_a_guest_refuses_concern_the_routes_that_have_them() {
    let mut node = Node::new();
    node.add("picky", &picky().build()).settings = "filter".to_owned();
    let chains =
        [element("picky"), with_settings("picky", "route"), with_settings("picky", "bad")].map(|one| vec![one]);
    let before = Filters::load(&node.wanted(&routes(&chains[..2])), &node.environment).unwrap();
    let (after, outcomes) = before.renewed(&node.wanted(&routes(&chains)), &node.environment);
    assert_eq!(words(&outcomes), [("picky", "unchanged"), ("picky", "failed"), ("picky", "unchanged")]);
    for (chain, expected) in chains.iter().zip(["filter", "route"]) {
        let (_run, head, _) = run_request(&after.chain(chain).unwrap());
        assert_eq!(values(&head.headers, "x-value"), [expected]);
    }
    assert!(after.chain(&chains[2]).is_err());
}

#[test]
fn a_broken_module_keeps_the_plugins_that_are_there_under_their_settings_only() {
    let mut node = Node::new();
    node.add("show", &shows_settings());
    let (old, new) = (vec![with_settings("show", "a")], vec![with_settings("show", "b")]);
    let before = Filters::load(&node.wanted(&routes(std::slice::from_ref(&old))), &node.environment).unwrap();
    std::fs::write(&node.filters[0].module, b"no module").unwrap();
    let (after, outcomes) = before.renewed(&node.wanted(&routes(&[old.clone(), new.clone()])), &node.environment);
    assert_eq!(words(&outcomes), [("show", "kept"), ("show", "failed")]);
    assert!(after.chain(&old).is_ok() && after.chain(&new).is_err());
}

/// Gives the node's first filter a canary of this module.
pub(super) fn with_canary(node: &mut Node, module: &[u8], percent: u8) {
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

/// Why each of so many requests failed; `entered` where none did.
pub(super) fn ends<const COUNT: usize>(chain: &super::super::Chain) -> [&'static str; COUNT] {
    [(); COUNT].map(|()| match run_request(chain).2 {
        Verdict::Continue => "entered",
        Verdict::Fail(failure) => failure.kind.word(),
        other => panic!("{other:?}"),
    })
}

#[test]
fn a_canary_that_fails_is_taken_back_until_the_next_reload() {
    let looping = Guest::new().on_request("(loop $for_ever (br $for_ever))").build();
    for (module, kind) in [(trapping(), "trap"), (looping, "deadline")] {
        let mut node = Node::new();
        node.limits.callback_deadline = Duration::from_millis(20);
        node.add("tried", &version("stable"));
        with_canary(&mut node, &module, 100);
        let filters = node.load().unwrap();
        let chain = filters.chain(&[element("tried")]).unwrap();
        assert_eq!(ends(&chain), [kind, kind, kind, "entered", "entered"]);
        let own = "tried".to_owned();
        assert_eq!(states(&filters), [(own.clone(), "running", None), (own.clone(), "rolled_back", Some(0))]);
        let series = "forebay_filter_rollbacks_total{filter=\"tried\",reason=\"failures\"}";
        assert_eq!(node.metric(series).as_deref(), Some("1"));
        let (again, _) = filters.renewed(&node.wanted(&[]), &node.environment);
        assert_eq!(states(&again)[1], (own, "canary", Some(100)));
    }
}

#[test]
fn a_canary_that_fails_open_is_taken_back_all_the_same() {
    let mut node = Node::new();
    node.add("tried", &version("stable")).on_error = OnError::FailOpen;
    with_canary(&mut node, &trapping(), 100);
    let chain = node.chain();
    let versions = [(); 5].map(|()| values(&run_request(&chain).1.headers, "x-version").concat());
    assert_eq!(versions, ["", "", "", "stable", "stable"]);
}

#[test]
fn a_canary_has_its_own_settings_where_a_route_has_none() {
    let mut node = Node::new();
    node.add("show", &shows_settings()).settings = "filter".to_owned();
    with_canary(&mut node, &shows_settings(), 100);
    let chains = [vec![element("show")], vec![with_settings("show", "route")]];
    for (own, expected) in [(None, ["filter", "route"]), (Some("canary"), ["canary", "route"])] {
        node.filters[0].canary.as_mut().unwrap().settings = own.map(str::to_owned);
        let filters = Filters::load(&node.wanted(&routes(&chains)), &node.environment).unwrap();
        for (chain, expected) in chains.iter().zip(expected) {
            let (_run, head, _) = run_request(&filters.chain(chain).unwrap());
            assert_eq!(values(&head.headers, "x-value"), [expected]);
        }
    }
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
