//! `forebay filter new`, `check` and `bench`: what an author of filters does beside writing them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use support::{Binary, filter_module, forebay, get, skip};
use tempfile::TempDir;

use crate::filter_cases::told;

fn filter<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> (Option<i32>, String) {
    let output = forebay().arg("filter").args(arguments).stdin(Stdio::null()).output();
    let output = output.expect("the program can be run");
    (output.status.code(), told(&output))
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// What `forebay filter new` makes in this folder.
fn new_filter(folder: &Path) -> PathBuf {
    let sdk = repository().join("guest-sdk");
    let made = [OsStr::new("new"), "geo-headers".as_ref(), "--path".as_ref(), folder.as_ref()];
    let (code, said) = filter(made.into_iter().chain(["--sdk".as_ref(), sdk.as_os_str()]));
    assert_eq!(code, Some(0), "{said}");
    let own = folder.join("geo-headers");
    // The versions that this workspace is built with are those that are surely here.
    fs::copy(repository().join("Cargo.lock"), own.join("Cargo.lock")).expect("the lock file can be copied");
    own
}

/// The module of a filter's crate, built as its README says; `None`, and a note, where no toolchain can.
fn module_of(own: &Path) -> Option<PathBuf> {
    let script = repository().join("scripts/wasm-cargo");
    if !Command::new(&script).arg("--can").status().expect("a shell is there").success() {
        skip("a new filter was not built as a module: no toolchain for wasm32-unknown-unknown");
        return None;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-filter");
    let mut build = Command::new(script);
    build.arg(&target).args(["--release", "--offline", "--quiet"]).current_dir(own).stdin(Stdio::null());
    let built = build.output().expect("a shell is there");
    assert!(built.status.success(), "{}", told(&built));
    Some(target.join("wasm32-unknown-unknown/release/geo_headers.wasm"))
}

#[test]
fn a_new_filter_passes_its_own_tests_at_once() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let own = new_filter(folder.path());
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--offline", "--quiet"]).current_dir(&own).stdin(Stdio::null());
    cargo.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-filter"));
    let tested = cargo.output().expect("cargo can be run");
    assert!(tested.status.success() && told(&tested).contains("3 passed"), "{}", told(&tested));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_filter_passes_its_cases_and_runs_on_its_node() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let own = new_filter(folder.path());
    let Some(module) = module_of(&own) else { return };
    let (code, said) = filter([OsStr::new("check"), module.as_ref()]);
    assert!(code == Some(0) && said.contains("function names    yes\n"), "{said}");
    // 72 KB, 13 of them names: `wasm-opt` makes 35 KB of it without these.
    let bytes = fs::metadata(&module).expect("it was built").len();
    assert!(bytes < 80_000, "a first filter has {bytes} bytes");
    let (code, said) = filter([OsStr::new("test"), module.as_ref(), own.join("cases.toml").as_ref()]);
    assert!(code == Some(0) && said.contains("3 passed, 0 failed"), "{said}");

    let written = fs::read_to_string(own.join("edge.toml")).expect("its configuration");
    let config = written
        .replace("\"target/wasm32-unknown-unknown/release/geo_headers.wasm\"", &format!("{module:?}"))
        .replace("\"site\"\n\n", &format!("{:?}\n\n", own.join("site")));
    let addresses = "[[listener]]\naddress = \"{listen}\"\n[admin]\naddress = \"{admin}\"\n";
    let node = Binary::start(&(addresses.to_owned() + &config)).await;
    let page = get(node.address(), "/").await;
    assert!(page.status == 200 && page.text().contains("through the filter geo-headers"), "{page:?}");
    let closed = get(node.address(), "/private/a").await;
    assert_eq!((closed.status, closed.text()), (403, "no\n"));
}

#[test]
fn a_bad_name_or_a_folder_that_is_there_is_refused_and_nothing_is_changed() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    fs::create_dir(folder.path().join("taken")).expect("a folder can be made");
    for (name, mend) in [("Geo", "small letters"), ("../up", "small letters"), ("fn", "Rust"), ("taken", "already")] {
        let (code, said) = filter([OsStr::new("new"), name.as_ref(), "--path".as_ref(), folder.path().as_ref()]);
        assert_eq!(code, Some(1), "{name}");
        assert!(said.contains(mend), "{mend} in {said}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).expect("the folder is there").collect();
    assert_eq!(left.len(), 1, "only the one that was there");
    assert_eq!(fs::read_dir(folder.path().join("taken")).expect("the folder is there").count(), 0);
}

/// What `forebay filter check --json` says of a module.
fn checked(module: &Path) -> (Option<i32>, serde_json::Value) {
    let (code, said) = filter([OsStr::new("check"), "--json".as_ref(), module.as_ref()]);
    (code, serde_json::from_str(&said).unwrap_or_else(|error| panic!("JSON and nothing else: {error}\n{said}")))
}

#[test]
fn the_shipped_filters_are_found_to_load_and_to_lack_nothing() {
    let folder = fs::read_dir(repository().join("filters/dist")).expect("the built filters are part of the repository");
    let files = folder.map(|entry| entry.expect("the folder can be listed").path());
    let modules: Vec<PathBuf> = files.filter(|file| file.extension() == Some(OsStr::new("wasm"))).collect();
    assert!(modules.len() >= 12, "{modules:?}");
    for module in modules {
        let (code, found) = checked(&module);
        let name = module.display();
        assert_eq!((code, found["loads"].as_bool()), (Some(0), Some(true)), "{name}: {found}");
        assert_eq!((&found["faults"], &found["unknown"]), (&json!([]), &json!([])), "{name}");
        assert_eq!(found["abi"], "0.2.1", "{name}");
        assert_eq!(found["bytes"], fs::metadata(&module).expect("the file is there").len(), "{name}");
        assert!(found["memory_bytes"].as_u64().is_some_and(|bytes| bytes < 4 << 20), "{name}: {found}");
        let imports = found["imports"].as_array().expect("a list");
        assert!(imports.contains(&json!({ "name": "env.proxy_log", "standing": "answered" })), "{name}: {found}");
        assert!(imports.iter().all(|import| import["standing"] == "answered"), "{name}: {found}");
        let callbacks = found["callbacks"].as_array().expect("a list");
        assert!(callbacks.contains(&json!({ "name": "proxy_on_configure", "called": true })), "{name}: {found}");
        assert!(callbacks.iter().all(|callback| callback["called"] == true), "{name}: {found}");
    }
}

/// Imports that are answered, that answer `UNIMPLEMENTED`, that have another type and that nothing has; callbacks that are
/// called, that are not, and one that is none.
const LACKING: &str = r#"(module $odd
    (import "env" "proxy_set_tick_period_milliseconds" (func (param i32) (result i32)))
    (import "env" "proxy_grpc_cancel" (func (param i32) (result i32)))
    (import "env" "proxy_log" (func (param i64)))
    (import "env" "proxy_teleport" (func (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
    (import "wasi_snapshot_preview1" "thread_spawn" (func (result i32)))
    (memory (export "memory") 1 2) (table 7 funcref) (global (mut i32) (i32.const 0))
    (func (export "proxy_abi_version_0_2_0"))
    (func (export "proxy_on_tick") (param i32))
    (func (export "proxy_on_new_connection") (param i32) (result i32) (i32.const 0))
    (func (export "proxy_on_requests") (param i32)))"#;

#[test]
fn what_the_host_lacks_is_told_one_by_one() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let module = folder.path().join("odd.wasm");
    let binary = wat::parse_str(LACKING).expect("it is wat");
    fs::write(&module, &binary).expect("a temporary file can be written");
    let (code, said) = filter([OsStr::new("check"), module.as_ref()]);
    assert_eq!(code, Some(1));
    let size = format!("size              {} B, 16.0 MiB at most", binary.len());
    for row in [
        "abi               0.2.0",
        &size,
        "memory            64 KiB to 128 KiB",
        "table elements    7, 10000 at most",
        "mutable globals   1",
        "function names    yes",
        "imports           6, 2 of them answered",
        "not answered      env.proxy_grpc_cancel (unimplemented)",
        "                  env.proxy_log (mistyped)",
        "                  env.proxy_teleport (missing)",
        "                  wasi_snapshot_preview1.thread_spawn (missing)",
        "callbacks         proxy_on_tick",
        "never called here proxy_on_new_connection",
        "not in the ABI    proxy_on_requests",
        "loads             no",
    ] {
        assert!(said.lines().any(|line| line == row), "{row} in:\n{said}");
    }
    for (fault, what, mend) in [
        ("import_type", "env.proxy_log ", "correct the declaration"),
        ("import_missing", "env.proxy_teleport ", "declare only what the proxy-wasm ABI has"),
        ("import_missing", "wasi_snapshot_preview1.thread_spawn ", "wasm32-wasip1"),
    ] {
        let begin = format!("odd.wasm: {fault}: {what}");
        assert!(said.lines().any(|line| line.contains(&begin) && line.contains(mend)), "{begin}, {mend} in:\n{said}");
    }
    let (_, found) = checked(&module);
    let standings: Vec<_> =
        found["imports"].as_array().into_iter().flatten().map(|import| &import["standing"]).collect();
    assert_eq!(standings, ["answered", "unimplemented", "mistyped", "missing", "answered", "missing"]);
    assert_eq!(found["faults"].as_array().map(Vec::len), Some(3), "{found}");
}

#[test]
fn a_module_that_a_node_would_not_read_is_too_large() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let module = folder.path().join("large.wasm");
    let file = fs::File::create(&module).expect("a file can be made");
    file.set_len((16 << 20) + 1).expect("a file can have holes");
    let (code, said) = filter([OsStr::new("check"), module.as_ref()]);
    let expected = "large.wasm is larger than filter_limits.module, which is 16777216 bytes";
    assert!(code == Some(1) && said.contains(expected), "{said}");
}

#[test]
fn a_module_that_would_not_load_is_told_why_and_what_to_do() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let module = folder.path().join("odd.wasm");
    let text = r#"(module (import "__wbindgen_placeholder__" "__wbindgen_throw" (func (param i32 i32))))"#;
    fs::write(&module, wat::parse_str(text).expect("it is wat")).expect("a temporary file can be written");
    let (code, said) = filter([OsStr::new("check"), module.as_ref()]);
    assert_eq!(code, Some(1));
    for (fault, mend) in
        [("import_missing", "chrono: default-features = false"), ("no_abi", "SDK"), ("no_memory", "export")]
    {
        let line = said.lines().find(|line| line.contains(&format!("odd.wasm: {fault}: ")));
        assert!(line.is_some_and(|line| line.contains(mend)), "{fault} {mend} in:\n{said}");
    }
    let (code, json) = checked(&module);
    assert_eq!((code, json["loads"].as_bool()), (Some(1), Some(false)));
    assert_eq!(json["faults"].as_array().map(Vec::len), Some(3), "{json}");
    fs::write(&module, "no module").expect("a temporary file can be written");
    let (code, said) = filter([OsStr::new("check"), module.as_ref()]);
    assert!(code == Some(1) && said.contains("is not a WebAssembly module"), "{said}");
}

#[test]
fn the_cost_of_each_callback_stands_beside_its_limit() {
    let cases = repository().join("filters/guard/cases.toml");
    let case = format!("{}#the office does", cases.display());
    let measured =
        [OsStr::new("bench"), filter_module("guard").as_ref(), "--rounds".as_ref(), "2".as_ref()].map(OsStr::to_owned);
    let (code, said) = filter(measured.iter().map(AsRef::as_ref).chain([OsStr::new("--case"), case.as_ref()]));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\"the office does\": 2 rounds"), "{said}");
    for (row, limit) in [
        ("request headers", "10ms"),
        ("request body", "10ms"),
        ("response headers", "10ms"),
        ("response body", "10ms"),
        ("log, done, delete", "10ms"),
        ("whole exchange", " us"),
        ("start of an instance", "1s"),
        ("memory of an instance", "16.0 MiB"),
        ("pages written by an exchange", "64"),
        ("module", "16.0 MiB"),
        ("compiled in", " ms"),
    ] {
        let line = said.lines().find(|line| line.starts_with(row));
        assert!(line.is_some_and(|line| line.contains(limit)), "{row} {limit} in:\n{said}");
    }
    let whole = said.lines().find_map(|line| line.strip_prefix("whole exchange")).expect("its row");
    let least: f64 = whole.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number");
    assert!(least > 0.0, "{said}");
}

#[test]
fn what_cannot_be_measured_is_told() {
    let module = filter_module("guard");
    let cases = repository().join("filters/guard/cases.toml");
    for (case, mend) in [
        (format!("{}#nobody", cases.display()), "has no case \"nobody\""),
        (format!("{}#a network that is none is refused", cases.display()), "10.0.0.0/33"),
        ("none.toml".to_owned(), "none.toml: cannot be read"),
    ] {
        let (code, said) = filter([OsStr::new("bench"), module.as_ref(), "--case".as_ref(), case.as_ref()]);
        assert!(code == Some(1) && said.contains(mend), "{mend} in:\n{said}");
    }
}
