//! A plugin's own callbacks: when they run, what exchanges see of them, and how the plugin ends.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{advance, sleep};

use super::super::{Chain, EndOfStream, FailureKind, Filters, Verdict};
use super::guest::Guest;
use super::node::{Node, element, request, response, run_request, statuses};
use crate::config::Isolation;

const COUNT: &str = "(i32.store (i32.const 40000) (i32.add (i32.load (i32.const 40000)) (i32.const 1)))";
const TELL: &str = "(call $tell (i32.load (i32.const 40000)))";

/// A node that runs its plugins' own callbacks on this test's runtime.
fn node() -> Node {
    let mut node = Node::of_workers(2);
    node.environment = node.environment.clone().keeping(Handle::current());
    node
}

fn every(millis: u32) -> String {
    format!("(drop (call $tick (i32.const {millis})))")
}

fn on_tick(guest: Guest, body: &str) -> Guest {
    guest.with(&format!("(func (export \"proxy_on_tick\") (param $context i32) {body})"))
}

fn on_queue_ready(guest: Guest, body: &str) -> Guest {
    guest.with(&format!("(func (export \"proxy_on_queue_ready\") (param $context i32) (param $queue i32) {body})"))
}

/// Counts its ticks and tells exchanges how many there were.
fn counter(millis: u32) -> Vec<u8> {
    on_tick(Guest::new().on_configure(&every(millis)).on_request(TELL), COUNT).build()
}

async fn after(millis: u64) {
    sleep(Duration::from_millis(millis)).await;
}

fn asked(chain: &Chain) -> Vec<u32> {
    statuses(&run_request(chain).1.headers)
}

fn callbacks(node: &Node, callback: &str) -> String {
    let series = format!("forebay_filter_duration_seconds_count{{callback=\"{callback}\",filter=\"probe\"}}");
    node.metric(&series).unwrap()
}

fn failures(node: &Node, kind: &str) -> String {
    node.metric(&format!("forebay_filter_failures_total{{filter=\"probe\",kind=\"{kind}\"}}")).unwrap()
}

fn load(node: &Node) -> (Filters, Chain) {
    let filters = node.load().unwrap();
    let chain = filters.chain(&node.elements()).unwrap();
    (filters, chain)
}

#[tokio::test(start_paused = true)]
async fn what_a_tick_leaves_is_what_later_exchanges_find() {
    let mut node = node();
    node.add("probe", &counter(20));
    let (_filters, chain) = load(&node);
    assert_eq!(asked(&chain), [0]);
    after(50).await;
    assert_eq!((asked(&chain), asked(&chain)), (vec![2], vec![2]));
    assert!(chain.pristine());
    assert_eq!(callbacks(&node, "tick"), "2");
}

