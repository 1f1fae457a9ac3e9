//! Filters that fail: each costs the exchanges that meet it, is counted, and the node serves on.

use std::fs;
use std::path::PathBuf;

use support::{Answer, Origin, TestNode};
use tempfile::TempDir;

const LOOP: &str = "(loop $for_ever (br $for_ever)) (i32.const 0)";
/// Grows by a mebibyte until it is refused, as an allocator that gives up does.
const GREEDY: &str = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
const TRAP: &str = "(unreachable)";
const FINE: &str = "(i32.const 0)";

/// A folder with one module in it.
struct Guest {
    folder: TempDir,
}

impl Guest {
    /// A proxy-wasm 0.2.1 module with these bodies of its two callbacks.
    fn new(on_request: &str, on_response: &str) -> Self {
        let callback = |name: &str, body: &str| {
            format!("(func (export \"proxy_on_{name}_headers\") (param i32 i32 i32) (result i32) {body})")
        };
        Self::of_text(&format!("{}{}", callback("request", on_request), callback("response", on_response)))
    }

    /// A module with the least that the ABI asks for, and this.
    fn of_text(functions: &str) -> Self {
        let text = format!(
            "(module {functions} (memory (export \"memory\") 1)
               (func (export \"proxy_abi_version_0_2_1\"))
               (func (export \"proxy_on_memory_allocate\") (param i32) (result i32) (i32.const 1024)))"
        );
        Self::of_bytes(&wat::parse_str(text).expect("the test's module is well formed"))
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let guest = Self { folder: TempDir::new().expect("a temporary folder can be made") };
        fs::write(guest.module(), bytes).expect("a temporary file can be written");
        guest
    }

    fn module(&self) -> PathBuf {
        self.folder.path().join("guest.wasm")
    }

    /// Routes below `/bad` pass the filter, others do not.
    fn config(&self, origin: &Origin, on_error: &str) -> String {
        format!(
            "[origins.site]\nservers = [\"{}\"]\n[filters.bad]\nmodule = {:?}\non_error = \"{on_error}\"\n\
             [[route]]\nname = \"good\"\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\n\
             [[route]]\nname = \"bad\"\nhost = \"*\"\npath = \"/bad\"\norigin = \"site\"\nfilters = [\"bad\"]\n",
            origin.url(),
            self.module()
        )
    }
}

async fn origin() -> Origin {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    origin
}

/// Requests through the filter fail with 500, are counted as `kind`, and others are served before, between and after.
async fn fails_its_own_requests(guest: &Guest, kind: &str) {
    let origin = origin().await;
    let node = TestNode::start(&guest.config(&origin, "fail_closed"));
    for failed in 1..=3 {
        assert_eq!(node.get("/good").await.text(), "good");
        let response = node.get("/bad").await;
        assert_eq!(response.status, 500, "{response:?}");
        let status = response.header("proxy-status").unwrap_or_default();
        assert!(status.starts_with("edge-1; error=proxy_internal_error"), "{response:?}");
        let labels = [("filter", "bad"), ("kind", kind)];
        node.metric_is("forebay_filter_failures_total", &labels, f64::from(failed)).await;
    }
    assert_eq!(node.get("/good").await.text(), "good");
    let line = node.logged("/bad").await;
    assert!(line.contains(&format!("failure={kind} fault=filter")), "{line}");
}

#[tokio::test]
async fn a_trap_fails_its_own_request_only() {
    fails_its_own_requests(&Guest::new(TRAP, FINE), "trap").await;
}

#[tokio::test]
async fn a_trap_on_the_response_fails_its_own_request_only() {
    fails_its_own_requests(&Guest::new(FINE, TRAP), "trap").await;
}

#[tokio::test]
async fn a_filter_that_loops_is_stopped_at_its_deadline() {
    fails_its_own_requests(&Guest::new(LOOP, FINE), "deadline").await;
}

#[tokio::test]
async fn a_filter_that_allocates_for_ever_is_stopped_at_its_limit() {
    fails_its_own_requests(&Guest::new(GREEDY, FINE), "memory").await;
}

#[tokio::test]
async fn a_failing_filter_may_be_left_out() {
    for guest in [Guest::new(TRAP, FINE), Guest::new(LOOP, FINE), Guest::new(FINE, TRAP)] {
        let origin = origin().await;
        let node = TestNode::start(&guest.config(&origin, "fail_open"));
        let response = node.get("/bad").await;
        assert_eq!((response.status, response.text()), (200, "good"));
        node.metric_is("forebay_filter_failures_total", &[("filter", "bad")], 1.0).await;
    }
}

/// Writes a length and a coding that the body has not got, into the request as into the response.
const FRAMING: &str = r#"
    (import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
    (data (i32.const 64) "content-length1transfer-encodingchunkedconnectionclose")
    (func $write (param $map i32) (result i32)
      (i32.or (i32.or
        (call $replace (local.get $map) (i32.const 64) (i32.const 14) (i32.const 78) (i32.const 1))
        (call $replace (local.get $map) (i32.const 79) (i32.const 17) (i32.const 96) (i32.const 7)))
        (call $replace (local.get $map) (i32.const 103) (i32.const 10) (i32.const 113) (i32.const 5))))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $write (i32.const 0)))
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (call $write (i32.const 2)))"#;

#[tokio::test]
async fn a_filter_cannot_make_one_message_look_like_two() {
    let origin = origin().await;
    let node = TestNode::start(&Guest::of_text(FRAMING).config(&origin, "fail_closed"));
    let mut client = node.connect().await;
    for seen in 0..2 {
        let response = client.request("POST", "/bad", &[], b"hello").await;
        assert_eq!((response.status, response.text()), (200, "good"));
        assert_eq!(response.headers("content-length"), ["4"]);
        assert_eq!((response.header("transfer-encoding"), response.header("connection")), (None, None));
        let request = &origin.seen()[seen];
        assert_eq!((request.head.headers("content-length"), &request.body[..]), (vec!["5"], &b"hello"[..]));
        assert_eq!(request.header("transfer-encoding"), None);
    }
}

#[tokio::test]
async fn modules_that_cannot_run_keep_the_node_from_starting() {
    let origin = origin().await;
    let start = "(func $start (unreachable)) (start $start)";
    let foreign = "(import \"env\" \"launch_missiles\" (func (param i32)))";
    let no_abi = wat::parse_str("(module (memory (export \"memory\") 1))").expect("a well formed module");
    let cases = [
        (Guest::of_bytes(b"no module"), "is not a WebAssembly module"),
        (Guest::of_bytes(&no_abi), "proxy_abi_version"),
        (Guest::of_text(foreign), "env.launch_missiles"),
        (Guest::of_text(start), "failed to start"),
    ];
    for (guest, expected) in cases {
        let error = TestNode::try_start(&guest.config(&origin, "fail_closed")).map(drop);
        let error = error.expect_err(expected).to_string();
        assert!(error.contains("filter bad") && error.contains(expected), "{error}");
    }
}
