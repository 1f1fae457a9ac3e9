//! Filters that hold headers back and look at the body first.

use bytes::Bytes;
use http_body_util::BodyExt;

use super::super::{EndOfStream, FailureKind, Verdict};
use super::desk::{Desk, PAUSE};
use super::guest::Guest;
use super::node::{Node, request, response, run_request, statuses, stream};
use crate::body::Body;
use crate::config::HeaderPause;

/// Holds the headers of map `map` back, and tells in them how large the body is.
fn measuring(message: &str, map: u32) -> Vec<u8> {
    let wait = "(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))";
    let guest = Guest::new().with(&format!(
        r#"(func (export "proxy_on_{message}_body") (param i32) (param $size i32) (param $end i32) (result i32)
             {wait} (global.set $map (i32.const {map})) (call $tell (local.get $size)) (i32.const 0))"#
    ));
    if message == "request" { guest.on_request(PAUSE).build() } else { guest.on_response(PAUSE).build() }
}

fn body() -> Body {
    let frames = ["a=1", "&b=2"].map(|text| Ok::<_, crate::body::BodyError>(http_body::Frame::data(Bytes::from(text))));
    Body::stream(http_body_util::StreamBody::new(futures_util::stream::iter(frames)))
}

async fn text(body: Body) -> Bytes {
    body.collect().await.expect("whole").to_bytes()
}

#[tokio::test]
async fn headers_wait_for_what_the_body_says() {
    let mut node = Node::new();
    node.add("one", &measuring("request", 0)).header_pause = HeaderPause::Headers;
    node.add("two", &Guest::new().on_request("(call $tell (i32.const 99))").build());
    node.add("three", &measuring("request", 0)).header_pause = HeaderPause::Headers;
    let (mut run, mut head) = (node.chain().begin(stream()), request());
    run.lend_body(body());
    let verdict = run.on_request(&mut head, EndOfStream::No).await;
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(statuses(&head.headers), [7, 99, 7]);
    let ahead = run.body_back().expect("it was lent");
    let whole = run.through_request(&head, ahead).await.expect("it goes on");
    assert_eq!(text(whole).await, "a=1&b=2");
}

#[tokio::test]
async fn a_response_waits_for_its_body_too() {
    let mut node = Node::new();
    node.add("outer", &Guest::new().on_response("(call $tell (i32.const 99))").build());
    node.add("inner", &measuring("response", 2)).header_pause = HeaderPause::Headers;
    let (mut run, mut head, _) = run_request(&node.chain());
    let mut parts = response();
    run.lend_body(body());
    let verdict = run.on_response(&mut head, &mut parts, EndOfStream::No).await;
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(statuses(&parts.headers), [7, 99]);
    let ahead = run.body_back().expect("it was lent");
    run.keep(&mut head, parts);
    assert_eq!(text(run.through_response(ahead)).await, "a=1&b=2");
}

#[tokio::test]
async fn an_answer_that_lets_nothing_go_leaves_it_to_the_body_that_is_still_to_come() {
    let (mut desk, mut node) = Desk::node();
    let mut guest = Guest::new();
    let call = guest.call("/scan");
    let wait = "(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))";
    let guest = guest.on_request(&format!("(drop {call}) {PAUSE}")).on_answer("").with(&format!(
        r#"(func (export "proxy_on_request_body") (param i32) (param $size i32) (param $end i32) (result i32)
             {wait} (call $tell (local.get $size)) (i32.const 0))"#
    ));
    node.add("probe", &guest.build()).header_pause = HeaderPause::Headers;
    let (sender, mut coming) = tokio::sync::mpsc::unbounded_channel();
    let frames = futures_util::stream::poll_fn(move |cx| coming.poll_recv(cx));
    let (mut run, mut head) = (node.chain().begin(stream()), request());
    run.lend_body(Body::stream(http_body_util::StreamBody::new(frames)));
    let phase = async { run.on_request(&mut head, EndOfStream::No).await };
    let origin = async {
        let piece = |text: &'static str| Ok::<_, crate::body::BodyError>(http_body::Frame::data(Bytes::from(text)));
        sender.send(piece("a=1")).expect("the body is read");
        assert!(desk.next().await.answer(200, "clean"));
        // The answer comes to the guest before the rest of the body does.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        sender.send(piece("&b=2")).expect("the body is read");
        drop(sender);
    };
    let (verdict, ()) = tokio::join!(phase, origin);
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(statuses(&head.headers), [7]);
}

#[tokio::test]
async fn without_the_key_the_body_waits_with_the_headers() {
    let (mut desk, mut node) = Desk::node();
    let mut guest = Guest::new();
    let call = guest.call("/auth");
    let guest = guest
        .on_request(&format!("(drop {call}) {PAUSE}"))
        .on_answer("")
        .with("(func (export \"proxy_on_request_body\") (param i32 i32 i32) (result i32) unreachable)");
    node.add("probe", &guest.build());
    let (mut run, mut head) = (node.chain().begin(stream()), request());
    run.lend_body(body());
    let phase = async { run.on_request(&mut head, EndOfStream::No).await };
    let (verdict, _) = tokio::join!(phase, async { desk.next().await.answer(200, "x") });
    let Verdict::Fail(failure) = verdict else { panic!("{verdict:?}") };
    assert_eq!(failure.kind, FailureKind::NeverResumed);
    assert_eq!(text(run.body_back().expect("it was lent")).await, "a=1&b=2");
}

#[tokio::test]
async fn a_filter_that_holds_back_more_than_it_may_fails_before_the_headers_go() {
    let mut node = Node::new();
    node.limits.body_buffer_max = 5;
    node.add("probe", &measuring("request", 0)).header_pause = HeaderPause::Headers;
    let (mut run, mut head) = (node.chain().begin(stream()), request());
    run.lend_body(body());
    let Verdict::Fail(failure) = run.on_request(&mut head, EndOfStream::No).await else { panic!("it went on") };
    assert_eq!(failure.kind, FailureKind::BodyBuffer);
}
