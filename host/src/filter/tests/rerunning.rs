//! What recorded exchanges get beside their heads: answers to calls, bodies with trailers, a plugin that changes meanwhile.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use tokio::runtime::Handle;

use super::super::{CallFailure, EndOfStream, Verdict};
use super::desk::{Asked, Desk, PAUSE, REMEMBER, RESUME, TURN, with_trailers};
use super::guest::{Guest, OUT};
use super::node::{Node, request, response, run_both, run_request, statuses, stream};
use super::stage::{Stage, all_of, bounds};
use crate::body::Body;

/// Shows the body of the answer at hand.
fn show_body() -> String {
    format!("(drop (call $buffer (i32.const 4) (i32.const 0) (i32.const 1000) {OUT})) (call $show)")
}

/// Asks `/auth`, and lets the request on with `mark` and everything that the answer is.
fn asking(mark: u32) -> Vec<u8> {
    let mut guest = Guest::new().with_context();
    let (call, status, sum) = (guest.call("/auth"), guest.text(":status"), guest.text("x-sum"));
    let show = |map: u32, name: &str| format!("(drop (call $value (i32.const {map}) {name} {OUT})) (call $show)");
    let answered = format!(
        "{TURN} (call $tell (i32.const {mark})) (call $tell (local.get $headers)) (call $tell (local.get $size))
         {} {} {} (call $tell (call $status (i32.const 8) (i32.const 0) (i32.const 4)))
         (call $tell (i32.load (i32.const 8))) {RESUME}",
        show(6, &status),
        show(7, &sum),
        show_body(),
    );
    let guest =
        guest.on_request(&format!("{REMEMBER} (drop {call}) {PAUSE}")).on_response("(call $tell (i32.const 7))");
    guest.on_answer(&answered).build()
}

/// One exchange, in which one call is answered.
async fn exchange(stage: &Stage, desk: &mut Desk, answer: impl FnOnce(Asked)) {
    let (mut run, mut head) = (stage.chain.begin(stream()), request());
    let phase = async { run.on_request(&mut head, EndOfStream::Yes).await };
    let (verdict, ()) = tokio::join!(phase, async { answer(desk.next().await) });
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert!(matches!(run.on_response(&mut head, &mut response(), EndOfStream::No).await, Verdict::Continue));
}

/// A stage and the desk that its filter calls.
fn stage(module: &[u8]) -> (Stage, Desk) {
    let (desk, mut node) = Desk::node();
    node.add("probe", module);
    (Stage::on(node), desk)
}

/// The trace runs the same again, and its module decides the same.
fn runs_again(stage: &Stage, module: &[u8], trace: &[Bytes], exchanges: usize) {
    for report in [stage.same(trace), stage.replay(module, trace).unwrap().other()] {
        assert!(report.differing.is_empty(), "{:#?}\n{}", report.differing, String::from_utf8_lossy(&trace.concat()));
        assert_eq!((report.exchanges, report.foreign, report.left_out), (exchanges, 0, 0));
    }
}

/// The first difference that another module makes.
fn told(stage: &Stage, module: &[u8], trace: &[Bytes]) -> [String; 4] {
    let report = stage.replay(module, trace).unwrap().other();
    let told = &report.differing[0].differences[0];
    [&told.place, &told.what, &told.expected, &told.found].map(Clone::clone)
}

#[tokio::test]
async fn calls_and_their_answers_are_in_a_trace_and_given_again() {
    let (stage, mut desk) = stage(&asking(1));
    let recording = stage.filters.record("probe", bounds(3)).unwrap();
    for ending in ["whole", "bare", "refused"] {
        let answer = |asked: Asked| match ending {
            "whole" => {
                asked.end(Ok(Response::builder().status(201).body(with_trailers("yes", "x-sum", "42")).unwrap()))
            }
            "bare" => asked.answer(200, ""),
            _ => asked.end(Err(CallFailure::Origin("refused".to_owned()))),
        };
        exchange(&stage, &mut desk, |asked| assert!(answer(asked), "{ending}")).await;
    }
    let trace = all_of(recording).await;
    runs_again(&stage, &asking(1), &trace, 3);
    let expected = ["answer to a call", "request x-status", "\"001\", ", "\"002\", "];
    let told = told(&stage, &asking(2), &trace);
    assert!(told.iter().zip(expected).all(|(told, expected)| told.starts_with(expected)), "{told:?}");
    assert!(desk.is_idle(), "a replay calls nobody");
}

