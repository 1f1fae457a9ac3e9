//! Calls that guests make, and waits that their answers end.

use std::time::Duration;

use futures_util::FutureExt;
use http::Response;

use super::super::{CallFailure, EndOfStream, FailureKind, Verdict};
use super::desk::{Desk, PAUSE, REMEMBER, RESUME, TURN, with_trailers};
use super::guest::{Guest, OUT};
use super::node::{request, response, run_request, statuses, stream, values};
use crate::body::Body;

/// Shows the body of the answer at hand in the exchange's request.
const SHOW_BODY: &str =
    "(drop (call $buffer (i32.const 4) (i32.const 0) (i32.const 1000) (i32.const 0) (i32.const 4))) (call $show)";

/// Calls `/auth`, waits, and resumes with the answer's body in `x-value`.
fn asking() -> Guest {
    let mut guest = Guest::new().with_context();
    let call = guest.call("/auth");
    guest.on_request(&format!("{REMEMBER} (drop {call}) {PAUSE}")).on_answer(&format!("{TURN} {SHOW_BODY} {RESUME}"))
}

#[tokio::test]
async fn an_answer_resumes_the_request_that_waits_for_it() {
    let (mut desk, mut node) = Desk::node();
    let mut guest = Guest::new().with_context();
    let [status, trailer] = [":status", "x-sum"].map(|text| guest.text(text));
    let call = guest.call("/auth?a=1");
    let show = |map: u32, name: &str| format!("(drop (call $value (i32.const {map}) {name} {OUT})) (call $show)");
    let answered = format!(
        "(call $tell (call $size (i32.const 0) (i32.const 0)))
         {TURN} (call $tell (local.get $headers)) (call $tell (local.get $size)) (call $tell (local.get $trailers))
         {} {SHOW_BODY} {} (call $tell (call $status (i32.const 8) (i32.const 0) (i32.const 4)))
         (call $tell (i32.load (i32.const 8))) {RESUME}",
        show(6, &status),
        show(7, &trailer),
    );
    node.add("probe", &guest.on_request(&format!("{REMEMBER} (drop {call}) {PAUSE}")).on_answer(&answered).build());
    node.add("behind", &Guest::new().on_request("(call $tell (i32.const 99))").build());
    let chain = node.chain();
    let (mut run, mut head) = (chain.begin(stream()), request());
    let phase = async { run.on_request(&mut head, EndOfStream::Yes).await };
    let origin = async {
        let mut asked = desk.next().await;
        assert_eq!((asked.request.method().as_str(), asked.path()), ("GET", "/auth"));
        assert_eq!(asked.request.uri().query(), Some("a=1"));
        assert_eq!(asked.request.headers()["host"], "calls.example");
        assert_eq!(asked.body().await.0, "");
        let answer = Response::builder().status(201).header("x-a", "1");
        assert!(asked.end(Ok(answer.body(with_trailers("yes", "x-sum", "42")).unwrap())));
    };
    let (verdict, ()) = tokio::join!(phase, origin);
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(values(&head.headers, "x-value"), ["201", "yes", "42"]);
    // What is told before the guest turns to its exchange goes nowhere; the filter behind comes after the wait.
    assert_eq!(statuses(&head.headers), [2, 3, 1, 0, 0, 99]);
}

#[tokio::test]
async fn answers_to_a_response_that_waits_change_it() {
    let (mut desk, mut node) = Desk::node();
    let mut guest = Guest::new().with_context();
    let call = guest.call("/sign");
    let guest = guest.on_response(&format!("{REMEMBER} (drop {call}) {PAUSE}")).on_answer(&format!(
        "{TURN} (global.set $map (i32.const 2)) {SHOW_BODY} (drop (call $continue (i32.const 1)))"
    ));
    node.add("outer", &Guest::new().on_response("(call $tell (i32.const 7))").build());
    node.add("probe", &guest.build());
    let (mut run, mut head, _) = run_request(&node.chain());
    let mut parts = response();
    let phase = async { run.on_response(&mut head, &mut parts, EndOfStream::No).await };
    let (verdict, _) = tokio::join!(phase, async { desk.next().await.answer(200, "signed") });
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!((values(&parts.headers, "x-value"), statuses(&parts.headers)), (vec!["signed".to_owned()], vec![7]));
    assert_eq!(parts.headers["content-type"], "text/html");
}

