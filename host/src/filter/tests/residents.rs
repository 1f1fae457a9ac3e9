//! What exchanges that share an instance, and their plugin's own context, may do for each other.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::super::{Chain, EndOfStream, FailureKind, Filters, Run, Verdict};
use super::desk::{Desk, PAUSE, REMEMBER, RESUME, TURN};
use super::guest::Guest;
use super::node::{Node, request, response, run_request, statuses, stream, values};
use crate::body::Body;
use crate::config::Isolation;
use crate::semantics::RequestHead;

/// The first exchange waits.
const FIRST_WAITS: &str =
    "(if (i32.eqz (global.get $stream)) (then (global.set $stream (local.get $context)) (return (i32.const 1))))";

fn node() -> Node {
    let mut node = Node::new();
    node.environment = node.environment.clone().keeping(Handle::current());
    node
}

fn load(node: &mut Node, guest: Guest, isolation: Isolation) -> (Filters, Chain) {
    node.add("probe", &guest.build()).isolation = isolation;
    let filters = node.load().unwrap();
    let chain = filters.chain(&node.elements()).unwrap();
    (filters, chain)
}

/// Remembers the first exchange, and does `act` in those behind it.
fn the_second(act: &str) -> String {
    format!("(if (i32.eqz (global.get $stream)) (then (global.set $stream (local.get $context))) (else {act}))")
}

/// Turns to the first exchange, does `act`, turns back, and tells what both were answered.
fn for_the_first(act: &str) -> String {
    format!(
        "(i32.store (i32.const 40004) (call $effective (global.get $stream)))
         (i32.store (i32.const 40008) {act})
         (drop (call $effective (local.get $context)))
         (call $tell (i32.load (i32.const 40004))) (call $tell (i32.load (i32.const 40008)))"
    )
}

fn on_tick(guest: Guest, act: &str) -> Guest {
    let body = format!("(if (global.get $stream) (then {TURN} (drop {act})))");
    guest
        .with(&format!("(func (export \"proxy_on_tick\") (param $context i32) {body})"))
        .on_configure("(drop (call $tick (i32.const 20)))")
}

fn forbid(guest: &mut Guest) -> String {
    let why = guest.text("forbidden");
    format!("(call $reply (i32.const 403) {why} {why} (i32.const 0) (i32.const 0) (i32.const -1))")
}

/// Counts in a metric of this name.
fn count(guest: &mut Guest, name: &str) -> String {
    let name = guest.text(name);
    format!(
        "(drop (call $define (i32.const 1) {name} (i32.const 0)))
         (drop (call $increment (i32.load (i32.const 0)) (i64.const 1)))"
    )
}

fn counted(node: &Node, name: &str) -> Option<String> {
    node.metric(&format!("forebay_wasm_{name}{{filter=\"probe\"}}"))
}

/// An exchange that waits in its request phase, to be polled again.
async fn ask(chain: &Chain) -> (Verdict, Run, RequestHead) {
    let (mut run, mut head) = (chain.begin(stream()), request());
    let verdict = run.on_request(&mut head, EndOfStream::Yes).await;
    (verdict, run, head)
}

#[tokio::test(start_paused = true)]
async fn a_tick_lets_an_exchange_go_on_that_waits_for_nothing_else() {
    let mut node = node();
    let guest = Guest::new().with_context().on_request(&format!("{REMEMBER} {PAUSE}"));
    let (_filters, chain) = load(&mut node, on_tick(guest, "(call $continue (i32.const 0))"), Isolation::Shared);
    let started = Instant::now();
    let (verdict, ..) = ask(&chain).await;
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(started.elapsed().as_millis() / 10, 2, "at the tick");
}

