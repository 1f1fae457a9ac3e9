//! The elements of a route's `filters`, conditions and canaries.

use http::Method;

use super::folder_with;
use crate::config::{Config, Filter, HeaderPause, Isolation, Side, load, load_anew};

/// A filter `a` with these lines, and a chain in which this is the element.
fn chain(filter: &str, element: &str) -> Result<Config, String> {
    let (_folder, file) = folder_with(filter);
    let text = std::fs::read_to_string(&file).unwrap().replace("filters = [\"a\"]", &format!("filters = [{element}]"));
    std::fs::write(&file, text).unwrap();
    load(&file).map_err(|faults| faults.to_string())
}

#[test]
fn what_an_element_says_takes_the_place_of_what_the_filter_says() {
    let config = chain(
        "path = \"/own\"\npaths = [\"/two\"]\nmethods = [\"GET\"]\nsettings = \"own\"",
        "{ name = \"a\", paths = [\"/route\"], settings = { x = 1 } }",
    );
    let config = config.unwrap();
    let (filter, element) = (&config.filters[0], &config.routes[0].filters[0]);
    assert_eq!(filter.condition.paths, ["/own", "/two"]);
    assert_eq!(
        (element.condition.paths.as_slice(), &element.condition.methods),
        (&["/route".to_owned()][..], &vec![Method::GET])
    );
    assert_eq!((filter.settings.as_str(), element.settings.as_deref()), ("own", Some("{\"x\":1}")));
    let named = chain("root_id = \"second\"\nvm_settings = { y = [2] }", "\"a\"").unwrap();
    let Filter { root_id, vm_settings, settings, .. } = &named.filters[0];
    assert_eq!([root_id, vm_settings, settings], ["second", "{\"y\":[2]}", ""]);
    let plain = chain("methods = [\"PUT\"]", "\"a\"").unwrap();
    assert_eq!(
        (&plain.routes[0].filters[0].condition.methods, &plain.routes[0].filters[0].settings),
        (&vec![Method::PUT], &None)
    );
}

#[test]
fn a_filter_is_at_the_clients_side_unless_it_or_the_route_says_otherwise() {
    let sides = |filter: &str, element: &str| {
        let config = chain(filter, element).unwrap();
        config.routes[0].filters.iter().map(|filter| filter.at).collect::<Vec<_>>()
    };
    assert_eq!(sides("", "\"a\""), [Side::Client]);
    assert_eq!(sides("at = \"origin\"", "\"a\""), [Side::Origin]);
    assert_eq!(sides("at = \"origin\"", "{ name = \"a\", at = \"client\" }"), [Side::Client]);
    assert_eq!(
        sides("", "\"a\", { name = \"a\", at = \"origin\" }"),
        [Side::Client, Side::Origin],
        "on each side once"
    );
    let summary = chain("", "\"a\", { name = \"a\", at = \"origin\" }").unwrap().summary().to_string();
    assert!(summary.contains(" through a, fetched through a, "), "{summary}");
}

#[test]
fn a_filter_is_isolated_by_request_unless_it_says_otherwise() {
    let isolation = |filter: &str| chain(filter, "\"a\"").map(|config| config.filters[0].isolation);
    assert_eq!(isolation(""), Ok(Isolation::Request));
    assert_eq!(isolation("isolation = \"request\""), Ok(Isolation::Request));
    assert_eq!(isolation("isolation = \"shared\""), Ok(Isolation::Shared));
}

#[test]
fn a_pause_at_headers_holds_everything_back_unless_the_filter_says_otherwise() {
    let pause = |filter: &str| chain(filter, "\"a\"").map(|config| config.filters[0].header_pause);
    assert_eq!(pause(""), Ok(HeaderPause::All));
    assert_eq!(pause("on_headers_stop_iteration = false"), Ok(HeaderPause::All));
    assert_eq!(pause("on_headers_stop_iteration = true"), Ok(HeaderPause::Headers));
    assert!(pause("on_headers_stop_iteration = 1").is_err());
}

#[test]
fn a_module_may_be_missing_for_a_node_that_runs() {
    let (folder, file) = folder_with("");
    std::fs::remove_file(folder.path().join("a.wasm")).unwrap();
    assert!(load(&file).unwrap_err().to_string().contains("filters.a.module: "));
    assert!(load_anew(&file).unwrap().filters[0].module.ends_with("a.wasm"));
}

#[test]
fn a_canary_has_a_module_and_a_share() {
    let config = chain("[filters.a.canary]\nmodule = \"next.wasm\"", "\"a\"").unwrap();
    let canary = config.filters[0].canary.as_ref().unwrap();
    assert!(canary.module.is_absolute() && canary.module.ends_with("next.wasm"), "it may be missing");
    assert_eq!((canary.percent, &canary.settings, &canary.sha256), (5, &None, &None));
}

#[test]
fn faults_of_elements_and_conditions_have_their_remedies() {
    let cases = [
        ("", "1", "route[0].filters[0]: is an integer; write a filter's name, or { name"),
        ("", "{}", "route[0].filters[0].name: is missing; write name = \"FILTER\""),
        ("", "{ name = \"b\" }", "route[0].filters[0].name: \"b\" is not a filter; did you mean"),
        ("", "{ name = \"a\", pth = \"/\" }", "route[0].filters[0].pth: is not a key; did you mean \"path\"?"),
        ("", "\"a\", { name = \"a\" }", "route[0].filters[1]: \"a\" is in this chain already"),
        ("paths = []", "\"a\"", "filters.a.paths: is empty; leave it out"),
        ("path = \"x\"", "\"a\"", "filters.a.path: \"x\" does not start with a slash"),
        ("methods = [\"get\"]", "\"a\"", "filters.a.methods[0]: \"get\" is not a method; write one in capitals"),
        ("methods = [\"G T\"]", "\"a\"", "filters.a.methods[0]: \"G T\" is not a method"),
        ("canary = {}", "\"a\"", "filters.a.canary.module: is missing"),
        ("at = \"edge\"", "\"a\"", "filters.a.at: \"edge\" is not one of the choices; write \"client\" or \"origin\""),
        ("", "{ name = \"a\", at = 1 }", "route[0].filters[0].at: is an integer; write a string"),
        (
            "at = \"origin\"",
            "\"a\", { name = \"a\", at = \"origin\" }",
            "route[0].filters[1]: \"a\" is in this chain already",
        ),
        (
            "isolation = \"none\"",
            "\"a\"",
            "filters.a.isolation: \"none\" is not one of the choices; write \"request\" or",
        ),
        (
            "canary = { module = \"b\", percent = 101 }",
            "\"a\"",
            "filters.a.canary.percent: 101 is too large; write 100",
        ),
    ];
    for (filter, element, told) in cases {
        let faults = chain(filter, element).expect_err(told);
        assert!(faults.contains(told), "{told} is not in {faults}");
    }
}
