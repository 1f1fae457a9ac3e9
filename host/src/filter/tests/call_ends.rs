//! What a guest decides when a call is answered, and who is still there to be told.

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;

use super::super::{EndOfStream, FailureKind, Verdict};
use super::desk::{Desk, PAUSE, REMEMBER, RESUME, TURN, with_trailers};
use super::guest::Guest;
use super::node::{request, response, run_request, stream, values};
use crate::body::Body;
use crate::config::OnError;

/// Counts in a metric of this name.
fn count(guest: &mut Guest, name: &str) -> String {
    let name = guest.text(name);
    format!(
        "(drop (call $define (i32.const 1) {name} (i32.const 0)))
         (drop (call $increment (i32.load (i32.const 0)) (i64.const 1)))"
    )
}

fn forbid(guest: &mut Guest) -> String {
    let why = guest.text("forbidden");
    format!("(drop (call $reply (i32.const 403) {why} {why} (i32.const 0) (i32.const 0) (i32.const -1)))")
}

#[tokio::test]
async fn an_answer_may_end_in_a_reply() {
    for callback in ["request", "response"] {
        let (mut desk, mut node) = Desk::node();
        let mut guest = Guest::new().with_context();
        let (call, forbid) = (guest.call("/auth"), forbid(&mut guest));
        let ask = format!("{REMEMBER} (drop {call}) {PAUSE}");
        let guest = if callback == "request" { guest.on_request(&ask) } else { guest.on_response(&ask) };
        node.add("outer", &Guest::new().on_response("(call $tell (i32.const 7))").build());
        node.add("probe", &guest.on_answer(&format!("{TURN} {forbid}")).build());
        let (mut run, mut head, mut parts) = (node.chain().begin(stream()), request(), response());
        let phases = async {
            match run.on_request(&mut head, EndOfStream::Yes).await {
                Verdict::Continue => run.on_response(&mut head, &mut parts, EndOfStream::No).await,
                verdict => verdict,
            }
        };
        let (verdict, _) = tokio::join!(phases, async { desk.next().await.answer(200, "no") });
        let Verdict::Reply(reply) = verdict else { panic!("{callback}: {verdict:?}") };
        assert_eq!((reply.status.as_u16(), &reply.body[..], &*reply.details), (403, &b"forbidden"[..], "forbidden"));
        if callback == "response" {
            assert_eq!((parts.status.as_u16(), values(&parts.headers, "x-status")), (403, vec!["007".to_owned()]));
        }
    }
}

#[tokio::test]
async fn an_exchange_that_does_not_wait_hears_of_a_reply_before_its_response_goes_on() {
    let (mut desk, mut node) = Desk::node();
    let mut guest = Guest::new().with_context();
    let (call, forbid) = (guest.call("/auth"), forbid(&mut guest));
    let guest = guest.on_request(&format!("{REMEMBER} (drop {call})")).on_answer(&format!("{TURN} {forbid}"));
    node.add("probe", &guest.build());
    let (mut run, mut head, verdict) = run_request(&node.chain());
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    desk.next().await.answer(200, "no");
    tokio::task::yield_now().await;
    let mut parts = response();
    let verdict = run.on_response(&mut head, &mut parts, EndOfStream::No).await;
    assert!(matches!(verdict, Verdict::Reply(_)), "{verdict:?}");
    assert_eq!(parts.status, 403);
}

#[tokio::test]
async fn what_an_answer_says_of_the_cache_counts_while_the_request_waits() {
    for (waits, status) in [(PAUSE, 400), ("", 402)] {
        let (mut desk, mut node) = Desk::node();
        let mut guest = Guest::new().with_context();
        let (call, name, value) = (guest.call("/auth"), guest.text("forebay\0cache\0ttl"), guest.text("60"));
        let set = format!("(call $set_property {name} {value})");
        let told = format!(
            "{TURN} (drop (call $reply (i32.add (i32.const 400) {set}) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))"
        );
        let guest = guest.on_request(&format!("{REMEMBER} (drop {call}) {waits}")).on_answer(&told);
        node.add("probe", &guest.build());
        let (mut run, mut head, mut parts) = (node.chain().begin(stream()), request(), response());
        let phase = async { run.on_request(&mut head, EndOfStream::Yes).await };
        let (mut verdict, _) = tokio::join!(phase, async { desk.next().await.answer(200, "x") });
        if matches!(verdict, Verdict::Continue) {
            tokio::task::yield_now().await;
            verdict = run.on_response(&mut head, &mut parts, EndOfStream::No).await;
        }
        let Verdict::Reply(reply) = verdict else { panic!("{verdict:?}") };
        assert_eq!(reply.status.as_u16(), status);
    }
}

