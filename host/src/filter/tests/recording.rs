//! Exchanges recorded while they happen, and run again from the file alone.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use proptest::prelude::*;

use super::super::{Chain, EndOfStream, Filters, RecordBounds, RecordRefusal};
use super::guest::{Guest, OUT};
use super::node::{Node, request, response, run_both, run_request, stream};
use super::stage::{Stage, bounds, lines, resealed};
use crate::body::Body;
use crate::config::{Isolation, OnError};

/// Asks everything that only its moment knows, and lets it decide: chance, time, shared data, metrics, properties.
fn curious() -> Vec<u8> {
    let mut guest = Guest::new();
    let (key, address, name, header) =
        (guest.text("k"), guest.text("source\0address"), guest.text("count{a=\"b\"}"), guest.text("user-agent"));
    let body = format!(
        "(drop (call $random (i32.const 200) (i32.const 8))) (call $tell (i32.load8_u (i32.const 200)))
         (drop (call $time (i32.const 208))) (call $tell (i32.load8_u (i32.const 209)))
         (call $tell (call $shared {key} {OUT} (i32.const 8)))
         (call $tell (call $share {key} (i32.const 200) (i32.const 8) (i32.load (i32.const 8))))
         (call $tell (call $define (i32.const 1) {name} (i32.const 12)))
         (drop (call $increment (i32.load (i32.const 12)) (i64.const 1)))
         (drop (call $metric (i32.load (i32.const 12)) (i32.const 216))) (call $tell (i32.load8_u (i32.const 216)))
         (drop (call $property {address} {OUT})) (call $show)
         (drop (call $value (i32.const 0) {header} {OUT})) (call $show)
         (drop (call $pairs (global.get $map) {OUT}))
         (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.const 20)))"
    );
    let lasting = "(i32.store (i32.const 40000) (i32.add (i32.load (i32.const 40000)) (i32.load (i32.const 200))))
         (global.set $seen (i32.add (global.get $seen) (i32.const 1)))";
    guest
        .with("(global $seen (mut i32) (i32.const 0))")
        .on_request(&format!("{body} {lasting}"))
        .on_response(&format!("{body} {lasting}"))
        .on_log(lasting)
        .build()
}

fn both(chain: &Chain) {
    drop(run_both(chain));
}

#[test]
fn recorded_exchanges_run_the_same_again_bit_for_bit() {
    let stage = Stage::of(&curious());
    let trace = stage.record(10, |chain| {
        stage.node.clock.advance(Duration::from_millis(37));
        both(chain);
    });
    let report = stage.same(&trace);
    assert_eq!((report.exchanges, report.foreign, report.left_out), (10, 0, 0));
    assert!(report.differing.is_empty(), "{:#?}", report.differing);
    // The same run decides the same where the host works it out from the messages, too.
    let report = stage.replay(&curious(), &trace).unwrap().other();
    assert!(report.exchanges == 10 && report.differing.is_empty(), "{:#?}", report.differing);
}

#[test]
fn exchanges_that_end_badly_or_early_are_recorded_and_run_again() {
    let mut guest = Guest::new();
    let (why, why_not) = (guest.text("why"), guest.text("no"));
    let none = "(i32.const 0) (i32.const 0)";
    let reply = format!("(drop (call $reply (i32.const 403) {why} {why_not} {none} (i32.const -1)))");
    let grow = "(drop (memory.grow (i32.const 1)))";
    let (many, endless) = ("(call $fill (i32.const 41))", "(call $fill (i32.const 200))");
    let fill = format!(
        "(func $fill (param $count i32) (loop $next (drop (call $add (i32.const 0) {why} {why_not}))
           (local.set $count (i32.sub (local.get $count) (i32.const 1))) (br_if $next (local.get $count))))"
    );
    let close = "(drop (call $close (i32.const 0)))";
    for body in ["unreachable", grow, close, "(return (i32.const 1))", &reply, many, endless] {
        let guest = Guest::new().with("(data (i32.const 1024) \"whyno\")").with(&fill);
        let module = guest.on_request(body).build();
        let stage = Stage::with(&module, OnError::FailOpen);
        let trace = stage.record(2, |chain| drop(run_request(chain)));
        let report = stage.same(&trace);
        assert!(report.exchanges == 2 && report.differing.is_empty(), "{body}: {:#?}", report.differing);
        let report = stage.replay(&module, &trace).unwrap().other();
        assert!(report.exchanges == 2 && report.differing.is_empty(), "{body}: {:#?}", report.differing);
    }
}