#[tokio::test(start_paused = true)]
async fn ticks_are_held_to_the_least_period_and_zero_ends_them() {
    let third = format!("{COUNT} (if (i32.eq (i32.load (i32.const 40000)) (i32.const 3)) (then {}))", every(0));
    let ending = on_tick(Guest::new().on_configure(&every(1)).on_request(TELL), &third).build();
    for (module, ticks) in [(counter(1), 10), (ending, 3), (counter(0), 0)] {
        let mut node = node();
        node.add("probe", &module);
        let (_filters, chain) = load(&node);
        after(105).await;
        assert_eq!(asked(&chain), [ticks]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_can_set_the_ticks_of_its_plugin() {
    let mut node = node();
    node.add("probe", &on_tick(Guest::new().on_request(&format!("{TELL} {}", every(20))), COUNT).build());
    let (_filters, chain) = load(&node);
    after(1_000).await;
    // Asking for the same again moves no tick: the first comes at 20 ms.
    for seen in [0, 0, 1] {
        assert_eq!(asked(&chain), [seen]);
        after(15).await;
    }
}

#[tokio::test(start_paused = true)]
async fn ticks_that_could_not_keep_up_are_left_out() {
    let mut node = node();
    node.add("probe", &counter(20));
    let (_filters, chain) = load(&node);
    after(5).await;
    advance(Duration::from_secs(3)).await;
    after(1).await;
    assert_eq!(asked(&chain), [1]);
}

#[tokio::test(start_paused = true)]
async fn an_exchange_ends_on_what_the_plugin_was_when_it_began() {
    let own = "(i32.store (i32.const 50000) (i32.add (i32.load (i32.const 50000)) (i32.const 1)))
        (call $tell (i32.load (i32.const 50000)))";
    let guest = Guest::new().on_configure(&every(20)).on_request(&format!("{TELL} {own}"));
    let mut node = node();
    node.add("probe", &on_tick(guest.on_response(&format!("{TELL} {own}")), COUNT).build());
    let (_filters, chain) = load(&node);
    let mut runs = Vec::new();
    after(5).await;
    for ticks in 0..4 {
        let (run, head, _) = run_request(&chain);
        assert_eq!(statuses(&head.headers), [ticks, 1]);
        runs.push((run, ticks));
        after(20).await;
    }
    drop(runs.remove(1));
    for (mut run, ticks) in runs {
        let (mut head, mut parts) = (request(), response());
        assert!(matches!(run.on_response(&mut head, &mut parts, EndOfStream::No), Verdict::Continue));
        assert_eq!(statuses(&parts.headers), [ticks, 2]);
    }
    assert_eq!(asked(&chain), [4, 1]);
    assert!(chain.pristine());
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_grows_by_itself_grows_for_later_exchanges_alone() {
    let size = "(call $tell (memory.size))";
    let guest = Guest::new().on_configure(&every(20)).on_request(size).on_response(size);
    let mut node = node();
    node.add("probe", &on_tick(guest, "(drop (memory.grow (i32.const 2)))").build());
    let (_filters, chain) = load(&node);
    let (mut run, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [1]);
    after(25).await;
    assert_eq!(asked(&chain), [3]);
    let mut parts = response();
    run.on_response(&mut request(), &mut parts, EndOfStream::No);
    assert_eq!(statuses(&parts.headers), [1]);
    drop(run);
    assert_eq!(asked(&chain), [3]);
    // The bound is 16 pages; a tick that is refused more leaves nothing behind.
    after(145).await;
    assert_eq!(asked(&chain), [15]);
    assert_eq!(failures(&node, "memory"), "1");
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_traps_leaves_nothing_rests_longer_each_time_and_ends_in_a_new_start() {
    let trap = format!("{COUNT} (if (i32.eq (i32.load (i32.const 40000)) (i32.const 2)) (then unreachable))");
    let mut node = node();
    node.add("probe", &on_tick(Guest::new().on_configure(&every(10)).on_request(TELL), &trap).build());
    let (_filters, chain) = load(&node);
    // The first tick ends well; each later one traps, and then rests 100, 200 and 400 ms.
    for (millis, traps) in [(15, "0"), (10, "1"), (90, "1"), (10, "2"), (190, "2"), (10, "3")] {
        after(millis).await;
        assert_eq!(failures(&node, "trap"), traps);
    }
    assert_eq!(asked(&chain), [0], "after the third it was started anew");
    after(400).await;
    assert_eq!(asked(&chain), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_spins_is_ended_at_its_deadline() {
    let mut node = node();
    node.limits.callback_deadline = Duration::from_millis(5);
    let spin = on_tick(Guest::new().on_configure(&every(10)).on_request(TELL), "(loop $for_ever (br $for_ever))");
    node.add("probe", &spin.build());
    let (_filters, chain) = load(&node);
    after(15).await;
    assert_eq!(failures(&node, FailureKind::Deadline.word()), "1");
    assert_eq!(asked(&chain), [0]);
}

#[tokio::test(start_paused = true)]
async fn shared_plugins_tick_on_every_workers_instance() {
    let mut node = node();
    node.add("probe", &counter(20)).isolation = Isolation::Shared;
    let (_filters, chain) = load(&node);
    after(50).await;
    assert_eq!(asked(&chain), [2]);
    assert_eq!(callbacks(&node, "tick"), "4");
    let made = "forebay_filter_instances_total{cause=\"first\",filter=\"probe\"}";
    assert_eq!(node.metric(made).as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn where_no_image_can_be_had_the_plugins_own_context_lives_apart() {
    // It writes to its table, which no image holds.
    let table = "(table $t 1 funcref) (func $f) (elem declare func $f)
        (func $write (table.set $t (i32.const 0) (ref.func $f)))";
    let mut guest = Guest::new().with(table);
    let name = guest.text("ticks");
    let gauge = format!(
        "{COUNT} (drop (call $define (i32.const 1) {name} (i32.const 8)))
         (drop (call $record (i32.load (i32.const 8)) (i64.extend_i32_u (i32.load (i32.const 40000)))))"
    );
    let mut node = node();
    node.add("probe", &on_tick(guest.on_configure(&every(20)).on_request(TELL), &gauge).build());
    let (_filters, chain) = load(&node);
    after(50).await;
    assert_eq!(asked(&chain), [0]);
    assert!(node.metrics().contains("forebay_wasm_ticks{filter=\"probe\"} 2"), "{}", node.metrics());
}

/// Puts the digits of what it is asked into the queue `jobs` of `probe`, three at a request.
fn sender() -> Vec<u8> {
    let mut guest = Guest::new();
    let [vm, queue, message] = ["probe", "jobs", "x"].map(|text| guest.text(text));
    let put = format!("(call $tell (call $enqueue (i32.load (i32.const 8)) {message}))");
    guest.on_request(&format!("(drop (call $resolve {vm} {queue} (i32.const 8))) {put} {put} {put}")).build()
}

fn receiver(on_ready: &str) -> Vec<u8> {
    let mut guest = Guest::new();
    let queue = guest.text("jobs");
    let register = format!("(drop (call $register {queue} (i32.const 8)))");
    on_queue_ready(guest.on_configure(&register).on_request(TELL), on_ready).build()
}

#[tokio::test(start_paused = true)]
async fn a_plugin_is_told_of_a_queue_until_it_is_empty() {
    let take = format!("{COUNT} (drop (call $dequeue (local.get $queue) (i32.const 0) (i32.const 4)))");
    let mut node = node();
    node.add("probe", &receiver(&take));
    node.add("sender", &sender());
    let (_filters, chain) = load(&node);
    for seen in [0, 3, 6] {
        assert_eq!(asked(&chain), [seen, 0, 0, 0]);
        after(1).await;
    }
    assert_eq!(callbacks(&node, "queue_ready"), "3", "a turn each");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_leaves_its_messages_is_told_when_more_come() {
    let mut node = node();
    node.add("probe", &receiver(COUNT));
    node.add("sender", &sender());
    let (_filters, chain) = load(&node);
    assert_eq!(asked(&chain), [0, 0, 0, 0]);
    after(1_000).await;
    assert_eq!(asked(&chain), [1, 10, 10, 10], "the queue is full");
    after(1_000).await;
    assert_eq!(asked(&chain)[0], 1);
}

#[tokio::test(start_paused = true)]
async fn messages_that_a_trap_left_are_told_of_again() {
    let trap = "(if (i32.eqz (call $dequeue (local.get $queue) (i32.const 0) (i32.const 4))) (then unreachable))";
    let mut node = node();
    node.add("probe", &receiver(trap));
    node.add("sender", &sender());
    let (_filters, chain) = load(&node);
    asked(&chain);
    after(1_000).await;
    assert_eq!(failures(&node, "trap"), "3");
}

#[tokio::test(start_paused = true)]
async fn the_newest_plugin_of_a_name_is_told_of_what_is_in_its_queue() {
    let mut node = node();
    node.add("probe", &receiver(""));
    node.add("sender", &sender());
    let (before, chain) = load(&node);
    asked(&chain);
    after(1).await;
    let take = format!("{COUNT} (drop (call $dequeue (local.get $queue) (i32.const 0) (i32.const 4)))");
    std::fs::write(&node.filters[0].module, receiver(&take)).unwrap();
    let (filters, _) = before.renewed(&node.wanted(&[]), &node.environment);
    after(1).await;
    assert_eq!(asked(&filters.chain(&[element("probe")]).unwrap()), [3]);
}

/// Counts in the metric `probe_ended` how often its own context was deleted, and asks for time until its next tick.
fn slow_to_end(millis: u32) -> Vec<u8> {
    let mut guest = Guest::new();
    let name = guest.text("ended");
    let root = "(i32.eq (local.get 0) (i32.const 1))";
    let guest = guest.on_configure(&every(millis)).on_request(TELL).with(&format!(
        "(func (export \"proxy_on_done\") (param i32) (result i32)
           (if {root} (then (i32.store (i32.const 50000) (i32.const 1)) (return (i32.const 0)))) (i32.const 1))
         (func (export \"proxy_on_delete\") (param i32)
           (if {root} (then
             (drop (call $define (i32.const 0) {name} (i32.const 8)))
             (drop (call $increment (i32.load (i32.const 8)) (i64.const 1))))))"
    ));
    let done = format!("{COUNT} (if (i32.load (i32.const 50000)) (then (drop (call $done))))");
    on_tick(guest, &done).build()
}

fn ended(node: &Node) -> bool {
    node.metrics().contains("forebay_wasm_ended_total{filter=\"probe\"} 1")
}

#[tokio::test(start_paused = true)]
async fn a_plugin_ticks_until_its_last_exchange_is_over_and_ends_when_it_is_done() {
    let mut node = node();
    node.add("probe", &slow_to_end(20));
    let (before, chain) = load(&node);
    let (run, ..) = run_request(&chain);
    std::fs::write(&node.filters[0].module, counter(20)).unwrap();
    let (_after, outcomes) = before.renewed(&node.wanted(&[]), &node.environment);
    assert_eq!(outcomes[0].change.word(), "loaded");
    drop((before, chain));
    after(50).await;
    assert_eq!(callbacks(&node, "tick"), "4", "two each");
    drop(run);
    after(5).await;
    assert!(!ended(&node), "it has not called proxy_done");
    after(10).await;
    assert!(ended(&node));
    after(100).await;
    assert_eq!(callbacks(&node, "tick"), "11", "one more of the old one, which called it, and six of the new");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_ends_waits_for_its_plugins_and_not_for_ever() {
    for (period, patience) in [(20, 20), (0, 5_000)] {
        let mut node = node();
        node.add("probe", &slow_to_end(period));
        let (_filters, _chain) = load(&node);
        after(1).await;
        let start = tokio::time::Instant::now();
        node.environment.close().await;
        let took = start.elapsed().as_millis();
        assert!(ended(&node) && took.abs_diff(patience) <= 2, "{took} ms");
    }
}