#[tokio::test]
async fn answers_come_in_any_order_and_are_known_by_their_tokens() {
    let (mut desk, mut node) = Desk::node();
    let mut guest = Guest::new().with_context().with("(global $left (mut i32) (i32.const 2))");
    let (first, second) = (guest.call("/first"), guest.call("/second"));
    let count = "(global.set $left (i32.sub (global.get $left) (i32.const 1)))";
    let guest = guest
        .on_request(&format!(
            "{REMEMBER} (drop {first}) (call $tell (i32.load (i32.const 24)))
             (drop {second}) (call $tell (i32.load (i32.const 24))) {PAUSE}"
        ))
        .on_answer(&format!(
            "{TURN} (call $tell (local.get $token)) {SHOW_BODY} {count}
             (if (i32.eqz (global.get $left)) (then {RESUME}))"
        ));
    node.add("probe", &guest.build());
    let (mut run, mut head) = (node.chain().begin(stream()), request());
    let phase = async { run.on_request(&mut head, EndOfStream::Yes).await };
    let origin = async {
        let (first, second) = (desk.next().await, desk.next().await);
        assert_eq!((first.path(), second.path()), ("/first", "/second"));
        second.answer(200, "second");
        tokio::task::yield_now().await;
        first.answer(200, "first");
    };
    let (verdict, ()) = tokio::join!(phase, origin);
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(values(&head.headers, "x-value"), ["second", "first"]);
    assert_eq!(statuses(&head.headers), [1, 2, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_has_no_headers_and_says_why() {
    let large = || Response::new(Body::from(bytes::Bytes::from_static(&[b'x'; 65])));
    let endings = [
        (Some(Err(CallFailure::Origin("refused".to_owned()))), "refused"),
        (Some(Ok(large())), "the answer is larger than a filter may be shown"),
        (None, "no answer in time"),
    ];
    for (ending, expected) in endings {
        let (mut desk, mut node) = Desk::node();
        let mut guest = Guest::new().with_context();
        let call = guest.call("/auth");
        let answered = format!(
            "{TURN} (call $tell (local.get $headers)) (call $tell (call $status (i32.const 8) (i32.const 0) (i32.const 4)))
             (call $tell (i32.load (i32.const 8))) (call $show) {RESUME}"
        );
        node.add("probe", &guest.on_request(&format!("{REMEMBER} (drop {call}) {PAUSE}")).on_answer(&answered).build());
        let (mut run, mut head) = (node.chain().begin(stream()), request());
        let phase = async { run.on_request(&mut head, EndOfStream::Yes).await };
        let origin = async {
            let asked = desk.next().await;
            match ending {
                Some(ending) => {
                    asked.end(ending);
                    None
                }
                None => Some(asked),
            }
        };
        let (verdict, _unanswered) = tokio::join!(phase, origin);
        assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
        assert_eq!(statuses(&head.headers), [0, 0, 11], "{expected}");
        assert_eq!(values(&head.headers, "x-value"), [expected]);
    }
}

/// Origin, headers, timeout, and what the guest is told.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], i32, u32);

#[tokio::test]
async fn calls_that_cannot_be_are_refused() {
    let (m, p, a) = ((":method", "GET"), (":path", "/"), (":authority", "calls.example"));
    let long = "x".repeat(4000);
    let cases: [Case<'_>; 12] = [
        ("nobody", &[m, p, a], 0, 2),
        ("", &[m, p, a], 0, 2),
        ("site", &[p, a], 0, 2),
        ("site", &[m, a], 0, 2),
        ("site", &[m, p], 0, 2),
        ("site", &[m, p, a], -1, 2),
        ("site", &[m, p, a], i32::MIN, 2),
        ("site", &[m, a, (":path", "no-slash")], 0, 2),
        ("site", &[p, a, (":method", "CONNECT")], 0, 2),
        ("site", &[m, p, (":authority", "a b")], 0, 2),
        ("site", &[m, p, a, ("x-long", &long)], 0, 2),
        ("site", &[m, p, a, ("bad name", "1")], 0, 2),
    ];
    for (origin, pairs, timeout, expected) in cases {
        let (desk, mut node) = Desk::node();
        let mut guest = Guest::new();
        let call = guest.call_with(origin, pairs, timeout);
        node.add("probe", &guest.on_request(&format!("(call $tell {call})")).build());
        let (_run, head, verdict) = run_request(&node.chain());
        assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
        assert_eq!(statuses(&head.headers), [expected], "{origin} {pairs:?} {timeout}");
        assert!(desk.is_idle());
    }
}

#[tokio::test]
async fn an_exchange_makes_as_many_calls_as_it_may() {
    let (mut desk, mut node) = Desk::node();
    let mut guest = Guest::new();
    let call = guest.call("/again");
    node.add("probe", &guest.on_request(&format!("(call $tell {call})").repeat(5)).build());
    let (_run, head, _) = run_request(&node.chain());
    assert_eq!(statuses(&head.headers), [0, 0, 0, 0, 10]);
    for _ in 0..4 {
        desk.next().await;
    }
    assert!(desk.is_idle());
}

#[tokio::test]
async fn a_guest_that_calls_for_ever_is_given_up_when_it_may_call_no_more() {
    let (mut desk, mut node) = Desk::node();
    let mut guest = Guest::new();
    let call = guest.call("/again");
    let again = format!("(drop {call})");
    node.add("probe", &guest.on_request(&format!("{again} {PAUSE}")).on_answer(&again).build());
    let (mut run, mut head) = (node.chain().begin(stream()), request());
    let phase = async { run.on_request(&mut head, EndOfStream::Yes).await };
    let origin = async {
        for _ in 0..4 {
            desk.next().await.answer(200, "again");
        }
    };
    let (verdict, ()) = tokio::join!(phase, origin);
    let Verdict::Fail(failure) = verdict else { panic!("{verdict:?}") };
    assert_eq!(failure.kind, FailureKind::NeverResumed);
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_pause_max_is_given_up() {
    use crate::config::OnError::{FailClosed, FailOpen};
    for on_error in [FailClosed, FailOpen] {
        let (mut desk, mut node) = Desk::node();
        node.limits.pause_max = Duration::from_secs(3);
        node.add("probe", &asking().build()).on_error = on_error;
        let (mut run, mut head) = (node.chain().begin(stream()), request());
        let begun = tokio::time::Instant::now();
        let verdict = run.on_request(&mut head, EndOfStream::Yes).await;
        assert_eq!(begun.elapsed().as_secs(), 3);
        match verdict {
            Verdict::Fail(failure) => assert_eq!((failure.kind, on_error), (FailureKind::NeverResumed, FailClosed)),
            verdict => assert!(matches!(verdict, Verdict::Continue) && on_error == FailOpen),
        }
        assert_eq!(head.headers["accept"], "text/html");
        // What comes too late reaches nobody, and does no harm.
        desk.next().await.answer(200, "late");
        tokio::task::yield_now().await;
        assert!(matches!(run.tell(&mut head, &mut response(), EndOfStream::No), Verdict::Continue));
    }
}

#[tokio::test]
async fn waiting_exchanges_never_see_each_other() {
    let (mut desk, mut node) = Desk::node();
    node.add("probe", &asking().build());
    let chain = node.chain();
    let exchange = async || {
        let (mut run, mut head) = (chain.begin(stream()), request());
        let verdict = run.on_request(&mut head, EndOfStream::Yes).await;
        assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
        values(&head.headers, "x-value")
    };
    let origin = async {
        let (first, second, third) = (desk.next().await, desk.next().await, desk.next().await);
        second.answer(200, "second");
        tokio::task::yield_now().await;
        first.answer(200, "first");
        third.answer(200, "third");
    };
    let (first, second, third, ()) = tokio::join!(exchange(), exchange(), exchange(), origin);
    assert_eq!([first, second, third], [["first"], ["second"], ["third"]]);
    assert!(chain.pristine());
}

#[tokio::test]
async fn a_pause_without_a_call_is_given_up_at_once() {
    let (_desk, mut node) = Desk::node();
    node.add("probe", &Guest::new().on_request(PAUSE).build());
    let mut run = node.chain().begin(stream());
    let verdict = run.on_request(&mut request(), EndOfStream::Yes).now_or_never().expect("nothing to wait for");
    assert!(matches!(verdict, Verdict::Fail(failure) if failure.kind == FailureKind::NeverResumed));
}
