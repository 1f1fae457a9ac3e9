//! Local replies, closed and paused streams, and the order of a chain.

use super::super::messages::wire;
use super::super::{EndOfStream, FailureKind, Verdict};
use super::guest::Guest;
use super::node::{Node, chain_of, request, response, run_both, run_request, stream, values};

/// A guest's code that answers with `status`, one header and `body`.
fn reply(guest: &mut Guest, status: u32, body: &str) -> String {
    let mut headers = Vec::new();
    let pairs = [(&b"x-made-by"[..], &b"guest"[..]), (b":status", b"999"), (b"Content-Length", b"1"), (b"te", b"gzip")];
    wire::write(|| pairs.into_iter(), &mut headers);
    let [details, body] = ["because", body].map(|text| guest.text(text));
    let headers = guest.text(headers);
    format!("(call $tell (call $reply (i32.const {status}) {details} {body} {headers} (i32.const -1)))")
}

fn named(name: &str, value: &str, callback: &str) -> Vec<u8> {
    let mut guest = Guest::new();
    let [name, value] = [name, value].map(|text| guest.text(text));
    let add = format!("(drop (call $add (global.get $map) {name} {value}))");
    if callback == "request" { guest.on_request(&add).build() } else { guest.on_response(&add).build() }
}

#[test]
fn requests_run_the_chain_forward_and_responses_backward() {
    let mut node = Node::new();
    let both = |value: &str| {
        let mut guest = Guest::new();
        let [name, value] = ["x-order", value].map(|text| guest.text(text));
        let add = format!("(drop (call $add (global.get $map) {name} {value}))");
        guest.on_request(&add).on_response(&add).build()
    };
    for name in ["one", "two", "three"] {
        node.add(name, &both(name));
    }
    let mut run = node.chain().begin(stream());
    let (mut head, mut parts) = (request(), response());
    run.ask(&mut head, EndOfStream::Yes);
    run.tell(&mut head, &mut parts, EndOfStream::No);
    assert_eq!(values(&head.headers, "x-order"), ["one", "two", "three"]);
    assert_eq!(values(&parts.headers, "x-order"), ["three", "two", "one"]);
}

#[test]
fn reply_to_a_request_ends_its_phase_at_once() {
    let mut guest = Guest::new();
    let body = reply(&mut guest, 403, "no");
    let seen = guest.text("x-seen");
    let guest = guest.on_request(&body).on_response(&format!("(drop (call $add (i32.const 2) {seen} {seen}))"));
    let mut node = Node::new();
    node.add("guard", &guest.build());
    node.add("behind", &named("x-behind", "1", "response"));
    let mut run = node.chain().begin(stream());
    let mut head = request();
    let Verdict::Reply(reply) = run.ask(&mut head, EndOfStream::Yes) else { panic!("no reply") };
    assert_eq!(
        (reply.status.as_u16(), &reply.body[..], &*reply.details, &*reply.filter),
        (403, &b"no"[..], "because", "guard")
    );
    assert_eq!(values(&reply.headers, "x-made-by"), ["guest"]);
    assert_eq!(reply.headers.len(), 1);
    // The reply passes the filters that saw the request, the replying one among them.
    let mut parts = response();
    assert!(matches!(run.tell(&mut head, &mut parts, EndOfStream::No), Verdict::Continue));
    assert_eq!(values(&parts.headers, "x-seen"), ["x-seen"]);
    assert!(parts.headers.get("x-behind").is_none());
}

#[test]
fn reply_to_a_response_takes_its_place_and_goes_on() {
    let mut guest = Guest::new();
    let body = reply(&mut guest, 451, "withheld");
    let mut node = Node::new();
    node.add("outer", &named("x-outer", "saw", "response"));
    node.add("censor", &guest.on_response(&body).build());
    let (_run, parts, verdict) = run_both(&node.chain());
    let Verdict::Reply(reply) = verdict else { panic!("{verdict:?}") };
    assert_eq!(&reply.body[..], b"withheld");
    assert_eq!(parts.status, 451);
    assert_eq!(values(&parts.headers, "x-made-by"), ["guest"]);
    assert_eq!(values(&parts.headers, "x-outer"), ["saw"]);
    assert!(parts.headers.get("content-type").is_none());
}

