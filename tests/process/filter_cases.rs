//! `forebay filter test`: the cases of the shipped filters, and what authors are told of theirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use support::{filter_module, forebay};
use tempfile::TempDir;

/// Runs one filter on cases written here.
pub(crate) fn cases(module: &Path, text: &str) -> Output {
    let folder = TempDir::new().expect("a temporary folder can be made");
    fs::write(folder.path().join("cases.toml"), text).expect("a temporary file can be written");
    let mut command = forebay();
    command.args(["filter", "test"]).arg(module).arg("cases.toml").current_dir(folder.path()).stdin(Stdio::null());
    command.output().expect("the program can be run")
}

/// A module of this text, and the folder that it lies in.
pub(crate) fn module(text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let module = folder.path().join("guest.wasm");
    fs::write(&module, wat::parse_str(text).expect("it is wat")).expect("a temporary file can be written");
    (folder, module)
}

pub(crate) fn assert_all_pass((_folder, module): (TempDir, PathBuf), text: &str) {
    let output = cases(&module, text);
    assert!(output.status.success(), "{}", told(&output));
}

pub(crate) fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_shipped_filters_pass_their_cases() {
    let filters = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters");
    let modules = filter_module("guard");
    let modules = modules.parent().expect("a module lies in a folder");
    let output = forebay().args(["filter", "test", "--all"]).arg(&filters).arg("--modules").arg(modules).output();
    let output = output.expect("the program can be run");
    let told = told(&output);
    assert!(output.status.success(), "{told}");
    for name in shipped(&filters) {
        assert!(told.contains(&format!("ok    {name}: ")), "{name} has no cases:\n{told}");
    }
    assert!(told.ends_with(" passed, 0 failed\n"), "{told}");
}