#[tokio::test]
async fn answers_are_given_again_in_the_order_in_which_they_came() {
    let mut guest = Guest::new().with_context().with("(global $left (mut i32) (i32.const 2))");
    let (first, second) = (guest.call("/first"), guest.call("/second"));
    let show = show_body();
    let guest = guest.on_request(&format!("{REMEMBER} (drop {first}) (drop {second}) {PAUSE}")).on_answer(&format!(
        "{TURN} (call $tell (local.get $token)) {show} (global.set $left (i32.sub (global.get $left) (i32.const 1)))
         (if (i32.eqz (global.get $left)) (then {RESUME}))"
    ));
    let module = guest.build();
    let (stage, mut desk) = stage(&module);
    let recording = stage.filters.record("probe", bounds(1)).unwrap();
    let (mut run, mut head) = (stage.chain.begin(stream()), request());
    let origin = async {
        let (first, second) = (desk.next().await, desk.next().await);
        assert!(second.answer(200, "second"));
        tokio::task::yield_now().await;
        assert!(first.answer(200, "first"));
    };
    let (verdict, ()) = tokio::join!(async { run.on_request(&mut head, EndOfStream::Yes).await }, origin);
    assert!(matches!(verdict, Verdict::Continue) && statuses(&head.headers) == [2, 1], "{verdict:?}");
    drop(run);
    runs_again(&stage, &module, &all_of(recording).await, 1);
}

#[tokio::test]
async fn what_an_answer_may_no_longer_say_is_refused_again() {
    let mut guest = Guest::new().with_context();
    let (call, name, value) = (guest.call("/auth"), guest.text("forebay\0cache\0ttl"), guest.text("60"));
    let module = guest
        .on_request(&format!("{REMEMBER} (drop {call})"))
        .on_answer(&format!("{TURN} (i32.store (i32.const 8) (call $set_property {name} {value}))"))
        .on_response("(call $tell (i32.load (i32.const 8)))")
        .build();
    let (stage, mut desk) = stage(&module);
    let recording = stage.filters.record("probe", bounds(1)).unwrap();
    let (mut run, mut head, _) = run_request(&stage.chain);
    assert!(desk.next().await.answer(200, "late"));
    tokio::task::yield_now().await;
    let mut parts = response();
    run.on_response(&mut head, &mut parts, EndOfStream::No).await;
    assert_eq!(statuses(&parts.headers), [2], "the request's head has gone on");
    drop(run);
    runs_again(&stage, &module, &all_of(recording).await, 1);
}

#[tokio::test]
async fn a_body_that_waits_for_an_answer_is_in_a_trace() {
    let mut guest = Guest::new().with_context();
    let call = guest.call("/scan");
    let held = format!(
        "(func (export \"proxy_on_request_body\") (param i32 i32 i32) (result i32) (drop {call}) (i32.const 1))"
    );
    let module = guest.on_request(REMEMBER).on_answer(&format!("{TURN} {RESUME}")).with(&held).build();
    let (stage, mut desk) = stage(&module);
    let recording = stage.filters.record("probe", bounds(1)).unwrap();
    let (mut run, head, _) = run_request(&stage.chain);
    let through = run.through_request(&head, Body::from(Bytes::from_static(b"a=1")));
    let (body, answered) = tokio::join!(through, async { desk.next().await.answer(200, "clean") });
    assert!(answered);
    assert_eq!(body.expect("it goes on").collect().await.expect("whole").to_bytes(), "a=1");
    drop(run);
    let trace = all_of(recording).await;
    runs_again(&stage, &module, &trace, 1);
    let differing = stage.replay(&Guest::new().build(), &trace).unwrap().other().differing;
    assert!(!differing.is_empty(), "one that waits for nothing");
}

/// Calls when its exchange is over, and says what it is answered; it ends by these callbacks.
fn late(done: &str, ends: &str) -> Vec<u8> {
    let mut guest = Guest::new().with_context();
    let (call, deleted) = (guest.call("/log"), guest.text("deleted"));
    let (show, said) = (show_body(), "(call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4)))");
    let delete = format!("(func (export \"proxy_on_delete\") (param i32) (drop (call $log (i32.const 2) {deleted})))");
    guest
        .on_request(REMEMBER)
        .on_log(&format!("(drop {call})"))
        .on_answer(&format!("{TURN} {show} (drop {said}) {done}"))
        .with(&ends.replace("DELETE", &delete))
        .build()
}