/// Puts `text` in the place of every response body.
fn replacing(text: &str) -> Vec<u8> {
    let mut guest = Guest::new();
    let text = guest.text(text);
    let replace = format!("(drop (call $set_buffer (i32.const 1) (i32.const 0) (local.get $size) {text}))");
    let parameters = "(param $context i32) (param $size i32) (param $end i32) (result i32)";
    guest
        .with(&format!("(func (export \"proxy_on_response_body\") {parameters} {replace} (i32.const 0))"))
        .on_log("(drop (call $pairs (i32.const 2) (i32.const 0) (i32.const 4)))")
        .build()
}

#[test]
fn bodies_and_what_comes_after_them_are_in_a_trace() {
    let stage = Stage::of(&replacing("new"));
    let trace = stage.record(2, |chain| {
        let (mut run, parts, _) = run_both(chain);
        run.keep(&mut request(), parts);
        let body = run.through_response(Body::from(Bytes::from_static(b"old")));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(body.collect()).unwrap().to_bytes(), "new");
    });
    let text = String::from_utf8(trace.concat()).unwrap();
    assert!(text.contains("\"moment\":\"log\"") && text.contains("\"body\":\"old\""), "{text}");
    assert!(stage.same(&trace).differing.is_empty());
    assert!(stage.replay(&replacing("new"), &trace).unwrap().other().differing.is_empty());
    let report = stage.replay(&replacing("odd"), &trace).unwrap().other();
    let told = &report.differing[1].differences;
    assert_eq!((told.len(), &*told[0].place, &*told[0].what), (1, "response body", "body"));
    assert_eq!((&*told[0].expected, &*told[0].found), ("\"new\"", "\"odd\""));
}

#[test]
fn recorded_exchange_leaves_the_filter_as_it_was() {
    let stage = Stage::of(&curious());
    both(&stage.chain);
    stage.record(3, both);
    both(&stage.chain);
    assert!(stage.chain.pristine());
    let made = "forebay_filter_instances_total{cause=\"first\",filter=\"probe\"}";
    assert_eq!(stage.node.metric(made).as_deref(), Some("1"), "recorded ones are not the filter's own");
}

/// Adds `x: 1`, and where the agent has the letter, `x: 2` instead.
fn marking(letter: &str, value: &str) -> Vec<u8> {
    let mut guest = Guest::new();
    let (agent, x) = (guest.text("user-agent"), guest.text("x"));
    let (one, other) = (guest.text("1"), guest.text(value));
    guest
        .on_request(&format!(
            "(drop (call $value (i32.const 0) {agent} {OUT}))
             (if (i32.eq (i32.load8_u (i32.load (i32.const 0))) (i32.const {}))
               (then (drop (call $add (i32.const 0) {x} {other})))
               (else (drop (call $add (i32.const 0) {x} {one}))))",
            letter.as_bytes()[0]
        ))
        .build()
}

fn by_agent(chain: &Chain, agent: &str) {
    let mut head = request();
    head.headers.insert("user-agent", agent.parse().unwrap());
    let mut run = chain.begin(stream());
    run.ask(&mut head, EndOfStream::Yes);
    run.tell(&mut head, &mut response(), EndOfStream::No);
}

#[test]
fn another_build_differs_exactly_where_it_decides_otherwise() {
    let stage = Stage::of(&marking("b", "1"));
    let recording = stage.filters.record("probe", bounds(6)).unwrap();
    ["abe", "bea", "cat", "bob", "dan", "eve"].iter().for_each(|agent| by_agent(&stage.chain, agent));
    let trace = lines(recording);
    let replay = stage.replay(&marking("b", "2"), &trace).unwrap();
    let refused = replay.same().unwrap_err().to_string();
    assert!(refused.contains("--diff"), "{refused}");
    let report = replay.other();
    let numbers: Vec<usize> = report.differing.iter().map(|differing| differing.number).collect();
    assert_eq!((report.exchanges, numbers), (6, vec![2, 4]));
    let differing = &report.differing[0];
    assert_eq!((&*differing.request, &*differing.request_id), ("GET docs.example.com/guide?page=2", "req-1"));
    let told = differing.differences.iter().map(|told| {
        let [place, what, expected, found] = [&told.place, &told.what, &told.expected, &told.found];
        format!("{place}, {what}: {expected}, {found}")
    });
    assert_eq!(told.collect::<Vec<_>>(), ["request headers, request x: \"1\", \"2\""]);
}

