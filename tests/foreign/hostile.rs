//! Guests that mean harm, one for each way to: what they cost is theirs, and the next request is served as ever.

use std::fs;
use std::path::{Path, PathBuf};

use support::{Answer, Origin};
use tempfile::TempDir;

use crate::node::Filtered;

/// A node with the guest of this name in tests/guests/hostile.
async fn hostile(name: &str) -> (TempDir, Filtered) {
    bounded(name, "").await
}

/// The same with these `filter_limits`.
async fn bounded(name: &str, limits: &str) -> (TempDir, Filtered) {
    meets(&text(name), limits).await
}

fn text(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/hostile").join(format!("{name}.wat"));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

async fn meets(text: &str, limits: &str) -> (TempDir, Filtered) {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let file = module(&folder, text);
    (folder, Filtered::start(origin().await, &file, "", &format!("[filter_limits]\n{limits}\n")).await)
}

/// The module of this text, in a file of the folder that is the same for all.
fn module(folder: &TempDir, text: &str) -> PathBuf {
    let file = folder.path().join("hostile.wasm");
    let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    fs::write(&file, module).expect("a temporary file can be written");
    file
}

async fn origin() -> Origin {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    origin
}

/// Each way to fail, under the word that the metric has for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_guest_costs_its_own_requests_only() {
    let cases = [
        ("trap", "trap", ""),
        ("divide", "trap", ""),
        ("overread", "trap", ""),
        ("recurse", "trap", ""),
        ("spin", "deadline", ""),
        ("spin-in-calls", "deadline", ""),
        ("flood", "deadline", ""),
        ("hoard", "memory", ""),
        ("swell", "headers", ""),
        ("wait", "never_resumed", ""),
        ("widen", "memory", "tables = 100"),
        ("crowd", "headers", "header_count_max = 60"),
        ("crowd", "headers", "header_bytes_max = \"8KiB\""),
    ];
    for (name, kind, limits) in cases {
        let (_folder, node) = bounded(name, limits).await;
        for failed in 1..=2 {
            assert_eq!(node.get("/a").await.status, 500, "{name}");
            assert_eq!(node.get("/free").await.text(), "good", "{name}");
            let labels = [("filter", "guest"), ("kind", kind)];
            node.metric_is("forebay_filter_failures_total", &labels, f64::from(failed)).await;
        }
        node.says(&format!("callback=\"request_headers\" kind=\"{kind}\"")).await;
    }
}

/// Pointers and lengths that do not hold: the call is refused with a status, and nothing else happens.
#[tokio::test(flavor = "multi_thread")]
async fn lies_about_memory_are_refused_calls() {
    let (_folder, node) = hostile("lies").await;
    for _ in 0..3 {
        let response = node.get("/a").await;
        assert_eq!((response.status, response.text()), (200, "good"));
    }
    assert!(node.origin.seen().iter().all(|seen| seen.head.headers("accept").is_empty()));
}

/// What a guest's allocator says is no more to be trusted than the rest of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lying_allocator_gets_nothing() {
    let allocator = text("allocator");
    for allocate in ["(i32.const 0)", "(i32.const -1)", "(i32.const 65535)"] {
        let (_folder, node) = meets(&allocator.replace("ALLOCATE)", &format!("{allocate})")), "").await;
        assert_eq!(node.get("/a").await.text(), "good", "{allocate}");
    }
    let ask = "(drop (call $pairs (i32.const 0) (i32.const 0) (i32.const 4))) (call $deep)";
    for allocate in ["unreachable", "(loop $on (br $on)) (i32.const 0)", ask] {
        let (_folder, node) = meets(&allocator.replace("ALLOCATE)", &format!("{allocate})")), "").await;
        assert_eq!(node.get("/a").await.status, 500, "{allocate}");
        assert_eq!(node.get("/free").await.text(), "good", "{allocate}");
    }
}

/// Requests that a guest takes too much in are served, and it traps where it is answered anything but what its first line
/// says: more than once, as what one exchange took is the next one's again.
async fn is_served(name: &str, limits: &str) -> (TempDir, Filtered) {
    let (folder, node) = bounded(name, limits).await;
    for _ in 0..3 {
        assert_eq!(node.get("/a").await.text(), "good", "{name}");
    }
    node.metric_is("forebay_filter_failures_total", &[("filter", "guest")], 0.0).await;
    (folder, node)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_exchanges_share_and_tables_are_refused_beyond_their_bounds() {
    is_served("widen", "tables = 1000").await;
    is_served("squat", "shared_data = \"64KiB\"").await;
    is_served("stuff", "shared_data = \"64KiB\"\nqueue_length = 8").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_refused_beyond_their_bound_and_those_before_it_are_made() {
    let (_folder, node) = is_served("pester", "calls_max = 4").await;
    node.origin.requests_reach(3 * (4 + 1)).await;
    assert_eq!(node.origin.count("/call"), 3 * 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_refused_beyond_their_bound_and_those_before_it_are_exported() {
    let (_folder, node) = is_served("tally", "metric_series = 8").await;
    for letter in 'a'..='h' {
        node.metric_is(&format!("forebay_wasm_tally_{letter}_total"), &[("filter", "guest")], 3.0).await;
    }
    assert!(!node.metrics().await.contains("forebay_wasm_tally_i"));
    assert_eq!(node.said_lines("filter defines too many metrics").len(), 1, "it is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_headers_are_sent_where_they_may_be_so_many() {
    let (_folder, node) = is_served("crowd", "").await;
    assert_eq!(node.origin.seen()[2].head.headers("x-crowd").len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_log_lines_is_cut_at_its_bound_and_told() {
    // 8 KiB are 1,365 lines of six bytes. Built for tests, the node needs most of the usual deadline to write them.
    let (_folder, node) = bounded("chatter", "callback_deadline = \"1s\"").await;
    for requests in 1..=2 {
        let response = node.get("/a").await;
        assert_eq!(response.text(), "good");
        let id = response.header("x-request-id").expect("each response has one");
        let told =
            format!("filter logs too much filter=guest request_id=\"{id}\" dropped_lines=1635 dropped_bytes=9810");
        node.says(&told).await;
        assert_eq!(node.said("accept").len(), 1365 * requests);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_take_too_long_keep_a_filter_out() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let file = module(&folder, &text("ponder"));
    let lines = "[filter_limits]\nconfigure_deadline = \"50ms\"\n";
    let (status, told) = Filtered::refused(&file, lines).await;
    assert!(!status.success() && told.contains("filter guest: it failed to start: deadline: "), "{told}");
    // A node that runs has the version before it serve on.
    let file = module(&folder, &text("chatter"));
    let node = Filtered::start(origin().await, &file, "", lines).await;
    module(&folder, &text("ponder"));
    node.signal("HUP");
    node.says("it failed to start: deadline: ").await;
    assert_eq!(node.get("/a").await.text(), "good");
    node.says("filter logs too much").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_is_as_large_as_it_may_be() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let file = module(&folder, &text("crowd"));
    let bytes = fs::metadata(&file).expect("the module was written").len();
    let limits = |bytes: u64| format!("[filter_limits]\nmodule = {bytes}\n");
    let (status, told) = Filtered::refused(&file, &limits(bytes - 1)).await;
    let expected = format!("hostile.wasm is larger than filter_limits.module, which is {} bytes", bytes - 1);
    assert!(!status.success() && told.contains(&expected), "{told}");
    let node = Filtered::start(origin().await, &file, "", &limits(bytes)).await;
    assert_eq!(node.get("/a").await.text(), "good");
}
