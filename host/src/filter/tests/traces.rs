//! Traces that are not what was recorded: cut, changed or made up, each is found out.

use std::io::{Read, Write};

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;

use super::super::Report;
use super::guest::Guest;
use super::node::run_request;
use super::recording::{both, by_agent, curious, marking};
use super::stage::{Stage, resealed};

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

/// What came of one way to replay: the first thing that differs, or that nothing does.
fn outcome(report: Report) -> String {
    let mut told = report.differing.into_iter().flat_map(|differing| differing.differences);
    told.next().map_or("the same".to_owned(), |told| {
        format!("{}, {}: {} | {}", told.place, told.what, told.expected, told.found)
    })
}

/// What a trace says, what it says instead, and what comes of that to the letter and freely. Where the guest never looks, or
/// where a run begins by itself, a lie changes nothing.
const LIES: [(&str, &str, &str, &str); 16] = [
    (r#""memory":""#, r#""memory":"A"#, "the image in the trace is none", "the same"),
    (r#""bytes":65536"#, r#""bytes":18446744073709551615"#, "the image in the trace is none", "the same"),
    (r#""globals":["#, r#""globals":["i32:1","#, "other globals than the module", "the same"),
    ("proxy_on_request_headers", "memory", "memory, callback: memory | proxy_on_response_headers", "the same"),
    ("proxy_on_request_headers", "malloc", "malloc, call 1: random_get(8) | it returns 32768", "the same"),
    (r#""arguments":[2,"#, r#""arguments":[4294967295,"#, "the same", "the same"),
    (r#""arguments":[2]"#, r#""arguments":[]"#, "the same", "the same"),
    (
        r#""status":0"#,
        r#""status":99"#,
        r#"call 8: proxy_add_header_map_value(0, "x-status", "000") | "#,
        "request headers, request x-status: ",
    ),
    (r#""status":0,"#, "", "| it fails: trap", "request headers, verdict: continue | fail trap"),
    (r#""number":"#, r#""text":"","x":"#, "the trace: line 2: missing field `number`", "line 2"),
    (
        r#"{"text":"#,
        r#"{"number":1},{"text":"#,
        r#"call 2: proxy_add_header_map_value(0, "x-status", "#,
        "request headers, request x-status: ",
    ),
    ("docs.example.com", "docs example com", "its messages are none that a node has", "its messages are none"),
    ("192.0.2.9:4711", "nowhere", "its messages are none that a node has", "its messages are none"),
    (r#""moment":"request""#, r#""moment":"root""#, "the same", "the filter's own, request :authority"),
    (r#""memory_bytes_max":1048576"#, r#""memory_bytes_max":0"#, "exceeds memory limits", "exceeds memory limits"),
    (r#""at":"#, r#""at":1844674407370955161"#, "the trace: line 4: invalid type", "line 4"),
];

#[test]
fn traces_that_lie_are_found_out_and_harm_nothing() {
    let stage = Stage::of(&curious());
    let text = String::from_utf8(stage.record(1, both).concat()).unwrap();
    for (truth, lie, to_the_letter, freely) in LIES {
        assert!(text.contains(truth), "{truth}");
        let found = match stage.replay(&curious(), &resealed(&text.replace(truth, lie))) {
            Ok(replay) => [replay.same().map_or_else(|error| error.to_string(), outcome), outcome(replay.other())],
            Err(refused) => [refused.clone(), refused],
        };
        for (found, expected) in found.iter().zip([to_the_letter, freely]) {
            assert!(found.contains(expected), "{truth} as {lie}: {found}");
        }
    }
}

/// Changes its memory and a global, and says nothing of it.
fn silent() -> Vec<u8> {
    Guest::new()
        .with("(global $seen (mut i32) (i32.const 0))")
        .on_request(
            "(i32.store (i32.const 40000) (i32.add (i32.load (i32.const 40000)) (i32.const 1)))
             (global.set $seen (i32.add (global.get $seen) (i32.const 1)))",
        )
        .build()
}

/// The trace with another value in its only line of this kind.
fn changed(trace: &[Bytes], kind: &str, change: impl Fn(&mut serde_json::Value)) -> Vec<Bytes> {
    let lines = trace.iter().flat_map(|line| line.split_inclusive(|byte| *byte == b'\n')).map(|line| {
        let mut value: serde_json::Value = serde_json::from_slice(line).unwrap();
        value.get_mut(kind).into_iter().for_each(&change);
        format!("{value}\n")
    });
    resealed(&lines.collect::<String>())
}

/// The image's memory with one byte more at an address.
fn one_more_at(memory: &str, address: usize) -> String {
    let mut bytes = Vec::new();
    let packed = Base64::decode_vec(memory).unwrap();
    ZlibDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    bytes[address] += 1;
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&bytes).unwrap();
    Base64::encode_string(&packer.finish().unwrap())
}

#[test]
fn an_exchange_that_leaves_another_memory_or_global_behind_is_told() {
    let stage = Stage::of(&silent());
    let trace = stage.record(1, |chain| drop(run_request(chain)));
    assert!(stage.same(&changed(&trace, "exchange", |_| {})).differing.is_empty(), "resealed as it was");
    let digest = "0".repeat(32);
    let cases = [
        changed(&trace, "exchange", |exchange| exchange["memory"] = digest.clone().into()),
        changed(&trace, "image", |image| {
            *image["globals"].as_array_mut().unwrap().last_mut().unwrap() = "i32:7".into();
        }),
        // Where the guest counts, and where it never looks.
        changed(&trace, "image", |image| {
            image["memory"] = one_more_at(image["memory"].as_str().unwrap(), 40_000).into()
        }),
        changed(&trace, "image", |image| {
            image["memory"] = one_more_at(image["memory"].as_str().unwrap(), 65_535).into()
        }),
    ];
    for (index, lied) in cases.iter().enumerate() {
        let report = stage.same(lied);
        assert_eq!((report.exchanges, report.differing.len()), (1, 1), "{index}");
        let [told] = &report.differing[0].differences[..] else { panic!("{index}: {:?}", report.differing) };
        assert_eq!((&*told.place, &*told.what), ("the end", "memory and globals"), "{index}");
        assert!(told.expected != told.found && told.found.len() == 32, "{index}: {told:?}");
        assert_eq!(told.expected == digest, index == 0, "{index}: what was recorded is what is expected");
        let other = stage.replay(&silent(), lied).unwrap().other();
        assert!(other.differing.is_empty(), "{index}: it decides the same");
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
