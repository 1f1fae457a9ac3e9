//! Filters that do something by themselves: ticks and queues, at reloads and beside those that misbehave.

use std::fs;
use std::path::PathBuf;

use support::{Answer, Gate, Origin, TestNode, one_route, patiently};
use tempfile::TempDir;

const PRELUDE: &str = r#"
(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))
(import "env" "proxy_resolve_shared_queue" (func $resolve (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
(import "env" "proxy_dequeue_shared_queue" (func $dequeue (param i32 i32 i32) (result i32)))
(import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
(import "env" "proxy_done" (func $done (result i32)))
(memory (export "memory") 1)
(data (i32.const 64) "x-count") (data (i32.const 80) "jobs") (data (i32.const 96) "f0") (data (i32.const 112) "ended")
(func (export "proxy_abi_version_0_2_1"))
(func (export "malloc") (param i32) (result i32) (i32.const 32768))
(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
  (i32.store8 (i32.const 16) (i32.add (i32.const 48) (i32.load (i32.const 1024))))
  (drop (call $add (i32.const 2) (i32.const 64) (i32.const 7) (i32.const 16) (i32.const 1))) (i32.const 0))
"#;
const COUNT: &str = "(i32.store (i32.const 1024) (i32.add (i32.load (i32.const 1024)) (i32.const 1)))";
const REGISTER: &str = "(drop (call $register (i32.const 80) (i32.const 4) (i32.const 8)))";
const TAKE: &str = "(drop (call $dequeue (local.get 1) (i32.const 0) (i32.const 4)))";
const PUT: &str = "(drop (call $resolve (i32.const 96) (i32.const 2) (i32.const 80) (i32.const 4) (i32.const 8)))
    (drop (call $enqueue (i32.load (i32.const 8)) (i32.const 64) (i32.const 7)))";

fn guest(functions: &[String]) -> String {
    format!("(module {PRELUDE} {})", functions.concat())
}

fn on_configure(body: &str) -> String {
    format!("(func (export \"proxy_on_configure\") (param i32 i32) (result i32) {body} (i32.const 1))")
}

fn on_tick(body: &str) -> String {
    format!("(func (export \"proxy_on_tick\") (param i32) {body})")
}

fn on_queue_ready(body: &str) -> String {
    format!("(func (export \"proxy_on_queue_ready\") (param i32 i32) {body})")
}

fn on_request(body: &str) -> String {
    format!("(func (export \"proxy_on_request_headers\") (param i32 i32 i32) (result i32) {body} (i32.const 0))")
}

fn every(millis: u32) -> String {
    format!("(drop (call $tick (i32.const {millis})))")
}

/// Ticks so often, and no more after `last` times.
fn ticks(millis: u32, last: u32) -> [String; 2] {
    let end = format!("(if (i32.ge_u (i32.load (i32.const 1024)) (i32.const {last})) (then {}))", every(0));
    [on_configure(&every(millis)), on_tick(&format!("{COUNT} {end}"))]
}

struct Setting {
    node: TestNode,
    origin: Origin,
    folder: TempDir,
    config: String,
}

impl Setting {
    /// A node whose one route passes these guests, `f0` first.
    async fn of(guests: &[String], each: &str) -> Self {
        let (folder, origin) = (TempDir::new().expect("a folder can be made"), Origin::start().await);
        origin.otherwise(Answer::ok("good"));
        let mut config = format!("[origins.site]\nservers = [\"{}\"]\n", origin.url());
        for number in 0..guests.len() {
            config += &format!("[filters.f{number}]\nmodule = {:?}\n{each}\n", path(&folder, number));
            write(&folder, number, &guests[number]);
        }
        let names: Vec<String> = (0..guests.len()).map(|number| format!("\"f{number}\"")).collect();
        config += &format!(
            "[[route]]\nname = \"all\"\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\nfilters = [{}]\n",
            names.join(", ")
        );
        Self { node: TestNode::start(&config), origin, folder, config }
    }

    async fn counts(&self, target: &str) -> Vec<String> {
        let response = self.node.get(target).await;
        assert_eq!((response.status, response.text()), (200, "good"));
        response.headers("x-count").into_iter().map(str::to_owned).collect()
    }

    async fn callbacks_are(&self, filter: &str, callback: &str, count: f64) {
        let labels = [("filter", filter), ("callback", callback)];
        self.node.metric_is("forebay_filter_duration_seconds_count", &labels, count).await;
    }

    /// Returns once so many callbacks have failed.
    async fn failures_reach(&self, filter: &str, kind: &str, count: f64) {
        let labels = [("filter", filter), ("kind", kind)];
        let reached =
            async { while self.node.scrape().await.value("forebay_filter_failures_total", &labels) < count {} };
        patiently(&format!("{count} failures of {filter}"), reached).await;
    }
}

fn path(folder: &TempDir, number: usize) -> PathBuf {
    folder.path().join(format!("{number}.wasm"))
}

fn write(folder: &TempDir, number: usize, guest: &str) {
    let module = wat::parse_str(guest).expect("the guest is well formed");
    fs::write(path(folder, number), module).expect("a file can be written");
}

#[tokio::test]
async fn what_a_tick_makes_of_a_filter_shows_in_later_responses() {
    for isolation in ["request", "shared"] {
        let setting = Setting::of(&[guest(&ticks(10, 3))], &format!("isolation = \"{isolation}\"")).await;
        // Shared filters have a context on each of two workers.
        let ticks = if isolation == "shared" { 6.0 } else { 3.0 };
        setting.callbacks_are("f0", "tick", ticks).await;
        for _ in 0..4 {
            assert_eq!(setting.counts("/").await, ["3"], "{isolation}");
        }
    }
}

#[tokio::test]
async fn what_one_filter_puts_into_a_queue_another_one_is_told_of() {
    let receiver = guest(&[on_configure(REGISTER), on_queue_ready(&format!("{COUNT} {TAKE}"))]);
    let setting = Setting::of(&[receiver, guest(&[on_request(PUT)])], "").await;
    for (turn, told) in [(1.0, "0"), (2.0, "1"), (3.0, "2")] {
        assert_eq!(setting.counts("/").await, ["0", told]);
        setting.callbacks_are("f0", "queue_ready", turn).await;
    }
}

#[tokio::test]
async fn ticks_that_fail_cost_no_request_and_come_less_and_less() {
    for (body, kind) in [("(unreachable)", "trap"), ("(loop $for_ever (br $for_ever))", "deadline")] {
        let bad = guest(&[on_configure(&every(1)), on_tick(&format!("{COUNT} {body}"))]);
        let setting = Setting::of(&[bad, guest(&ticks(10, 3))], "").await;
        setting.failures_reach("f0", kind, 2.0).await;
        setting.callbacks_are("f1", "tick", 3.0).await;
        for _ in 0..10 {
            assert_eq!(setting.counts("/").await, ["3", "0"]);
        }
    }
}

#[tokio::test]
async fn a_filter_that_feeds_its_own_queue_keeps_nobody_else_from_anything() {
    let put = "(drop (call $enqueue (local.get 1) (i32.const 64) (i32.const 7)))";
    let feeder = guest(&[on_configure(REGISTER), on_queue_ready(&format!("{TAKE} {put} {put}")), on_request(PUT)]);
    let setting = Setting::of(&[feeder, guest(&ticks(10, 3))], "").await;
    for _ in 0..10 {
        setting.counts("/").await;
    }
    setting.callbacks_are("f1", "tick", 3.0).await;
    assert_eq!(setting.counts("/").await, ["3", "0"]);
}

/// Counts its end in a metric.
fn ending(number: u32) -> String {
    format!(
        "(func (export \"proxy_on_delete\") (param i32) (if (i32.eq (local.get 0) (i32.const 1)) (then
           (drop (call $define (i32.const 0) (i32.const 112) (i32.const 5) (i32.const 8)))
           (drop (call $increment (i32.load (i32.const 8)) (i64.const {number}))))))"
    )
}

#[tokio::test]
async fn a_reload_ends_the_old_ticks_with_the_last_exchange_and_begins_the_new_ones() {
    let [configure, tick] = ticks(10, 9);
    let setting = Setting::of(&[guest(&[configure, tick, ending(1)])], "").await;
    let gate = Gate::closed();
    setting.origin.on("/slow", Answer::ok("good").after(&gate));
    let ended = |count: f64| setting.node.metric_is("forebay_wasm_ended_total", &[("filter", "f0")], count);
    setting.callbacks_are("f0", "tick", 9.0).await;
    let slow = async { setting.counts("/slow").await };
    let reload = async {
        setting.origin.requests_reach(1).await;
        let [configure, tick] = ticks(10, 2);
        write(&setting.folder, 0, &guest(&[configure, tick, ending(10)]));
        setting.node.configure(&setting.config);
        assert_eq!(setting.node.reload().await.status, 200);
        setting.callbacks_are("f0", "tick", 11.0).await;
        assert_eq!(setting.counts("/").await, ["2"]);
        gate.open();
    };
    let (slow, ()) = tokio::join!(slow, reload);
    assert_eq!(slow, ["9"], "it ended on what it began with");
    ended(1.0).await;
    setting.node.configure(&one_route(&setting.origin));
    assert_eq!(setting.node.reload().await.status, 200);
    ended(11.0).await;
}
