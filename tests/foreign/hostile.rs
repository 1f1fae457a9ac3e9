//! Guests that mean harm, one for each way to: what they cost is theirs, and the next request is served as ever.

use std::fs;
use std::path::Path;

use support::{Answer, Origin};
use tempfile::TempDir;

use crate::node::Filtered;

/// A node with the guest of this name in tests/guests/hostile.
async fn hostile(name: &str) -> (TempDir, Filtered) {
    meets(&text(name)).await
}

fn text(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/hostile").join(format!("{name}.wat"));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

async fn meets(text: &str) -> (TempDir, Filtered) {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let file = folder.path().join("hostile.wasm");
    let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    fs::write(&file, module).expect("a temporary file can be written");
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    (folder, Filtered::start(origin, &file, "", "").await)
}

/// Each way to fail, under the word that the metric has for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_guest_costs_its_own_requests_only() {
    let cases = [
        ("trap", "trap"),
        ("divide", "trap"),
        ("overread", "trap"),
        ("recurse", "trap"),
        ("spin", "deadline"),
        ("spin-in-calls", "deadline"),
        ("flood", "deadline"),
        ("hoard", "memory"),
        ("swell", "headers"),
        ("wait", "never_resumed"),
    ];
    for (name, kind) in cases {
        let (_folder, node) = hostile(name).await;
        for failed in 1..=2 {
            assert_eq!(node.get("/a").await.status, 500, "{name}");
            assert_eq!(node.get("/free").await.text(), "good", "{name}");
            let labels = [("filter", "guest"), ("kind", kind)];
            node.metric_is("forebay_filter_failures_total", &labels, f64::from(failed)).await;
        }
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
        let (_folder, node) = meets(&allocator.replace("ALLOCATE)", &format!("{allocate})"))).await;
        assert_eq!(node.get("/a").await.text(), "good", "{allocate}");
    }
    let ask = "(drop (call $pairs (i32.const 0) (i32.const 0) (i32.const 4))) (call $deep)";
    for allocate in ["unreachable", "(loop $on (br $on)) (i32.const 0)", ask] {
        let (_folder, node) = meets(&allocator.replace("ALLOCATE)", &format!("{allocate})"))).await;
        assert_eq!(node.get("/a").await.status, 500, "{allocate}");
        assert_eq!(node.get("/free").await.text(), "good", "{allocate}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_log_lines_is_cut_and_told() {
    let (_folder, node) = hostile("chatter").await;
    assert_eq!(node.get("/a").await.text(), "good");
    node.says("filter logs too much").await;
    let told = node.said("accept");
    assert!(told.len() < 3000, "{}", told.len());
}
