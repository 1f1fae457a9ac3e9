//! `forebay reload` and SIGHUP against a running node: what they bring into force, and what they refuse.

use std::fs;
use std::process::{Output, Stdio};

use support::{Answer, Binary, Origin, filter_module, forebay, get};

/// A route through `rewrite`, which marks responses with `mark`.
fn marking(origin: &Origin, mark: &str) -> String {
    let module = filter_module("rewrite");
    format!(
        "[[listener]]\naddress = \"{{listen}}\"\n[admin]\naddress = \"{{admin}}\"\n\
         [filters.one]\nmodule = {module:?}\n[filters.one.settings]\n\
         response_headers = {{ set = {{ x-mark = \"{mark}\" }} }}\n\
         [origins.site]\nservers = [\"{}\"]\n[[route]]\nname = \"all\"\norigin = \"site\"\nfilters = [\"one\"]\n",
        origin.url()
    )
}

async fn node() -> (Origin, Binary) {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    let node = Binary::start(&marking(&origin, "old")).await;
    (origin, node)
}

/// Writes the node's configuration anew, on the addresses that it has.
fn configure(node: &Binary, config: &str) {
    let text = config.replace("{listen}", &node.address().to_string()).replace("{admin}", &node.admin().to_string());
    fs::write(node.folder().join("edge.toml"), text).expect("a file can be written");
}

async fn mark(node: &Binary) -> Option<String> {
    get(node.address(), "/").await.header("x-mark").map(str::to_owned)
}

/// What `forebay reload` says where the node's configuration is: whether all is in force, its answer and its complaint.
fn reload(node: &Binary) -> (Option<i32>, String, String) {
    let mut command = forebay();
    command.args(["reload", "-c", "edge.toml"]).current_dir(node.folder()).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().expect("the program can be run");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_brings_a_filters_settings_into_force_and_says_so() {
    let (origin, node) = node().await;
    assert_eq!(mark(&node).await.as_deref(), Some("old"));
    configure(&node, &marking(&origin, "new"));
    let (code, told, complaint) = reload(&node);
    assert_eq!(code, Some(0), "{complaint}");
    assert!(told.starts_with("filter one loaded "), "{told}");
    assert_eq!(mark(&node).await.as_deref(), Some("new"));
    let (code, told, _) = reload(&node);
    assert!(code == Some(0) && told.starts_with("filter one unchanged "), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_does_the_same() {
    let (origin, node) = node().await;
    configure(&node, &marking(&origin, "new"));
    node.signal("HUP");
    node.says("configuration read again").await;
    assert_eq!(mark(&node).await.as_deref(), Some("new"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_faults_changes_nothing_and_the_node_serves_on() {
    let (origin, node) = node().await;
    configure(&node, &marking(&origin, "new").replace("[\"one\"]", "[\"two\"]"));
    let (code, told, complaint) = reload(&node);
    assert_eq!((code, &*told), (Some(1), ""));
    assert!(complaint.contains("edge.toml:") && complaint.contains("route[0].filters[0]"), "{complaint}");
    node.signal("HUP");
    node.says("route[0].filters[0]").await;
    assert_eq!(mark(&node).await.as_deref(), Some("old"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_module_is_told_and_its_old_version_runs_on() {
    let (origin, node) = node().await;
    let module = format!("{:?}", filter_module("rewrite"));
    configure(&node, &marking(&origin, "new").replace(&module, "\"gone.wasm\""));
    let (code, told, _) = reload(&node);
    assert_eq!(code, Some(1));
    assert!(told.starts_with("filter one kept ") && told.contains("gone.wasm cannot be read"), "{told}");
    node.says("gone.wasm cannot be read").await;
    assert_eq!(mark(&node).await.as_deref(), Some("old"));
}
