//! `forebay check`: every fault of a configuration at once, each with its place and a way to mend it.

use std::path::Path;
use std::process::Stdio;

use support::{check, filter_module, forebay};

#[test]
fn the_shipped_configurations_are_right() {
    for name in ["edge.toml", "minimal.toml"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(name);
        let output = forebay().arg("check").arg("-c").arg(file).stdin(Stdio::null()).output();
        let output = output.expect("the program can be run");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("is right"), "{name}");
    }
}

#[test]
fn every_fault_is_listed_at_once_with_its_place() {
    let output = check(
        "[node]\nworkerz = 2\n\
         [cache]\nmemory = \"much\"\n\
         [origins.site]\nservers = [\"ftp://a\"]\n\
         [filters.gone]\nmodule = \"gone.wasm\"\n\
         [[route]]\norigin = \"nowhere\"\n",
    );
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    let expected = [
        ("edge.toml:2:1: node.workerz: ", "workers"),
        ("edge.toml:4:10: cache.memory: ", "much"),
        ("edge.toml:6:12: origins.site.servers", "http://"),
        ("edge.toml:8:10: filters.gone.module: ", "gone.wasm"),
        ("edge.toml:10:10: route", "nowhere"),
    ];
    for (place, mend) in expected {
        let line = told.lines().find(|line| line.contains(place));
        assert!(line.is_some_and(|line| line.contains(mend)), "{place} .. {mend} in:\n{told}");
    }
    assert_eq!(told.lines().count(), expected.len(), "{told}");
}

#[test]
fn a_file_that_is_not_there_or_not_toml_is_a_fault_like_any_other() {
    let output = forebay().args(["check", "-c", "no-such-file.toml"]).stdin(Stdio::null()).output();
    let output = output.expect("the program can be run");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-file.toml"));
    let output = check("[node\nname = 1");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("edge.toml:1:"));
}

#[test]
fn a_module_that_cannot_run_is_found_before_it_is_used() {
    let output = check(
        "[origins.site]\nservers = [\"http://127.0.0.1:1\"]\n[filters.odd]\nmodule = \"edge.toml\"\n\
         [[route]]\norigin = \"site\"\nfilters = [\"odd\"]\n",
    );
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("odd") && told.contains("WebAssembly"), "{told}");
}

#[test]
fn every_fault_of_filters_is_one_line_with_its_place() {
    let guard = filter_module("guard");
    let output = check(&format!(
        "[origins.site]\nservers = [\"http://127.0.0.1:1\"]\n[filters.odd]\nmodule = \"edge.toml\"\n\
         [filters.guard]\nmodule = {guard:?}\nsettings = {{ rulez = [] }}\n\
         [[route]]\norigin = \"site\"\nfilters = [\"odd\", \"guard\"]\n"
    ));
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    let expected = [
        ("edge.toml: filters.odd: module ", "is not a WebAssembly module this node can run: "),
        ("edge.toml: filters.guard: it refused its settings: proxy_on_configure answered false: ", "rulez"),
    ];
    for (place, wrong) in expected {
        let line = told.lines().find(|line| line.starts_with(place));
        assert!(line.is_some_and(|line| line.contains(wrong)), "{place} .. {wrong} in:\n{told}");
    }
    assert_eq!(told.lines().count(), expected.len(), "{told}");
}