#[test]
fn a_host_call_that_is_not_as_recorded_is_told_with_its_number() {
    let stage = Stage::of(&marking("b", "1"));
    let trace = stage.record(1, |chain| by_agent(chain, "abe"));
    let told =
        String::from_utf8(trace.concat()).unwrap().replace("\"texts\":[\"user-agent\"]", "\"texts\":[\"accept\"]");
    let report = stage.same(&resealed(&told));
    let told = &report.differing[0].differences[0];
    assert_eq!((&*told.place, &*told.what), ("proxy_on_request_headers", "call 1"));
    assert_eq!(told.expected, "proxy_get_header_map_value(0, \"accept\")");
    assert_eq!(told.found, "proxy_get_header_map_value(0, \"user-agent\")");
}

#[test]
fn every_bound_ends_a_recording_and_the_next_can_begin() {
    let stage = Stage::of(&curious());
    let reason = |lines: &[Bytes]| -> serde_json::Value {
        let end: serde_json::Value = serde_json::from_slice(lines.last().unwrap()).unwrap();
        end["end"].clone()
    };
    let recording = stage.filters.record("probe", bounds(2)).unwrap();
    (0..5).for_each(|_| both(&stage.chain));
    let end = reason(&lines(recording));
    assert_eq!((end["reason"].as_str(), end["exchanges"].as_u64()), (Some("exchanges"), Some(2)));

    let few = RecordBounds { bytes: 40_000, ..bounds(1_000) };
    let recording = stage.filters.record("probe", few).unwrap();
    (0..60).for_each(|_| both(&stage.chain));
    let trace = lines(recording);
    let end = reason(&trace);
    assert_eq!(end["reason"].as_str(), Some("bytes"));
    assert!(trace.concat().len() < 41_000 && end["exchanges"].as_u64() > Some(1), "{end}");
    let report = stage.same(&trace);
    assert!(report.differing.is_empty(), "{:#?}", report.differing);

    let short = RecordBounds { duration: Duration::from_millis(1), ..bounds(1_000) };
    assert_eq!(reason(&lines(stage.filters.record("probe", short).unwrap()))["reason"].as_str(), Some("seconds"));

    let none = lines(stage.filters.record("probe", RecordBounds { bytes: 1, ..bounds(1) }).unwrap());
    assert_eq!((none.len(), reason(&none)["reason"].as_str()), (1, Some("bytes")));
}

#[test]
fn a_guest_that_floods_the_host_is_left_out_and_counted() {
    let mut guest = Guest::new();
    let text = guest.text("x".repeat(1_000));
    let flood = format!(
        "(local $i i32) (loop $next (drop (call $log (i32.const 0) {text}))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $next (i32.lt_u (local.get $i) (i32.const 5000))))"
    );
    let guest = guest.with(&format!("(func $flood {flood})")).on_request("(call $flood)");
    let stage = Stage::of(&guest.build());
    let recording = stage.filters.record("probe", RecordBounds { duration: Duration::from_secs(1), ..bounds(2) });
    let recording = recording.unwrap();
    both(&stage.chain);
    let trace = lines(recording).concat();
    assert!(trace.len() < 20_000, "{}", trace.len());
    assert!(String::from_utf8_lossy(&trace).contains("\"exchanges\":0,\"too_large\":1,"));
}

#[test]
fn what_cannot_be_recorded_is_refused_by_a_word() {
    let stage = Stage::of(&curious());
    let refused = |filters: &Filters, name: &str| filters.record(name, bounds(1)).err().map(|refusal| refusal.word());
    assert_eq!(refused(&stage.filters, "other"), Some("unknown_filter"));
    let first = stage.filters.record("probe", bounds(1)).unwrap();
    assert_eq!(refused(&stage.filters, "probe"), Some("recording"));
    drop(first);
    assert_eq!(refused(&stage.filters, "probe"), None);
    let mut node = Node::new();
    node.add("probe", &curious()).isolation = Isolation::Shared;
    assert!(matches!(node.load().unwrap().record("probe", bounds(1)), Err(RecordRefusal::NoImage)));
}

