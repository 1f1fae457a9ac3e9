//! The program's life: starting, serving, signals, ending.

use std::process::{Command, Stdio};

use support::{Answer, Binary, Exposition, Gate, Origin, RawClient, forebay, get};

fn configuration(origin: &Origin) -> String {
    format!(
        "[[listener]]\naddress = \"{{listen}}\"\n[admin]\naddress = \"{{admin}}\"\n[log]\naccess = \"./access.log\"\n\
         [origins.site]\nservers = [\"{}\"]\n[[route]]\norigin = \"site\"\n",
        origin.url()
    )
}

async fn origin() -> Origin {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good").header("Cache-Control", "max-age=60"));
    origin
}

#[tokio::test]
async fn the_program_says_where_it_serves_and_what_to_try() {
    let origin = origin().await;
    let node = Binary::start(&configuration(&origin)).await;
    assert_eq!(get(node.address(), "/").await.text(), "good");
    node.says(&format!("serves http://{}/", node.address())).await;
    node.says(&format!("http://{}/metrics", node.admin())).await;
    assert_eq!(node.stderr().matches("curl ").count(), 3, "{}", node.stderr());
}

#[tokio::test]
async fn term_and_quit_finish_what_is_running() {
    for signal in ["TERM", "QUIT"] {
        let origin = origin().await;
        let gate = Gate::closed();
        origin.on("/slow", Answer::ok("in time").after(&gate));
        let mut node = Binary::start(&configuration(&origin)).await;
        let mut client = RawClient::connect(node.address()).await;
        client.send("GET /slow HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
        origin.requests_reach(1).await;
        node.signal(signal);
        node.says("draining").await;
        gate.open();
        assert_eq!(client.response().await.text(), "in time", "{signal}");
        assert!(node.ends().await.success(), "{signal}: {}", node.stderr());
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_wait() {
    let origin = origin().await;
    origin.on("/never", Answer::never());
    let mut node = Binary::start(&configuration(&origin)).await;
    let mut client = RawClient::connect(node.address()).await;
    client.send("GET /never HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    origin.requests_reach(1).await;
    node.signal("TERM");
    node.says("draining").await;
    node.signal("TERM");
    node.ends().await;
    node.says("cut off").await;
}

#[tokio::test]
async fn usr1_opens_the_access_log_again() {
    let origin = origin().await;
    let node = Binary::start(&configuration(&origin)).await;
    let (log, rotated) = (node.folder().join("access.log"), node.folder().join("access.log.1"));
    get(node.address(), "/before").await;
    let written = |path: std::path::PathBuf, text: &'static str| async move {
        let found = async {
            while !std::fs::read_to_string(&path).unwrap_or_default().contains(text) {
                tokio::task::yield_now().await;
            }
        };
        support::patiently(text, found).await;
    };
    written(log.clone(), "/before").await;
    std::fs::rename(&log, &rotated).unwrap();
    node.signal("USR1");
    node.says("opened again").await;
    get(node.address(), "/after").await;
    written(log, "/after").await;
}

#[tokio::test]
async fn a_port_in_use_is_an_error_and_no_log_line() {
    let origin = origin().await;
    let node = Binary::start(&configuration(&origin)).await;
    let listen = format!("--listen={}", origin.address());
    let output = forebay().args(["run", "--origin", &origin.url(), &listen]).stdin(Stdio::null()).output();
    let output = output.expect("the program can be run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("cannot listen") && told.contains("--listen"), "{told}");
    let admin = format!("--admin={}", origin.address());
    let output = forebay().args(["run", "--origin", &origin.url(), "--listen=127.0.0.1:0", &admin]).output();
    let told = String::from_utf8_lossy(&output.expect("the program can be run").stderr).into_owned();
    assert!(told.contains("admin ") && told.contains("name another address with --admin"), "{told}");
    assert_eq!(get(node.address(), "/").await.status, 200);
}

#[tokio::test]
async fn a_second_node_on_the_same_port_is_refused_and_the_first_serves_on() {
    let origin = origin().await;
    let first = Binary::start(&configuration(&origin)).await;
    let taken = first.address().to_string();
    let (status, said) = Binary::refused(&configuration(&origin).replace("{listen}", &taken)).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains(&taken) && said.contains("cannot listen") && said.contains("in use"), "{said}");
    for number in 0..8 {
        assert_eq!(get(first.address(), &format!("/{number}")).await.text(), "good");
    }
}

#[tokio::test]
async fn without_arguments_the_program_serves_its_own_site() {
    let node = Binary::shipped().await;
    let page = get(node.address(), "/").await;
    assert_eq!((page.status, page.header("x-edge")), (200, Some("edge-1")), "{}", node.stderr());
    assert!(page.header("content-type").unwrap().starts_with("text/html") && page.text().contains("Forebay"));
    // The canary filter keeps a visitor at one edition by it.
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap();
    let hit = RawClient::connect(node.address()).await.request("GET", "/", &[("Cookie", cookie)], b"").await;
    assert!(hit.header("cache-status").unwrap().contains("; hit"), "{:?}", hit.head);
    assert_eq!(get(node.address(), "/.env").await.status, 404);
    assert!(get(node.admin(), "/metrics").await.text().contains("forebay_cache_entries"));
}

#[tokio::test]
async fn the_command_line_explains_itself() {
    let help = |arguments: &[&str]| {
        let mut command: Command = forebay();
        let output = command.args(arguments).stdin(Stdio::null()).output().expect("the program can be run");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (success, text) = help(&["--help"]);
    assert!(success && ["run", "check", "purge", "explain"].iter().all(|command| text.contains(command)), "{text}");
    let (success, text) = help(&["--version"]);
    assert!(success && text.contains(env!("CARGO_PKG_VERSION")), "{text}");
    assert!(!help(&["no-such-command"]).0);
}

#[tokio::test]
async fn as_many_files_may_be_open_as_the_system_allows() {
    let origin = origin().await;
    let node = Binary::start_limited(&configuration(&origin), "-S -n 300").await;
    let files_max = Exposition::parse(get(node.admin(), "/metrics").await.text()).value("process_max_fds", &[]);
    assert!(files_max > 300.0, "the soft limit was meant to be raised to the hard one: {files_max}");
}

#[tokio::test]
async fn hup_reads_the_configuration_again() {
    let origin = origin().await;
    let node = Binary::start(&configuration(&origin)).await;
    node.signal("HUP");
    node.says("configuration read again").await;
    assert_eq!(get(node.address(), "/").await.status, 200);
}