#[tokio::test(start_paused = true)]
async fn an_exchange_lets_go_answers_or_closes_another() {
    for act in ["continue", "reply", "close"] {
        let mut node = node();
        let mut guest = Guest::new().with_context();
        let act = match act {
            "reply" => forbid(&mut guest),
            act => format!("(call ${act} (i32.const 0))"),
        };
        let guest = guest.on_request(&format!("{FIRST_WAITS} {}", for_the_first(&act)));
        let (_filters, chain) = load(&mut node, guest, Isolation::Shared);
        let mut first = Box::pin(ask(&chain));
        assert!(first.as_mut().now_or_never().is_none());
        let (_second, head, verdict) = run_request(&chain);
        assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
        assert_eq!(statuses(&head.headers), [0, 0]);
        let started = Instant::now();
        match (first.await.0, &*act) {
            (Verdict::Reply(reply), _) => assert_eq!((reply.status.as_u16(), &*reply.filter), (403, "probe")),
            (Verdict::Close, act) => assert!(act.contains("$close")),
            (Verdict::Continue, act) => assert!(act.contains("$continue")),
            (verdict, act) => panic!("{act}: {verdict:?}"),
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_under_way_hears_of_a_reply_before_its_response_goes_on() {
    let mut node = node();
    let mut guest = Guest::new().with_context();
    let act = for_the_first(&forbid(&mut guest));
    let guest = guest.on_request(&the_second(&act));
    let (_filters, chain) = load(&mut node, guest, Isolation::Shared);
    let (mut first, mut head, _) = run_request(&chain);
    let (_second, other, _) = run_request(&chain);
    assert_eq!(statuses(&other.headers), [0, 0]);
    let mut parts = response();
    let verdict = first.on_response(&mut head, &mut parts, EndOfStream::No).await;
    assert!(matches!(verdict, Verdict::Reply(_)), "{verdict:?}");
    assert_eq!(parts.status, 403);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_a_pause_does_not_end_it() {
    let mut node = node();
    let act = for_the_first("(call $continue (i32.const 0))");
    let guest = Guest::new().with_context().on_request(&the_second(&act)).on_response(PAUSE);
    let (_filters, chain) = load(&mut node, guest, Isolation::Shared);
    let (mut first, mut head, _) = run_request(&chain);
    let (_second, other, _) = run_request(&chain);
    assert_eq!(statuses(&other.headers), [0, 0]);
    let started = Instant::now();
    let verdict = first.on_response(&mut head, &mut response(), EndOfStream::No).await;
    assert!(matches!(verdict, Verdict::Fail(failure) if failure.kind == FailureKind::NeverResumed));
    assert_eq!(started.elapsed(), node.limits.pause_max);
}

/// Reads, changes and asks for whatever a guest could have of an exchange; the last lets it go.
fn meddle(guest: &mut Guest, map: u32) -> String {
    let [agent, added, path] = ["user-agent", "x-added", "request\0path"].map(|text| guest.text(text));
    let acts = [
        format!("(call $value (i32.const {map}) {agent} (i32.const 0) (i32.const 4))"),
        format!("(call $add (i32.const {map}) {added} {added})"),
        format!("(call $property {path} (i32.const 0) (i32.const 4))"),
        "(call $buffer (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 4))".to_owned(),
        "(call $continue (i32.const 0))".to_owned(),
    ];
    acts.iter().map(|act| for_the_first(act)).collect()
}

#[tokio::test(start_paused = true)]
async fn others_read_and_change_a_head_that_is_held_back() {
    let mut node = node();
    let mut guest = Guest::new().with_context();
    let meddle = meddle(&mut guest, 0);
    let guest = guest.on_request(&format!("{FIRST_WAITS} {meddle}"));
    let (_filters, chain) = load(&mut node, guest, Isolation::Shared);
    let mut first = Box::pin(ask(&chain));
    assert!(first.as_mut().now_or_never().is_none());
    let (_second, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [0, 0, 0, 0, 0, 1, 0, 1, 0, 0]);
    assert_eq!(values(&head.headers, "x-added"), [""; 0]);
    let (verdict, _, head) = first.await;
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(values(&head.headers, "x-added"), ["x-added"]);
    assert_eq!(values(&head.headers, "x-status"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_and_a_tick_change_the_same_head() {
    let (mut desk, mut node) = Desk::node();
    node.environment = node.environment.clone().keeping(Handle::current());
    let mut guest = Guest::new().with_context();
    let call = guest.call("/slow");
    let guest = guest
        .on_response(&format!("{REMEMBER} (call $tell (i32.const 1)) (drop {call}) {PAUSE}"))
        .on_answer(&format!("{TURN} (call $tell (i32.const 3)) {RESUME}"));
    let once = "(i32.eqz (i32.load (i32.const 40000)))";
    let told = "(global.set $map (i32.const 2)) (call $tell (i32.const 2)) (i32.store (i32.const 40000) (i32.const 1))";
    let guest = guest
        .with(&format!(
            "(func (export \"proxy_on_tick\") (param $context i32)
               (if (i32.and {once} (i32.ne (global.get $stream) (i32.const 0))) (then {TURN} {told})))"
        ))
        .on_configure("(drop (call $tick (i32.const 20)))");
    let (_filters, chain) = load(&mut node, guest, Isolation::Shared);
    let (mut run, mut head, _) = run_request(&chain);
    let mut parts = response();
    let phase = async { run.on_response(&mut head, &mut parts, EndOfStream::No).await };
    let origin = async {
        let asked = desk.next().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        asked.answer(200, "late")
    };
    let (verdict, _) = tokio::join!(phase, origin);
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(statuses(&parts.headers), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_holds_nothing_back_has_no_messages_for_others() {
    let mut node = node();
    let mut guest = Guest::new().with_context();
    let meddle = meddle(&mut guest, 0);
    let (_filters, chain) = load(&mut node, guest.on_request(&the_second(&meddle)), Isolation::Shared);
    let (_first, ..) = run_request(&chain);
    let (_second, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [0, 1, 0, 1, 0, 1, 0, 1, 0, 0]);
    assert_eq!(values(&head.headers, "x-added"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_others_add_is_held_to_the_limits() {
    let mut node = node();
    node.limits.header_bytes_max = 300;
    let mut guest = Guest::new().with_context();
    let name = guest.text("x-added");
    let add = format!("(call $add (i32.const 0) {name} (i32.const 0) (i32.const 400))");
    let zeros = "(memory.fill (i32.const 0) (i32.const 97) (i32.const 400))";
    let guest = guest.on_request(&format!("{FIRST_WAITS} {zeros} {}", for_the_first(&add)));
    let (_filters, chain) = load(&mut node, guest, Isolation::Shared);
    let mut first = Box::pin(ask(&chain));
    assert!(first.as_mut().now_or_never().is_none());
    let (_second, _, verdict) = run_request(&chain);
    assert!(matches!(verdict, Verdict::Fail(failure) if failure.kind == FailureKind::Headers));
    let (verdict, ..) = first.await;
    assert!(matches!(verdict, Verdict::Fail(failure) if failure.kind == FailureKind::Lost));
}

#[tokio::test(start_paused = true)]
async fn nobody_turns_to_an_exchange_that_is_over_or_kept_apart() {
    let act = for_the_first("(call $continue (i32.const 0))");
    // What it kept apart is put back: it can only guess that the one before it has the number before its own.
    let guess = format!("(global.set $stream (i32.sub (local.get $context) (i32.const 1))) {act}");
    for (isolation, request) in [(Isolation::Shared, the_second(&act)), (Isolation::Request, guess)] {
        let mut node = node();
        let (_filters, chain) = load(&mut node, Guest::new().with_context().on_request(&request), isolation);
        let (first, ..) = run_request(&chain);
        let kept = (isolation == Isolation::Request).then_some(first);
        let (_second, head, _) = run_request(&chain);
        // The second one's own context is the effective one then, and it does not wait.
        assert_eq!(statuses(&head.headers), [2, 0], "{isolation:?}");
        drop(kept);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_an_instance_that_breaks_is_told_at_once() {
    let mut node = node();
    let guest = Guest::new().with_context().on_request(&format!("{FIRST_WAITS} unreachable"));
    let (_filters, chain) = load(&mut node, guest, Isolation::Shared);
    let mut first = Box::pin(ask(&chain));
    assert!(first.as_mut().now_or_never().is_none());
    let (_second, _, verdict) = run_request(&chain);
    assert!(matches!(verdict, Verdict::Fail(failure) if failure.kind == FailureKind::Trap));
    let started = Instant::now();
    let (verdict, ..) = first.await;
    assert!(matches!(verdict, Verdict::Fail(failure) if failure.kind == FailureKind::Lost));
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_in_a_shared_instance_is_deleted_in_it() {
    let mut node = node();
    let mut guest = Guest::new().with_context();
    let deleted = count(&mut guest, "deleted");
    let guest = guest
        .on_request(&format!("{FIRST_WAITS} (call $tell (call $effective (global.get $stream)))"))
        .with(&format!("(func (export \"proxy_on_delete\") (param $context i32) {deleted})"));
    let (_filters, chain) = load(&mut node, guest, Isolation::Shared);
    let (verdict, ..) = ask(&chain).await;
    assert!(matches!(verdict, Verdict::Fail(failure) if failure.kind == FailureKind::NeverResumed));
    assert_eq!(counted(&node, "deleted").as_deref(), Some("1"));
    let (_second, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_lets_the_rest_of_a_body_go() {
    let mut node = node();
    let hold = format!(
        "(func (export \"proxy_on_response_body\") (param $context i32) (param $size i32) (param $end i32) (result i32)
           {REMEMBER} (local.get $end))"
    );
    let guest = Guest::new().with_context().with(&hold);
    let (_filters, chain) = load(&mut node, on_tick(guest, "(call $continue (i32.const 1))"), Isolation::Shared);
    let (mut run, mut head, _) = run_request(&chain);
    let mut parts = response();
    assert!(matches!(run.tell(&mut head, &mut parts, EndOfStream::No), Verdict::Continue));
    run.keep(&mut head, parts);
    let started = Instant::now();
    let body = run.through_response(Body::from(Bytes::from_static(b"hello")));
    assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
    assert_eq!(started.elapsed().as_millis() / 10, 2);
}

#[tokio::test(start_paused = true)]
async fn a_tick_ends_a_context_that_was_not_done() {
    let mut node = node();
    let mut guest = Guest::new().with_context();
    let deleted = count(&mut guest, "deleted");
    let guest = guest.on_request(REMEMBER).with(&format!(
        "(func (export \"proxy_on_done\") (param $context i32) (result i32) (i32.const 0))
         (func (export \"proxy_on_delete\") (param $context i32) {deleted} (global.set $stream (i32.const 0)))"
    ));
    let (_filters, chain) = load(&mut node, on_tick(guest, "(call $done)"), Isolation::Shared);
    drop(run_request(&chain));
    assert_eq!(counted(&node, "deleted"), None);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(counted(&node, "deleted").as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_one_exchange_lets_all_go_that_wait() {
    let (mut desk, mut node) = Desk::node();
    node.environment = node.environment.clone().keeping(Handle::current());
    let mut guest = Guest::new().with("(global $first (mut i32) (i32.const 0))").with_context();
    let call = guest.call("/token");
    // The first asks for what all need; the second waits for it too.
    let wait = format!(
        "(if (i32.eqz (global.get $first)) (then (global.set $first (local.get $context)) (drop {call})))
         {REMEMBER} {PAUSE}"
    );
    let resume = format!("(drop (call $effective (global.get $first))) {RESUME} {TURN} {RESUME}");
    let (_filters, chain) = load(&mut node, guest.on_request(&wait).on_answer(&resume), Isolation::Shared);
    let mut first = Box::pin(ask(&chain));
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = Box::pin(ask(&chain));
    assert!(second.as_mut().now_or_never().is_none());
    assert!(desk.next().await.answer(200, "token"));
    let (first, second) = tokio::join!(first, second);
    assert!(matches!((&first.0, &second.0), (Verdict::Continue, Verdict::Continue)), "{:?} {:?}", first.0, second.0);
}
