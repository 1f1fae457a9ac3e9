//! `forebay purge` and `forebay explain` against a running node, as an operator uses them.

use std::process::{Output, Stdio};

use support::{Answer, Binary, Origin, forebay, get};

fn configuration(origin: &Origin) -> String {
    format!(
        "[[listener]]\naddress = \"{{listen}}\"\n[admin]\naddress = \"{{admin}}\"\ntoken = \"secret\"\n\
         [origins.site]\nservers = [\"{}\"]\n[[route]]\norigin = \"site\"\n",
        origin.url()
    )
}

async fn node() -> (Origin, Binary) {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good").header("Cache-Control", "max-age=60").header("Surrogate-Key", "t"));
    let node = Binary::start(&configuration(&origin)).await;
    get(node.address(), "/a").await;
    (origin, node)
}

/// What the program says where the node's configuration is.
fn run(node: &Binary, arguments: &[&str]) -> Output {
    let mut command = forebay();
    command.args(arguments).current_dir(node.folder()).stdin(Stdio::null());
    command.output().expect("the program can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_from_the_command_line_holds_at_once() {
    let (origin, node) = node().await;
    let own = "http://test.example/a";
    let cases: [(&[&str], &str); 6] = [
        (&[own], "purged hard url http://test.example/a"),
        (&["--url", own, "--soft"], "purged soft url http://test.example/a"),
        (&["--tag", "t"], "purged hard tag t"),
        (&["--prefix", "http://test.example"], "purged hard prefix http://test.example/"),
        (&["--host", "test.example"], "purged hard host test.example"),
        (&["--all"], "purged hard all"),
    ];
    for (number, (arguments, told)) in (2..).zip(cases) {
        let output = run(&node, &[&["purge", "-c", "edge.toml"], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout).trim_end(), told);
        get(node.address(), "/a").await;
        assert_eq!(origin.count("/a"), number, "{arguments:?}");
    }
    node.says("purged").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_is_text_or_json() {
    let (_origin, node) = node().await;
    let output = run(&node, &["explain", "http://test.example/a", "-H", "Accept: text/html", "-c", "edge.toml"]);
    let told = text(&output.stdout);
    assert!(output.status.success() && told.contains("; hit; ttl=") && told.contains("from max_age"), "{told}");
    let admin = node.admin().to_string();
    let output = run(&node, &["explain", "http://test.example/a", "--json", "--admin", &admin, "--token", "secret"]);
    let told = text(&output.stdout);
    assert!(output.status.success() && told.starts_with('{') && told.contains("\"verdict\":"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told() {
    let (_origin, mut node) = node().await;
    let admin = node.admin().to_string();
    let cases: [(&[&str], &str); 7] = [
        (&["purge", "-c", "edge.toml"], "nothing is named"),
        (&["purge", "/a", "-c", "edge.toml"], "is not a whole URL"),
        (&["purge", "--all", "-c", "gone.toml"], "--admin ADDRESS"),
        (&["purge", "--all", "--admin", &admin], "asks for its token"),
        (&["purge", "--all", "--admin", &admin, "--token", "wrong"], "has another token"),
        (&["explain", "http://a/", "-H", "nonsense", "-c", "edge.toml"], "write -H 'Name: value'"),
        (&["explain", "nonsense", "-c", "edge.toml"], "is not a whole URL"),
    ];
    for (arguments, told) in cases {
        let output = run(&node, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text(&output.stderr).contains(told), "{arguments:?}: {}", text(&output.stderr));
    }
    node.signal("TERM");
    node.ends().await;
    for arguments in [&["purge", "--all", "-c", "edge.toml"][..], &["explain", "http://a/", "-c", "edge.toml"]] {
        let output = run(&node, arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("no node answers"), "{}", text(&output.stderr));
    }
}