/// The filters of the repository: every folder that is a package.
fn shipped(filters: &Path) -> Vec<String> {
    let entries = fs::read_dir(filters).expect("the filters are part of the repository");
    let folders = entries.map(|entry| entry.expect("a folder can be listed"));
    let packages = folders.filter(|folder| folder.path().join("Cargo.toml").is_file());
    packages.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn each_thing_that_differs_is_shown_with_what_was_found() {
    let output = cases(
        &filter_module("rewrite"),
        "[settings]\nrequest_headers = { set = { x-tier = \"edge\" } }\n\
         [[case]]\nname = \"right\"\nexpect = { sent = { headers = { x-tier = true } } }\n\
         [[case]]\nname = \"wrong\"\norigin = { status = 404, body = \"gone\" }\n[case.expect]\n\
         action = \"reply\"\norigin = \"next\"\nlog = [\"told\"]\nproperties = { \"a.b\" = \"c\" }\n\
         cache = { ttl = \"60\", key = { lang = \"de\" } }\nfailure = \"trap\"\n\
         sent = { path = \"/a\", headers = { x-tier = false } }\n\
         response = { status = 200, headers = { x-a = [\"1\", \"2\"] }, body = \"here\" }\n",
    );
    assert_eq!(output.status.code(), Some(1));
    let told = told(&output);
    assert!(told.contains("ok    rewrite: right\nFAIL  rewrite: wrong\n"), "{told}");
    for (what, expected, found) in [
        ("failure", "\"trap\"", "none"),
        ("action", "\"reply\"", "\"continue\""),
        ("sent.path", "\"/a\"", "\"/\""),
        ("sent.headers.x-tier", "none", "\"edge\""),
        ("response.status", "200", "404"),
        ("response.headers.x-a", "\"1\", \"2\"", "none"),
        ("response.body", "\"here\"", "\"gone\""),
        ("origin", "\"next\"", "none"),
        ("log", "a line with \"told\"", "nothing was logged"),
        ("properties.a.b", "\"c\"", "none"),
        ("cache.key.lang", "\"de\"", "none"),
        ("cache.ttl", "\"60\"", "none"),
    ] {
        let entry = format!("        {what}\n            expected  {expected}\n            found     {found}\n");
        assert!(told.contains(&entry), "{entry} in:\n{told}");
    }
    assert!(told.ends_with("1 passed, 1 failed\n"), "{told}");
}

#[test]
fn faults_of_a_file_have_their_place() {
    let module = filter_module("rewrite");
    for (text, place, mend) in [
        ("[[case]]\nname = \"a\"\nexpekt = {}\n", "cases.toml:3:1: ", "`expect`"),
        ("[[case]]\nname = \"a\"\n[case.expect.sent]\nurl = \"/\"\n", "cases.toml:4:1: ", "`path`"),
        ("[[case]]\nname = \"a\"\nrequest = { url = \"/page\" }\n", "cases.toml:3:19: ", "http://HOST/PATH"),
        ("[[case]]\nname = \"a\"\norigin = { status = 9 }\n", "cases.toml:3:21: ", "100 to 999"),
        ("[[case]]\nname = \"a\"\nrequest = { headers = { \"a b\" = \"c\" } }\n", "cases.toml:3:23: ", "field name"),
        ("[[case]]\nname = \"a\"\nrequest = { headers = { a = true } }\n", "cases.toml:3:23: ", "needs a value"),
        ("[[case]]\nname = \"a\"\n[[case]]\nname = \"a\"\n", "cases.toml: ", "two cases with the name \"a\""),
        ("[[case]]\n", "cases.toml:1:1: ", "name"),
        ("[[case]\n", "cases.toml:1:", ""),
        ("", "cases.toml: ", "[[case]]"),
    ] {
        let output = cases(&module, text);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(told.lines().any(|line| line.starts_with(place) && line.contains(mend)), "{place} {mend} in:\n{told}");
    }
}

/// Answers by what the path's last byte says: logs, traps, leaves a property.
const PROBE: &str = r#"(module
(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
(import "env" "proxy_set_property" (func $set (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_size" (func $size (param i32 i32) (result i32)))
(memory (export "memory") 1)
(data (i32.const 64) "all is well")
(data (i32.const 80) "forebay\00cache\00tag")
(data (i32.const 100) "shop cart")
(func (export "proxy_abi_version_0_2_1"))
(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (drop (call $log (i32.const 3) (i32.const 64) (i32.const 11)))
  (drop (call $set (i32.const 80) (i32.const 17) (i32.const 100) (i32.const 9)))
  (if (i32.gt_u (local.get 1) (i32.const 4)) (then unreachable))
  (i32.const 0)))"#;

#[test]
fn log_lines_properties_and_failures_can_be_expected() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let module = folder.path().join("probe.wasm");
    fs::write(&module, wat::parse_str(PROBE).expect("the probe is wat")).expect("a temporary file can be written");
    let output = cases(
        &module,
        "[[case]]\nname = \"well\"\nexpect = { log = [\"is well\"], cache = { tag = [\"shop\", \"cart\"] } }\n\
         [[case]]\nname = \"trap\"\nrequest = { headers = { x-trap = \"1\" } }\n\
         expect = { action = \"fail\", failure = \"trap\" }\n\
         [[case]]\nname = \"well again\"\nexpect = { properties = { \"forebay.cache.tag\" = \"shop cart\" } }\n\
         [[case]]\nname = \"a trap nobody expects\"\nrequest = { headers = { x-trap = \"1\" } }\n",
    );
    let told = told(&output);
    for case in ["ok    probe: well\n", "ok    probe: trap\n", "ok    probe: well again\n"] {
        assert!(told.contains(case), "{told}");
    }
    assert!(
        told.contains("FAIL  probe: a trap nobody expects\n        failure\n            expected  none\n"),
        "{told}"
    );
    assert!(told.contains("unreachable"), "the cause is shown:\n{told}");
    assert_eq!(output.status.code(), Some(1));
}
