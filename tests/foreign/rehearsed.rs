//! Guests on cases of a file, without a node: `forebay filter test` runs what other tests here have a node run.

use std::path::Path;

use support::forebay;

use crate::node::built;

/// Runs a guest on its cases in tests/guests/cases.
fn assert_passes_its_cases(guest: &str) {
    let Some(module) = built(guest) else { return };
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/cases").join(guest).with_extension("toml");
    let output = forebay().args(["filter", "test"]).args([module, cases]).output().expect("the program can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_guest_on_this_sdk_calls_and_changes_bodies_and_trailers() {
    assert_passes_its_cases("sdk");
}

#[test]
fn the_guest_on_the_rust_sdk_calls_and_changes_bodies() {
    assert_passes_its_cases("rust");
}