#[test]
fn replying_to_a_reply_cannot_go_round_in_circles() {
    let mut guest = Guest::new();
    let body = reply(&mut guest, 403, "no");
    let chain = chain_of(&guest.on_request(&body).on_response(&body).build());
    let (mut run, mut head, verdict) = run_request(&chain);
    assert!(matches!(verdict, Verdict::Reply(_)));
    let mut parts = response();
    assert!(matches!(run.tell(&mut head, &mut parts, EndOfStream::No), Verdict::Reply(_)));
    assert!(matches!(run.tell(&mut head, &mut parts, EndOfStream::No), Verdict::Continue));
}

#[test]
fn replies_that_cannot_be_are_refused() {
    let mut guest = Guest::new();
    let mut body = String::new();
    for status in [0, 101, 199, 600, 70_000] {
        body += &reply(&mut guest, status, "x");
    }
    let (_run, head, verdict) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert!(matches!(verdict, Verdict::Continue));
    assert_eq!(super::node::statuses(&head.headers), [2; 5]);
}

#[test]
fn guests_close_streams() {
    let chain = chain_of(&Guest::new().on_request("(call $tell (call $close (i32.const 0)))").build());
    assert!(matches!(run_request(&chain).2, Verdict::Close));
    let chain = chain_of(&Guest::new().on_response("(call $tell (call $close (i32.const 1)))").build());
    assert!(matches!(run_both(&chain).2, Verdict::Close));
}

#[test]
fn pause_needs_somebody_who_resumes() {
    for action in 1..=5 {
        let paused = Guest::new().on_request(&format!("(return (i32.const {action}))"));
        let Verdict::Fail(failure) = run_request(&chain_of(&paused.build())).2 else { panic!("{action} went on") };
        assert_eq!(failure.kind, FailureKind::NeverResumed);
    }
    for call in ["(call $continue (i32.const 0))", "(call $continue_request)"] {
        let resumed = Guest::new().on_request(&format!("(drop {call}) (return (i32.const 1))"));
        assert!(matches!(run_request(&chain_of(&resumed.build())).2, Verdict::Continue));
    }
    let mut guest = Guest::new();
    let body = reply(&mut guest, 403, "no") + "(return (i32.const 1))";
    assert!(matches!(run_request(&chain_of(&guest.on_request(&body).build())).2, Verdict::Reply(_)));
}

#[test]
fn end_of_stream_reaches_the_guest() {
    let chain = chain_of(&Guest::new().on_request("(call $tell (local.get $end))").build());
    for (end, flag) in [(EndOfStream::Yes, 1), (EndOfStream::No, 0)] {
        let mut head = request();
        chain.begin(stream()).ask(&mut head, end);
        assert_eq!(super::node::statuses(&head.headers), [flag]);
    }
}

#[test]
fn contexts_end_in_order_when_the_run_does() {
    let mut guest = Guest::new();
    let name = guest.text("ended");
    let step = |digit: u32| {
        format!(
            "(drop (call $define (i32.const 1) {name} (i32.const 0))) (drop (call $metric (i32.load (i32.const 0)) (i32.const 8)))
             (drop (call $record (i32.load (i32.const 0))
               (i64.add (i64.mul (i64.load (i32.const 8)) (i64.const 10)) (i64.const {digit}))))"
        )
    };
    let (log, done, delete) = (step(1), step(2), step(3));
    let guest = guest.on_log(&log).with(&format!(
        r#"(func (export "proxy_on_done") (param i32) (result i32) {done} (i32.const 0))
           (func (export "proxy_on_delete") (param i32) {delete})"#
    ));
    let mut node = Node::new();
    node.add("probe", &guest.build());
    let chain = node.chain();
    let ended = || node.metric("forebay_wasm_ended{filter=\"probe\"}");
    let (run, ..) = run_request(&chain);
    assert_eq!(ended(), None);
    drop(run);
    assert_eq!(ended().as_deref(), Some("123"));
    let (run, ..) = run_request(&chain);
    let before = run.elapsed();
    assert!(run.finish() > before, "the callbacks at the end take time too");
    assert_eq!(ended().as_deref(), Some("123123"), "each context ends once");
}
