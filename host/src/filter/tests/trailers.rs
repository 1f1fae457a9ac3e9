//! What follows bodies: trailers as filters see, change, add and refuse them, both ways.

use bytes::Bytes;
use http::HeaderMap;
use http::header::HeaderName;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use super::super::bodies::direction::Direction;
use super::super::{Chain, FailureKind, FilterFailure, Verdict};
use super::guest::{Guest, OUT};
use super::node::{Node, chain_of, request, run_both, run_request, values};
use crate::body::{Body, BodyError};
use crate::config::OnError;

const BOTH: [Direction; 2] = [Direction::Request, Direction::Response];

/// Adds the callbacks for a message's body and trailers; they continue where these do not return.
fn with(guest: Guest, direction: Direction, on_body: Option<&str>, on_trailers: Option<&str>) -> Guest {
    let (word, map, trailers, buffer) = match direction {
        Direction::Request => ("request", "0", "1", "0"),
        Direction::Response => ("response", "2", "3", "1"),
    };
    let mut functions = String::new();
    for (callback, parameters, body) in [
        ("body", "(param $context i32) (param $size i32) (param $end i32)", on_body),
        ("trailers", "(param $context i32) (param $count i32)", on_trailers),
    ] {
        let Some(body) = body else { continue };
        let body = body.replace("TRAILERS", trailers).replace("HEADERS", map).replace("BUFFER", buffer);
        functions += &format!(
            "(func (export \"proxy_on_{word}_{callback}\") {parameters} (result i32)
               (global.set $map (i32.const {trailers})) {body} (i32.const 0))"
        );
    }
    guest.with(&functions)
}

fn fields(pairs: &[(&str, &str)]) -> HeaderMap {
    let field = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    pairs.iter().map(field).collect()
}

/// A body of these pieces and trailers.
fn body(pieces: &[&str], trailers: Option<HeaderMap>) -> Body {
    let data = pieces.iter().map(|piece| Frame::data(Bytes::copy_from_slice(piece.as_bytes())));
    let frames: Vec<Result<Frame<Bytes>, BodyError>> = data.chain(trailers.map(Frame::trailers)).map(Ok).collect();
    Body::stream(StreamBody::new(futures_util::stream::iter(frames)))
}

/// What came out at the other end: the data, and the trailers.
type Passed = Result<(String, Option<HeaderMap>), Verdict>;

/// Sends a message through the filters.
async fn pass(chain: &Chain, direction: Direction, body: Body) -> Passed {
    let (mut run, passed) = match direction {
        Direction::Request => {
            let (mut run, head, _) = run_request(chain);
            let passed = run.through_request(&head, body).await;
            (run, passed?)
        }
        Direction::Response => {
            let (mut run, parts, _) = run_both(chain);
            run.keep(&mut request(), parts);
            let passed = run.through_response(body);
            (run, passed)
        }
    };
    match passed.collect().await {
        Ok(whole) => {
            let trailers = whole.trailers().cloned();
            Ok((String::from_utf8(whole.to_bytes().to_vec()).unwrap(), trailers))
        }
        Err(_) => Err(run.ended().expect("a filter ended the body")),
    }
}