#[tokio::test]
async fn a_guest_that_traps_on_an_answer_fails_its_own_exchange() {
    for on_error in [OnError::FailClosed, OnError::FailOpen] {
        let (mut desk, mut node) = Desk::node();
        let mut guest = Guest::new().with_context();
        let (call, name) = (guest.call("/auth"), guest.text("x-trace"));
        let trap = format!("{TURN} (drop (call $add (i32.const 0) {name} {name})) unreachable");
        let guest = guest.on_request(&format!("{REMEMBER} (drop {call}) {PAUSE}")).on_answer(&trap);
        node.add("probe", &guest.build()).on_error = on_error;
        let (mut run, mut head) = (node.chain().begin(stream()), request());
        let phase = async { run.on_request(&mut head, EndOfStream::Yes).await };
        let (verdict, _) = tokio::join!(phase, async { desk.next().await.answer(200, "x") });
        match verdict {
            Verdict::Fail(failure) => {
                assert_eq!((failure.kind, on_error), (FailureKind::Trap, OnError::FailClosed));
                assert_eq!(failure.callback.word(), "http_call_response");
            }
            verdict => assert!(matches!(verdict, Verdict::Continue) && on_error == OnError::FailOpen, "{verdict:?}"),
        }
        if on_error == OnError::FailOpen {
            assert!(head.headers.get("x-trace").is_none(), "a filter that is passed over leaves no trace");
        }
        assert_eq!(node.metric("forebay_filter_failures_total{filter=\"probe\",kind=\"trap\"}").as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_client_that_goes_while_its_filter_waits() {
    let (mut desk, mut node) = Desk::node();
    let mut guest = Guest::new().with_context();
    let (call, answered) = (guest.call("/auth"), count(&mut guest, "answered"));
    let guest = guest.on_request(&format!("{REMEMBER} (drop {call}) {PAUSE}")).on_answer(&answered);
    node.add("probe", &guest.build());
    let chain = node.chain();
    let mut run = chain.begin(stream());
    let mut head = request();
    let asked = tokio::select! {
        verdict = run.on_request(&mut head, EndOfStream::Yes) => panic!("{verdict:?}"),
        asked = desk.next() => asked,
    };
    drop(run);
    assert!(chain.pristine());
    // The call itself goes on: whoever is called need not know that nobody waits.
    assert!(asked.answer(200, "late"));
    tokio::task::yield_now().await;
    assert_eq!(node.metric("forebay_wasm_answered{filter=\"probe\"}"), None);
    assert!(chain.pristine());
}

#[tokio::test]
async fn a_context_that_is_not_done_lives_until_its_answer() {
    for done in ["(drop (call $done))", ""] {
        let (mut desk, mut node) = Desk::node();
        let mut guest = Guest::new().with_context();
        let (call, answered, deleted) =
            (guest.call("/log"), count(&mut guest, "answered"), count(&mut guest, "deleted"));
        let guest = guest
            .on_request(REMEMBER)
            .on_log(&format!("(drop {call})"))
            .on_answer(&format!("{TURN} {answered} {done}"))
            .with("(func (export \"proxy_on_done\") (param i32) (result i32) (i32.const 0))")
            .with(&format!("(func (export \"proxy_on_delete\") (param i32) {deleted})"));
        node.add("probe", &guest.build());
        let chain = node.chain();
        let count = |name: &str| node.metric(&format!("forebay_wasm_{name}{{filter=\"probe\"}}"));
        drop(run_request(&chain));
        let asked = desk.next().await;
        assert_eq!((asked.path(), count("deleted")), ("/log", None));
        asked.answer(200, "noted");
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        assert_eq!((count("answered").as_deref(), count("deleted").as_deref()), (Some("1"), Some("1")));
        assert!(chain.pristine());
    }
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_never_done_is_deleted_in_the_end() {
    let (mut desk, mut node) = Desk::node();
    node.limits.pause_max = std::time::Duration::from_secs(2);
    let mut guest = Guest::new();
    let (call, deleted) = (guest.call("/log"), count(&mut guest, "deleted"));
    let guest = guest
        .on_request(&format!("(drop {call})"))
        .with("(func (export \"proxy_on_done\") (param i32) (result i32) (i32.const 0))")
        .with(&format!("(func (export \"proxy_on_delete\") (param i32) {deleted})"));
    node.add("probe", &guest.build());
    let chain = node.chain();
    drop(run_request(&chain));
    let _asked = desk.next().await;
    assert_eq!(node.metric("forebay_wasm_deleted{filter=\"probe\"}"), None);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(node.metric("forebay_wasm_deleted{filter=\"probe\"}").as_deref(), Some("1"));
    assert!(chain.pristine());
}

#[tokio::test]
async fn a_body_that_is_held_back_goes_on_with_the_answer() {
    let (mut desk, mut node) = Desk::node();
    let mut guest = Guest::new().with_context();
    let call = guest.call("/scan");
    let guest = guest.on_request(REMEMBER).on_answer(&format!("{TURN} {RESUME}")).with(&format!(
        "(func (export \"proxy_on_request_body\") (param i32 i32 i32) (result i32) (drop {call}) (i32.const 1))"
    ));
    node.add("probe", &guest.build());
    let (mut run, head, _) = run_request(&node.chain());
    let through = run.through_request(&head, Body::from(Bytes::from_static(b"a=1")));
    let origin = async {
        let asked = desk.next().await;
        assert_eq!(asked.path(), "/scan");
        asked.end(Ok(Response::new(Body::Empty)));
    };
    let (body, ()) = tokio::join!(through, origin);
    assert_eq!(body.expect("it goes on").collect().await.expect("whole").to_bytes(), "a=1");
}

#[tokio::test]
async fn trailers_wait_for_the_answer_with_what_is_held_before_them() {
    let body = "(func (export \"proxy_on_request_body\") (param i32 i32 i32) (result i32) BODY)";
    let trailers =
        "(func (export \"proxy_on_request_trailers\") (param i32 i32) (result i32) (drop CALL) (i32.const 1))";
    // The call is made in the trailers callback, or in that of a body whose trailers the guest does not see.
    for callbacks in [trailers.to_owned(), body.replace("BODY", "(drop CALL) (i32.const 1)")] {
        let (mut desk, mut node) = Desk::node();
        let mut guest = Guest::new().with_context();
        let call = guest.call("/scan");
        let guest = guest.on_request(REMEMBER).on_answer(&format!("{TURN} {RESUME}"));
        node.add("probe", &guest.with(&callbacks.replace("CALL", &call)).build());
        let counted = "(call $tell (local.get 1)) (i32.const 0)";
        let behind = trailers.replace("(drop CALL) (i32.const 1)", counted);
        node.add("behind", &Guest::new().with(&body.replace("BODY", "(i32.const 0)")).with(&behind).build());
        let (mut run, head, _) = run_request(&node.chain());
        let through = async {
            let body = run.through_request(&head, with_trailers("a=1", "x-sum", "42")).await;
            body.expect("it goes on").collect().await.expect("whole")
        };
        let (whole, _) = tokio::join!(through, async { desk.next().await.answer(200, "clean") });
        assert_eq!(whole.trailers().map(|trailers| trailers["x-sum"].as_bytes()), Some(&b"42"[..]), "{callbacks}");
        assert_eq!(whole.to_bytes(), "a=1", "{callbacks}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_never_let_go_is_given_up() {
    for on_error in [OnError::FailClosed, OnError::FailOpen] {
        let (mut desk, mut node) = Desk::node();
        node.limits.pause_max = std::time::Duration::from_secs(3);
        let mut guest = Guest::new();
        let call = guest.call("/scan");
        let guest = guest.with(&format!(
            "(func (export \"proxy_on_request_body\") (param i32 i32 i32) (result i32) (drop {call}) (i32.const 1))"
        ));
        node.add("probe", &guest.build()).on_error = on_error;
        let (mut run, head, _) = run_request(&node.chain());
        let through = run.through_request(&head, Body::from(Bytes::from_static(b"a=1"))).await;
        let _asked = desk.next().await;
        match through {
            Err(Verdict::Fail(failure)) => {
                assert_eq!((failure.kind, on_error), (FailureKind::NeverResumed, OnError::FailClosed));
            }
            Err(verdict) => panic!("{verdict:?}"),
            Ok(body) => {
                assert_eq!(on_error, OnError::FailOpen);
                assert_eq!(body.collect().await.expect("whole").to_bytes(), "a=1");
            }
        }
    }
}