#[tokio::test]
async fn what_a_context_does_after_its_exchange_is_in_a_trace() {
    let waits =
        |answer: u32| format!("(func (export \"proxy_on_done\") (param i32) (result i32) (i32.const {answer}))");
    let ends = waits(0) + "DELETE";
    let says = "(drop (call $done))";
    for (done, heads) in [(says, "both"), (says, "request"), (says, "none"), ("", "both")] {
        let module = late(done, &ends);
        let (stage, mut desk) = stage(&module);
        let recording = stage.filters.record("probe", bounds(1)).unwrap();
        let (mut run, parts, _) = run_both(&stage.chain);
        match heads {
            "both" => run.keep(&mut request(), parts),
            "request" => run.keep_request(&mut request()),
            _ => {}
        }
        drop(run);
        assert!(desk.next().await.answer(200, "noted"));
        let trace = all_of(recording).await;
        assert!(String::from_utf8_lossy(&trace.concat()).contains("\"noted\""), "{heads}");
        runs_again(&stage, &module, &trace, 1);
        let over = ["answer to a call", "step", "it is entered", "it is over"];
        assert_eq!(told(&stage, &late(done, ""), &trace), over);
        assert_eq!(told(&stage, &late(done, &waits(1)), &trace), over);
        let deleted = ["the end", "log", "nothing", "proxy_log(2, \"deleted\")"];
        assert_eq!(told(&stage, &late(done, &(waits(1) + "DELETE")), &trace), deleted);
    }
}

/// Counts trailers in themselves and adds `mark`, both ways.
fn marking_trailers(mark: u32) -> Vec<u8> {
    let callback = |name: &str, map: u32| {
        format!(
            "(func (export \"proxy_on_{name}_trailers\") (param i32 i32) (result i32)
               (global.set $map (i32.const {map})) (call $tell (local.get 1)) (call $tell (i32.const {mark}))
               (i32.const 0))"
        )
    };
    Guest::new().with(&callback("request", 1)).with(&callback("response", 3)).build()
}

#[tokio::test]
async fn trailers_are_in_a_trace() {
    let (stage, _desk) = stage(&marking_trailers(1));
    let recording = stage.filters.record("probe", bounds(1)).unwrap();
    let (mut run, mut head, _) = run_request(&stage.chain);
    let body = run.through_request(&head, with_trailers("a=1", "x-sum", "42")).await.expect("it goes on");
    let whole = body.collect().await.expect("whole");
    assert_eq!(whole.trailers().map(statuses), Some(vec![1, 1]));
    let mut parts = response();
    run.on_response(&mut head, &mut parts, EndOfStream::No).await;
    run.keep(&mut head, parts);
    let whole = run.through_response(with_trailers("abc", "x-sum", "43")).collect().await.expect("whole");
    assert_eq!(whole.trailers().map(statuses), Some(vec![1, 1]));
    drop(run);
    let trace = all_of(recording).await;
    runs_again(&stage, &marking_trailers(1), &trace, 1);
    let expected = ["request body", "trailer x-status", "\"001\", \"001\"", "\"001\", \"002\""];
    assert_eq!(told(&stage, &marking_trailers(2), &trace), expected);
}

/// Counts its ticks, and tells exchanges how many there were and how many of them they have seen.
fn ticking() -> Vec<u8> {
    let count = |at: u32| format!("(i32.store (i32.const {at}) (i32.add (i32.load (i32.const {at})) (i32.const 1)))");
    let tell = "(call $tell (i32.load (i32.const 40000))) (call $tell (i32.load (i32.const 50000)))";
    let (tick, own) = (count(40000), count(50000));
    Guest::new()
        .on_configure("(drop (call $tick (i32.const 20)))")
        .with(&format!("(func (export \"proxy_on_tick\") (param i32) {tick})"))
        .on_request(&format!("{own} {tell}"))
        .on_response(&format!("{own} {tell}"))
        .build()
}

#[tokio::test(start_paused = true)]
async fn exchanges_between_the_ticks_of_their_plugin_each_run_in_the_image_that_they_found() {
    let mut node = Node::of_workers(2);
    node.environment = node.environment.clone().keeping(Handle::current());
    node.add("probe", &ticking());
    let stage = Stage::on(node);
    let recording = stage.filters.record("probe", bounds(5)).unwrap();
    let after = |millis| tokio::time::sleep(Duration::from_millis(millis));
    let seen = || statuses(&run_both(&stage.chain).1.headers);
    assert_eq!((seen(), seen()), (vec![0, 2], vec![0, 2]));
    after(30).await;
    assert_eq!(seen(), [1, 2]);
    // This one goes on with what it found, although a tick comes in its midst.
    let (mut run, mut head, _) = run_request(&stage.chain);
    after(20).await;
    let mut parts = response();
    run.on_response(&mut head, &mut parts, EndOfStream::No).await;
    assert_eq!(statuses(&parts.headers), [1, 2]);
    drop(run);
    assert_eq!(seen(), [2, 2]);
    let trace = all_of(recording).await;
    let report = stage.same(&trace);
    assert!(report.exchanges == 5 && report.differing.is_empty(), "{:#?}", report.differing);
    let images = trace.iter().filter(|line| line.starts_with(b"{\"image\"")).count();
    assert_eq!(images, 3, "each that was found, once");
}