fn failure(passed: Passed) -> FilterFailure {
    match passed {
        Err(Verdict::Fail(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

/// What host calls on trailers answered.
fn told(trailers: &HeaderMap) -> Vec<u32> {
    values(trailers, "x-status").iter().map(|status| status.parse().unwrap()).collect()
}

#[tokio::test]
async fn trailers_are_read_and_changed_in_their_callback() {
    for direction in BOTH {
        for abi in ["proxy_abi_version_0_1_0", "proxy_abi_version_0_2_0", "proxy_abi_version_0_2_1"] {
            let mut guest = Guest::new().abi(abi);
            let [sum, new, gone, two] = ["X-Sum", "x-new", "x-gone", "two"].map(|text| guest.text(text));
            let body = format!(
                "(call $tell (local.get $count))
                 (call $tell (call $value (i32.const TRAILERS) {sum} {OUT})) (call $show)
                 (call $tell (call $replace (i32.const TRAILERS) {sum} {two}))
                 (call $tell (call $add (i32.const TRAILERS) {new} {two}))
                 (call $tell (call $remove (i32.const TRAILERS) {gone}))"
            );
            let chain = chain_of(&with(guest, direction, None, Some(&body)).build());
            let sent = fields(&[("x-sum", "one"), ("x-gone", "1"), ("x-gone", "2"), ("x-kept", "k")]);
            let (data, trailers) = pass(&chain, direction, self::body(&["a", "b"], Some(sent))).await.unwrap();
            let trailers = trailers.unwrap();
            assert_eq!((data.as_str(), told(&trailers)), ("ab", vec![4, 0, 0, 0, 0]), "{abi}");
            for (name, expected) in [
                ("x-sum", &["two"][..]),
                ("x-new", &["two"]),
                ("x-gone", &[]),
                ("x-kept", &["k"]),
                ("x-value", &["one"]),
            ] {
                assert_eq!(values(&trailers, name), expected, "{abi} {name}");
            }
            assert!(chain.pristine());
        }
    }
}

#[tokio::test]
async fn all_trailers_are_read_and_replaced_at_once() {
    for direction in BOTH {
        let mut guest = Guest::new();
        let empty = guest.text([0]);
        let pairs = guest.text(b"\x01\0\0\0\x02\0\0\0\x01\0\0\0te\0c\0");
        let path = guest.text(b"\x01\0\0\0\x05\0\0\0\x01\0\0\0:path\0/\0");
        let body = format!(
            "(drop (call $pairs (i32.const TRAILERS) {OUT})) (local.set $count (i32.load (i32.const 4)))
             (call $set_pairs (i32.const TRAILERS) {empty}) drop
             (call $tell (local.get $count))
             (call $tell (call $size (i32.const TRAILERS) (i32.const 0))) (call $tell (i32.load (i32.const 0)))
             (call $tell (call $set_pairs (i32.const TRAILERS) {path}))"
        );
        let keep = format!("(drop (call $set_pairs (i32.const TRAILERS) {pairs}))");
        let sent = fields(&[("x-sum", "one")]);
        let chain = chain_of(&with(guest, direction, None, Some(&body)).build());
        let (_, trailers) = pass(&chain, direction, self::body(&["a"], Some(sent.clone()))).await.unwrap();
        // Four bytes of count, eight of lengths, and both texts with their NUL; then `x-status: 022` alone. No trailer is a
        // pseudo header.
        assert_eq!(trailers.as_ref().map(told), Some(vec![22, 0, 11, 2]));

        let mut guest = Guest::new();
        let _ = (guest.text([0]), guest.text(b"\x01\0\0\0\x02\0\0\0\x01\0\0\0te\0c\0"));
        let chain = chain_of(&with(guest, direction, None, Some(&keep)).build());
        let (_, trailers) = pass(&chain, direction, self::body(&["a"], Some(sent))).await.unwrap();
        assert_eq!(trailers, None, "no guest writes what is for one connection, and no trailers are no frame");
    }
}

#[tokio::test]
async fn trailers_are_known_and_empty_outside_of_their_callback() {
    let mut guest = Guest::new();
    let (name, value) = (guest.text("x-sum"), guest.text("1"));
    let ask = |map: u32| {
        format!(
            "(call $tell (call $value (i32.const {map}) {name} {OUT}))
             (call $tell (call $size (i32.const {map}) (i32.const 0))) (call $tell (i32.load (i32.const 0)))
             (call $tell (call $pairs (i32.const {map}) {OUT})) (call $tell (i32.load (i32.const 4)))
             (call $tell (call $add (i32.const {map}) {name} {value}))"
        )
    };
    let both = format!("{}{}", ask(1), ask(3));
    let guest = guest.on_request(&both).on_response(&both);
    let guest = with(guest, Direction::Request, None, Some(&ask(3)));
    let chain = chain_of(&with(guest, Direction::Response, None, Some(&ask(1))).build());
    let absent = [1, 0, 0, 0, 0, 1];
    let (_run, head, _) = run_request(&chain);
    assert_eq!(told(&head.headers), [absent, absent].concat());
    let (_run, parts, _) = run_both(&chain);
    assert_eq!(told(&parts.headers), [absent, absent].concat());
    for direction in BOTH {
        let (_, trailers) = pass(&chain, direction, body(&["a"], Some(fields(&[("x-sum", "one")])))).await.unwrap();
        assert_eq!(told(&trailers.unwrap()), absent, "those of the other message");
    }
}

/// Puts the end-of-stream flag behind each piece.
const FLAG: &str = "(i32.store8 (i32.const 16) (i32.add (i32.const 48) (local.get $end)))
    (drop (call $set_buffer (i32.const BUFFER) (i32.const 100000) (i32.const 0) (i32.const 16) (i32.const 1)))";

#[tokio::test]
async fn no_piece_is_the_last_where_trailers_follow() {
    for direction in BOTH {
        let chain = chain_of(&with(Guest::new(), direction, Some(FLAG), None).build());
        let sent = fields(&[("x-sum", "one")]);
        let (data, trailers) = pass(&chain, direction, body(&["a", "b"], Some(sent.clone()))).await.unwrap();
        assert_eq!((data.as_str(), trailers), ("a0b0", Some(sent)));
        let (data, trailers) = pass(&chain, direction, body(&["a", "b"], None)).await.unwrap();
        assert_eq!((data.as_str(), trailers), ("a0b01", None));
    }
}

/// Puts a `!` behind the body that is at hand, and tells what came of that.
fn mark(guest: &mut Guest) -> String {
    let sign = guest.text("!");
    format!("(call $tell (call $set_buffer (i32.const BUFFER) (i32.const 100000) (i32.const 0) {sign}))")
}

#[tokio::test]
async fn what_is_held_back_goes_on_with_the_trailers() {
    for direction in BOTH {
        let hold = "(return (i32.const 1))";
        let mut holder = Guest::new();
        let mark = mark(&mut holder);
        let holder = with(holder, direction, Some(hold), Some(&mark)).build();
        let silent = with(Guest::new(), direction, Some(hold), None).build();
        let flag = with(Guest::new(), direction, Some(FLAG), Some("(call $tell (local.get $count))")).build();
        for (guest, expected, answers) in [(&holder, "abc!0", &[0, 2][..]), (&silent, "abc0", &[1])] {
            let mut node = Node::new();
            let order = if direction == Direction::Request { [guest, &flag] } else { [&flag, guest] };
            for (name, guest) in ["first", "second"].into_iter().zip(order) {
                node.add(name, guest);
            }
            let sent = body(&["a", "bc"], Some(fields(&[("x-sum", "one")])));
            let (data, trailers) = pass(&node.chain(), direction, sent).await.unwrap();
            assert_eq!((data.as_str(), told(&trailers.unwrap())), (expected, answers.to_vec()));
        }
    }
}

#[tokio::test]
async fn body_that_has_gone_on_is_not_there_any_more() {
    let mut guest = Guest::new();
    let mark = mark(&mut guest);
    let chain = chain_of(&with(guest, Direction::Request, Some(""), Some(&mark)).build());
    let sent = body(&["a"], Some(fields(&[("x-sum", "one")])));
    let (data, trailers) = pass(&chain, Direction::Request, sent).await.unwrap();
    assert_eq!((data.as_str(), told(&trailers.unwrap())), ("a", vec![1]));
}

#[tokio::test]
async fn trailers_added_to_the_last_piece_follow_for_those_behind() {
    for direction in BOTH {
        let mut adder = Guest::new();
        let (name, value) = (adder.text("x-new"), adder.text("1"));
        let add = format!(
            "(if (local.get $end) (then (drop (call $add (i32.const TRAILERS) {name} {value}))))
             (if (i32.eqz (local.get $end))
               (then (if (i32.ne (call $add (i32.const TRAILERS) {name} {value}) (i32.const 1)) (then unreachable))))"
        );
        let adder = with(adder, direction, Some(&add), Some("unreachable")).build();
        let seer = with(Guest::new(), direction, Some(FLAG), Some("(call $tell (local.get $count))")).build();
        let mut node = Node::new();
        let order = if direction == Direction::Request { [&adder, &seer] } else { [&seer, &adder] };
        for (name, guest) in ["first", "second"].into_iter().zip(order) {
            node.add(name, guest);
        }
        let (data, trailers) = pass(&node.chain(), direction, body(&["a", "b"], None)).await.unwrap();
        let trailers = trailers.unwrap();
        assert_eq!(
            (data.as_str(), told(&trailers), values(&trailers, "x-new")),
            ("a0b0", vec![1], vec!["1".to_owned()])
        );
    }
}

#[tokio::test]
async fn body_of_a_promised_length_gets_no_trailers() {
    let mut guest = Guest::new();
    let (name, value) = (guest.text("x-new"), guest.text("1"));
    let add = format!("(drop (call $add (i32.const TRAILERS) {name} {value}))");
    let chain = chain_of(&with(guest, Direction::Response, Some(&add), None).build());
    let (data, trailers) = pass(&chain, Direction::Response, Body::from(Bytes::from_static(b"abc"))).await.unwrap();
    assert_eq!((data.as_str(), trailers), ("abc", None));
}

#[tokio::test]
async fn trailers_that_a_guest_stops_or_breaks_at_fail_the_exchange_or_go_on_untouched() {
    let many =
        "(loop $more (drop (call $add (i32.const TRAILERS) (i32.const 64) (i32.const 8) (i32.const 64) (i32.const 1)))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $count) (i32.const 45))))";
    for direction in BOTH {
        for (callback, kind) in [
            ("(return (i32.const 1))", FailureKind::NeverResumed),
            ("(call $tell (i32.const 7)) unreachable", FailureKind::Trap),
            (many, FailureKind::Headers),
        ] {
            let module = with(Guest::new(), direction, Some("(return (i32.const 1))"), Some(callback)).build();
            let sent = fields(&[("x-sum", "one")]);
            let message = || body(&["a", "b"], Some(sent.clone()));
            let mut node = Node::new();
            node.add("probe", &module);
            let chain = node.chain();
            let failed = failure(pass(&chain, direction, message()).await);
            assert_eq!((failed.kind, failed.callback), (kind, direction.trailers_callback()));
            node.filters[0].on_error = OnError::FailOpen;
            let chain = node.chain();
            let (data, trailers) = pass(&chain, direction, message()).await.unwrap();
            assert_eq!((data.as_str(), trailers), ("ab", Some(sent.clone())), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn guest_may_answer_at_the_trailers() {
    let reply = "(return (call $reply (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const -1)))";
    for direction in BOTH {
        let chain = chain_of(&with(Guest::new(), direction, Some("(return (i32.const 1))"), Some(reply)).build());
        let passed = pass(&chain, direction, body(&["a"], Some(fields(&[("x-sum", "one")])))).await;
        assert!(matches!(passed, Err(Verdict::Reply(reply)) if reply.status == 403));
        assert!(chain.pristine());
    }
}
