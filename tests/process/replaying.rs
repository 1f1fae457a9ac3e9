//! `forebay filter record` and `replay`: exchanges of a running node in a file, and what another module makes of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Output, Stdio};

use support::{Answer, Origin, TestNode, filter_module, forebay, one_route};
use tempfile::TempDir;

use crate::filter_cases::told;

/// A filter that does nothing at all.
const IDLE: &str = r#"(module (func (export "proxy_abi_version_0_2_1")) (memory (export "memory") 1))"#;

/// Asks the origin `/auth` before it lets a request on, with the answer in `x-auth`.
const ASKING: &str = r#"(module
(import "env" "proxy_http_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_effective_context" (func $turn (param i32) (result i32)))
(import "env" "proxy_continue_stream" (func $go (param i32) (result i32)))
(memory (export "memory") 1)
(global $stream (mut i32) (i32.const 0))
(data (i32.const 64) "site") (data (i32.const 80) "x-auth")
(data (i32.const 96) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\05\00\00\00\0a\00\00\00\01\00\00\00")
(data (i32.const 124) ":method\00GET\00:path\00/auth\00:authority\00a\00")
(func (export "proxy_abi_version_0_2_1"))
(func (export "malloc") (param i32) (result i32) (i32.const 32768))
(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (global.set $stream (local.get 0))
  (drop (call $call (i32.const 64) (i32.const 4) (i32.const 96) (i32.const 65) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 5000) (i32.const 8)))
  (i32.const 1))
(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
  (drop (call $get (i32.const 4) (i32.const 0) (i32.const 100) (i32.const 0) (i32.const 4)))
  (drop (call $turn (global.get $stream)))
  (drop (call $add (i32.const 0) (i32.const 80) (i32.const 6) (i32.load (i32.const 0)) (i32.load (i32.const 4))))
  (drop (call $go (i32.const 0)))))"#;

fn record(node: &TestNode, filter: &str, trace: &Path) -> Child {
    let mut command = forebay();
    command.args(["filter", "record", filter, "--exchanges", "50", "--admin", &node.admin().to_string(), "-o"]);
    command.arg(trace).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program can be run")
}

fn replay(module: &Path, trace: &Path, more: &[&str]) -> Output {
    let mut command = forebay();
    command.args(["filter", "replay"]).arg(module).arg(trace).args(more).stdin(Stdio::null());
    command.output().expect("the program can be run")
}

/// A node with `rewrite` and `guard`, and a trace of 50 exchanges of one of them: every second one is for `/old`.
async fn recorded(filter: &str, trace: &Path) -> String {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a").header("Server", "secret/1.0"));
    let (rewrite, guard) = (filter_module("rewrite"), filter_module("guard"));
    let node = TestNode::start(&format!(
        "[filters.rewrite]\nmodule = {rewrite:?}\n[filters.rewrite.settings]\n\
         rules = [{{ prefix = \"/old\", to = \"/new/\" }}]\n[filters.guard]\nmodule = {guard:?}\n[filters.guard.settings]\n\
         rules = [{{ name = \"bots\", action = \"block\", user_agents = [\"badbot\"] }}]\n\
         {}filters = [\"rewrite\", \"guard\"]\n",
        one_route(&origin)
    ));
    let mut recording = record(&node, filter, trace);
    let mut turn = 0;
    // Those that come before the recording has begun are not in it.
    while recording.try_wait().expect("it was started").is_none() {
        turn += 1;
        let path = if turn % 2 == 0 { "/old/page" } else { "/page" };
        let agent = if turn % 5 == 0 { "BadBot/2" } else { "curl/8" };
        node.get_with(path, &[("User-Agent", agent)]).await;
    }
    let output = recording.wait_with_output().expect("it has ended");
    assert!(output.status.success(), "{}", told(&output));
    told(&output)
}

#[tokio::test]
async fn recorded_exchanges_of_a_node_run_the_same_again() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    for filter in ["rewrite", "guard"] {
        let trace = folder.path().join(filter);
        let said = recorded(filter, &trace).await;
        assert!(said.starts_with("50 exchanges recorded, ") && said.ends_with("over by exchanges\n"), "{said}");
        let mode = fs::metadata(&trace).expect("it was made").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds what clients sent");
        for more in [&[][..], &["--diff"]] {
            let output = replay(&filter_module(filter), &trace, more);
            let told = told(&output);
            assert!(output.status.success(), "{told}");
            assert!(told.starts_with(&format!("{filter}: 50 of 50 exchanges ")), "{told}");
        }
    }
}

#[tokio::test]
async fn exchanges_with_calls_run_the_same_again_without_anybody_to_call() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let (trace, module) = (folder.path().join("trace"), folder.path().join("asking.wasm"));
    fs::write(&module, wat::parse_str(ASKING).expect("it is wat")).expect("a temporary file can be written");
    let origin = Origin::start().await;
    origin.on("/auth", Answer::ok("yes")).otherwise(Answer::ok("a"));
    let filter = format!("[filters.asking]\nmodule = {module:?}\n");
    let node = TestNode::start(&format!("{filter}{}filters = [\"asking\"]\n", one_route(&origin)));
    let mut recording = record(&node, "asking", &trace);
    while recording.try_wait().expect("it was started").is_none() {
        node.get("/page").await;
    }
    let said = told(&recording.wait_with_output().expect("it has ended"));
    assert!(said.starts_with("50 exchanges recorded, "), "{said}");
    let passed = origin.seen().into_iter().find(|seen| seen.target == "/page").expect("it was let on");
    assert_eq!(passed.header("x-auth"), Some("yes"));
    drop((node, origin));
    for more in [&[][..], &["--diff"]] {
        let output = replay(&module, &trace, more);
        assert!(told(&output).starts_with("asking: 50 of 50 exchanges "), "{}", told(&output));
    }
}

#[tokio::test]
async fn another_module_is_shown_where_it_decides_otherwise() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let (trace, module) = (folder.path().join("trace"), folder.path().join("idle.wasm"));
    recorded("rewrite", &trace).await;
    fs::write(&module, wat::parse_str(IDLE).expect("it is wat")).expect("a temporary file can be written");
    let refused = replay(&module, &trace, &[]);
    assert!(!refused.status.success() && told(&refused).contains("--diff"), "{}", told(&refused));
    let output = replay(&module, &trace, &["--diff"]);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let old = told.lines().filter(|line| line.starts_with("exchange ")).collect::<Vec<_>>();
    let rewritten = fs::read_to_string(&trace).expect("it is text").matches("[\":path\",\"/old/page\"]").count();
    assert!(rewritten > 10 && old.len() == rewritten, "{rewritten} of /old in:\n{told}");
    assert!(old.iter().all(|line| line.contains("/old/page")), "{told}");
    assert!(told.contains(
        "    request headers, request :path\n        recorded  \"/new/page\"\n        now       \"/old/page\"\n"
    ));
    assert!(told.ends_with(&format!("rewrite: {} of 50 exchanges decide the same\n", 50 - rewritten)), "{told}");
}

#[tokio::test]
async fn what_cannot_be_recorded_or_replayed_is_told() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let trace = folder.path().join("trace");
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    let refused = record(&node, "nobody", &trace).wait_with_output().expect("it has ended");
    assert!(!refused.status.success() && told(&refused).contains("no filter has this name"), "{}", told(&refused));
    assert!(!trace.exists(), "nothing was recorded");
    fs::write(&trace, "hello\n").expect("a temporary file can be written");
    let foreign = replay(&filter_module("guard"), &trace, &[]);
    assert!(!foreign.status.success() && told(&foreign).contains("no trace"), "{}", told(&foreign));
}
