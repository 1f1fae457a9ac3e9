//! The elements of a route's `filters`, conditions and canaries.

use http::Method;

use super::folder_with;
use crate::config::{Config, load};

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
    let plain = chain("methods = [\"PUT\"]", "\"a\"").unwrap();
    assert_eq!(
        (&plain.routes[0].filters[0].condition.methods, &plain.routes[0].filters[0].settings),
        (&vec![Method::PUT], &None)
    );
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
        ("", "{ name = \"a\", pat = \"/\" }", "route[0].filters[0].pat: is not a key; did you mean \"path\"?"),
        ("", "\"a\", { name = \"a\" }", "route[0].filters[1]: \"a\" is in this chain already"),
        ("paths = []", "\"a\"", "filters.a.paths: is empty; leave it out"),
        ("path = \"x\"", "\"a\"", "filters.a.path: \"x\" does not start with a slash"),
        ("methods = [\"get\"]", "\"a\"", "filters.a.methods[0]: \"get\" is not a method; write one in capitals"),
        ("methods = [\"G T\"]", "\"a\"", "filters.a.methods[0]: \"G T\" is not a method"),
        ("canary = {}", "\"a\"", "filters.a.canary.module: is missing"),
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
