//! Purges that hold at once and cannot be written down: everybody who asks for one is told.

use std::process::{Output, Stdio};

use support::{Answer, Binary, Origin, RawClient, forebay, get};

/// So long may files of the node be, in blocks of 512 bytes: a journal with few purges, and no segment.
const FILE_LIMIT: &str = "-f 8";

fn configuration(origin: &Origin) -> String {
    format!(
        "[[listener]]\naddress = \"{{listen}}\"\npurge_from = [\"127.0.0.0/8\"]\n[admin]\naddress = \"{{admin}}\"\n\
         [cache.disk]\npath = \"cache\"\nsize = \"64MiB\"\n\
         [origins.site]\nservers = [\"{}\"]\n[[route]]\norigin = \"site\"\n",
        origin.url()
    )
}

fn run(node: &Binary, arguments: &[&str]) -> Output {
    let mut command = forebay();
    command.args(["purge", "-c", "edge.toml"]).args(arguments).current_dir(node.folder()).stdin(Stdio::null());
    command.output().expect("the program can be run")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_that_cannot_be_written_down_is_in_force_and_says_so() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good").header("Cache-Control", "max-age=60"));
    let node = Binary::start_limited(&configuration(&origin), FILE_LIMIT).await;
    get(node.address(), "/a").await;
    assert!(run(&node, &["--tag", "small"]).status.success(), "{}", node.stderr());

    let long = "x".repeat(1_000);
    let tags: Vec<String> = (0..20).flat_map(|number| ["--tag".to_owned(), format!("{long}{number}")]).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let output = run(&node, &tags);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("in force, but was not recorded"), "{told}");
    node.says("cannot be written down").await;

    let mut admin = RawClient::connect(node.admin()).await;
    let json = [("Content-Type", "application/json")];
    let purged = admin.request("POST", "/v1/purge", &json, br#"{"url": "http://test.example/a"}"#).await;
    assert_eq!((purged.status, purged.header("content-type")), (500, Some("application/json")));
    assert!(purged.text().contains("\"error\":\"the purge is in force") && purged.text().contains("\"purged\":[{"));
    get(node.address(), "/a").await;
    assert_eq!(origin.count("/a"), 2, "it is in force");

    let purged = RawClient::connect(node.address()).await.request("PURGE", "/a", &[], b"").await;
    assert_eq!(purged.status, 500);
    let status = purged.header("proxy-status").expect("an answer of the node's own says why");
    assert!(status.contains("error=proxy_internal_error; details=\"purge not recorded\""), "{status}");

    // It makes all other purges superfluous, so the journal is short again at the next try.
    run(&node, &["--all"]);
    node.says("purges are written down again").await;
    assert!(run(&node, &["--tag", "small"]).status.success(), "{}", node.stderr());
}