#[test]
fn a_share_of_the_exchanges_takes_part() {
    let stage = Stage::of(&marking("b", "1"));
    let some = RecordBounds { percent: 20, duration: Duration::from_secs(1), ..bounds(1_000) };
    let recording = stage.filters.record("probe", some).unwrap();
    (0..200).for_each(|_| by_agent(&stage.chain, "abe"));
    let taken = lines(recording).iter().filter(|line| line.starts_with(b"{\"exchange\"")).count();
    // 40 expected, standard deviation 5.7.
    assert!((5..=90).contains(&taken), "{taken}");
}

#[test]
fn files_that_are_no_whole_trace_are_told_for_what_they_are() {
    let stage = Stage::of(&marking("b", "1"));
    let trace = stage.record(2, |chain| by_agent(chain, "abe"));
    let whole = trace.concat();
    let module = marking("b", "1");
    let told = |bytes: &[u8]| stage.replay(&module, &[Bytes::copy_from_slice(bytes)]).err().unwrap();
    for bytes in [&b""[..], b"\0asm\x01\0\0\0", b"{}\n", b"{\"exchange\":{}}\n"] {
        assert!(told(bytes).contains("no trace"), "{bytes:?}");
    }
    let text = String::from_utf8(whole.clone()).unwrap();
    assert!(told(text.replace("\"format\":1", "\"format\":2").as_bytes()).contains("format 2"));
    assert!(told(text.replace("abe", "abc").as_bytes()).contains("checksum"));
    assert!(told(format!("{text}x").as_bytes()).contains("checksum"));
    let orphan = text.replacen("\"exchange\":{\"filter\":0", "\"exchange\":{\"filter\":7", 1);
    assert!(told(orphan.as_bytes()).starts_with("the trace: line 4: "));
    let first_line = trace[0].len();
    for len in (first_line..whole.len() - 1).step_by(97) {
        let told = told(&whole[..len]);
        assert!(told.contains("cut") || told.contains("line"), "{len}: {told}");
    }
}

#[test]
fn traces_that_lie_are_run_and_harm_nothing() {
    let stage = Stage::of(&curious());
    let text = String::from_utf8(stage.record(1, both).concat()).unwrap();
    for (truth, lie) in [
        ("\"memory\":\"", "\"memory\":\"A"),
        ("\"bytes\":65536", "\"bytes\":18446744073709551615"),
        ("\"globals\":[", "\"globals\":[\"i32:1\","),
        ("proxy_on_request_headers", "memory"),
        ("proxy_on_request_headers", "malloc"),
        ("\"arguments\":[2,", "\"arguments\":[4294967295,"),
        ("\"arguments\":[2]", "\"arguments\":[]"),
        ("\"status\":0", "\"status\":99"),
        ("\"status\":0,", ""),
        ("\"number\":", "\"text\":\"\",\"x\":"),
        ("{\"text\":", "{\"number\":1},{\"text\":"),
        ("docs.example.com", "docs example com"),
        ("192.0.2.9:4711", "nowhere"),
        ("\"moment\":\"request\"", "\"moment\":\"root\""),
        ("\"memory_bytes_max\":1048576", "\"memory_bytes_max\":0"),
        ("\"at\":", "\"at\":1844674407370955161"),
    ] {
        assert!(text.contains(truth), "{truth}");
        let lied = resealed(&text.replace(truth, lie));
        if let Ok(replay) = stage.replay(&curious(), &lied) {
            let _ = replay.same();
            let _ = replay.other();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_are_a_trace_or_an_error(bytes: Vec<u8>, rest: String) {
        use super::super::recording::reading::Trace;
        let title = br#"{"trace":{"format":1,"filter":"a","node":"b","began":0}}"#;
        let begun = [&title[..], b"\n", rest.as_bytes()].concat();
        prop_assert!(Trace::read(&bytes[..]).is_err());
        prop_assert!(Trace::read(&begun[..]).is_err());
    }
}
