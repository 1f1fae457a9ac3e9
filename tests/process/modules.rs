//! The files behind filters: compiled code that is found again, modules that are not the ones pinned, and those that cannot
//! be loaded.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Binary, check, get};

use super::versions::{Stage, TRAP, module};

const CACHE: &str = "[filter_cache]\npath = \"code\"\n";

/// How many modules were compiled since the node started, and how many were found compiled.
async fn compiles(stage: &Stage) -> (f64, f64) {
    let name = "forebay_filter_compiles_total";
    (stage.metric(name, &[("result", "compiled")]).await, stage.metric(name, &[("result", "cached")]).await)
}

/// The files of compiled code, by name.
fn code(stage: &Stage) -> Vec<PathBuf> {
    let files = fs::read_dir(stage.node.folder().join("code")).expect("the node has made it");
    let mut files: Vec<_> = files.map(|file| file.expect("it can be listed").path()).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn compiled_code_is_found_again_after_a_restart() {
    let mut stage = Stage::with("", CACHE).await;
    assert_eq!((compiles(&stage).await, code(&stage).len()), ((1.0, 0.0), 1));
    stage.node.restart("TERM").await;
    assert_eq!(compiles(&stage).await, (0.0, 1.0));
    assert_eq!(stage.ask(1).await, [(200, "stable".to_owned())]);
    // A crash leaves no less.
    stage.node.restart("KILL").await;
    assert_eq!((compiles(&stage).await, code(&stage).len()), ((0.0, 1.0), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_finds_the_code_of_a_version_that_ran_before() {
    let stage = Stage::with("", CACHE).await;
    stage.put("stable", &module("other", ""));
    stage.reload("").await;
    assert_eq!(compiles(&stage).await, (2.0, 0.0));
    stage.put("stable", &module("stable", ""));
    stage.reload("").await;
    assert_eq!(compiles(&stage).await, (2.0, 1.0));
    assert_eq!(stage.ask(1).await, [(200, "stable".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_is_not_of_this_module_and_engine_is_made_anew() {
    let mut stage = Stage::with("", CACHE).await;
    let [own] = &code(&stage)[..] else { panic!("one file") };
    let whole = fs::read(own).expect("it can be read");
    stage.put("stable", &module("other", ""));
    stage.reload("").await;
    let others = code(&stage).into_iter().find(|file| file != own).expect("a second file");
    stage.put("stable", &module("stable", ""));
    let another = fs::read(&others).expect("it can be read");
    let changed = |at: usize| [&whole[..at], &[whole[at] ^ 1], &whole[at + 1..]].concat();
    let cases = [
        ("of another module", another),
        // The key is the module's and the engine's digest.
        ("of another engine", changed(8)),
        ("damaged", changed(whole.len() / 2)),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("empty", Vec::new()),
    ];
    for (what, bytes) in cases {
        fs::write(own, bytes).expect("it can be written");
        stage.node.restart("TERM").await;
        assert_eq!(compiles(&stage).await, (1.0, 0.0), "{what}");
        assert_eq!(stage.ask(1).await, [(200, "stable".to_owned())], "{what}");
        let line = stage.line("compiled code is damaged").await;
        assert!(line.contains("WARN") && line.contains(&own.display().to_string()), "{what}: {line}");
        stage.node.restart("TERM").await;
        assert_eq!(compiles(&stage).await, (0.0, 1.0), "{what}: it was written anew");
    }
}

/// A line of the configuration that pins another digest than any module has.
fn pin() -> String {
    format!("sha256 = \"{}\"\n", "00".repeat(32))
}

#[tokio::test(flavor = "multi_thread")]
async fn another_module_than_the_one_pinned_is_refused_at_start() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("one.wasm");
    fs::write(&path, module("one", "")).expect("a file can be written");
    let config = format!(
        "[origins.site]\nservers = [\"http://127.0.0.1:1\"]\n[filters.one]\nmodule = {path:?}\n{}\
         [[route]]\norigin = \"site\"\nfilters = [\"one\"]\n",
        pin()
    );
    let addresses = "[[listener]]\naddress = \"{listen}\"\n[admin]\naddress = \"{admin}\"\n";
    let (status, told) = Binary::refused(&format!("{config}{addresses}")).await;
    assert_eq!(status.code(), Some(1), "{told}");
    names_the_pin(&told, &path, "edge.toml:5:10");
    let checked = check(&config);
    assert_eq!(checked.status.code(), Some(1));
    names_the_pin(&String::from_utf8_lossy(&checked.stderr), &path, "edge.toml:5:10");
}

fn names_the_pin(told: &str, module: &Path, place: &str) {
    let parts = ["one", &module.display().to_string(), "has the sha256 ", &"00".repeat(32), place];
    assert!(told.lines().any(|line| parts.iter().all(|part| line.contains(part))), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_module_than_the_one_pinned_is_refused_at_reload() {
    let stage = Stage::with("", "").await;
    stage.put("stable", &module("other", ""));
    let told = stage.reload(&pin()).await;
    let told = told.text();
    assert!(told.contains("\"result\":\"kept\"") && told.contains("edge.toml:7:10"), "{told}");
    let line = stage.line("filter cannot be used").await;
    assert!(line.contains("ERROR") && line.contains("tried") && line.contains("edge.toml:7:10"), "{line}");
    assert_eq!(stage.ask(1).await, [(200, "stable".to_owned())]);
    stage.put("next", &module("next", ""));
    let told = stage.reload(&format!("{}{}", stage.canary(100), pin())).await;
    let told = told.text();
    assert!(told.contains("\"result\":\"canary_failed\"") && told.contains("edge.toml:10:10"), "{told}");
    assert_eq!(stage.ask(1).await, [(200, "other".to_owned())], "what is not pinned is in force");
}

/// A module that is configured by `statements`.
fn configured(statements: &str) -> Vec<u8> {
    let configure = format!("(func (export \"proxy_on_configure\") (param i32 i32) (result i32) {statements})");
    let log = "(import \"env\" \"proxy_log\" (func $log (param i32 i32 i32) (result i32)))";
    let parts = "(memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\"))
        (data (i32.const 0) \"no such rule\")";
    wat::parse_str(format!("(module {log} {parts} {configure})")).expect("the guest is well formed")
}

/// Modules that cannot be loaded, and what is said of each.
fn unusable() -> Vec<(Vec<u8>, &'static str)> {
    let complains = "(drop (call $log (i32.const 4) (i32.const 0) (i32.const 12))) (i32.const 0)";
    let foreign = "(module (import \"env\" \"teleport\" (func)) (memory (export \"memory\") 1)
        (func (export \"proxy_abi_version_0_2_1\")))";
    let large = "(module (memory (export \"memory\") 300) (func (export \"proxy_abi_version_0_2_1\")))";
    let parsed = |text: &str| wat::parse_str(text).expect("it is well formed");
    vec![
        (b"no module".to_vec(), "is not a WebAssembly module"),
        (module("cut", "")[..60].to_vec(), "is not a WebAssembly module"),
        (parsed("(module (memory (export \"memory\") 1))"), "proxy_abi_version"),
        (parsed(foreign), "env.teleport"),
        (parsed(large), "filter_limits.memory"),
        (configured("(i32.const 0)"), "refused its settings: proxy_on_configure answered false"),
        (configured(complains), "answered false: no such rule"),
        (configured(TRAP), "failed to start: trap"),
        (configured("(loop $for_ever (br $for_ever)) (i32.const 1)"), "failed to start: deadline"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_cannot_be_loaded_blocks_no_reload() {
    let stage = Stage::with("", "[filter_limits]\nconfigure_deadline = \"50ms\"\n").await;
    for (index, (bytes, cause)) in unusable().into_iter().enumerate() {
        let other = format!("other-{index}");
        stage.put("stable", &bytes);
        stage.put("next", &module(&other, ""));
        let beside = format!(
            "[filters.other]\nmodule = {:?}\n\
             [[route]]\nname = \"other\"\npath = \"/other\"\norigin = \"site\"\nfilters = [\"other\"]\n",
            stage.path("next")
        );
        let told = stage.reload(&beside).await;
        assert_eq!(told.status, 200, "{cause}: {}", told.text());
        let told: Value = serde_json::from_slice(&told.body).expect("it is JSON");
        let filters = told["filters"].as_array().expect("a list");
        let of = |name: &str| filters.iter().find(|told| told["filter"] == name).expect("it is told");
        assert_eq!((&of("tried")["result"], &of("other")["result"]), (&"kept".into(), &"loaded".into()), "{told}");
        assert!(of("tried")["error"].as_str().is_some_and(|error| error.contains(cause)), "{cause}: {told}");
        let line = stage.line(cause).await;
        assert!(line.contains("ERROR") && line.contains("filter=\"tried\""), "{line}");
        assert_eq!(stage.ask(1).await, [(200, "stable".to_owned())], "{cause}");
        assert_eq!(get(stage.node.address(), "/other").await.header("x-version"), Some(&*other), "{cause}");
    }
}
