//! `forebay filter test` with calls: origins that answer as a case says, and what they were asked.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use support::forebay;
use tempfile::TempDir;

use crate::filter_cases::{assert_all_pass, cases, module, told};

/// Asks `auth` about each request, and puts what it says into `x-user`. Whom it does not answer gets 503, whom the node
/// does not know 500. What it says is logged too; where it says nothing, this traps.
const ASKER: &str = r#"(module
(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
(import "env" "proxy_http_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_effective_context" (func $turn (param i32) (result i32)))
(import "env" "proxy_continue_stream" (func $resume (param i32) (result i32)))
(import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(memory (export "memory") 1)
(global $context (mut i32) (i32.const 0))
(data (i32.const 64) "authx-userwho?")
(data (i32.const 128) "PAIRS")
(func (export "malloc") (param i32) (result i32) (i32.const 4096))
(func (export "proxy_abi_version_0_2_1"))
(func $ask (result i32)
  (call $call (i32.const 64) (i32.const 4) (i32.const 128) (i32.const LENGTH) (i32.const 74) (i32.const 4)
    (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 8)))
(func $answer (param $status i32)
  (drop (call $reply (local.get $status) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const -1))))
(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (global.set $context (local.get 0))
  (if (call $ask) (then (call $answer (i32.const 500)) (return (i32.const 1))))
  (i32.const WAIT))
(func (export "proxy_on_http_call_response")
  (param i32 i32) (param $headers i32) (param $size i32) (param $trailers i32)
  (drop (call $turn (global.get $context)))
  (if (i32.eqz (local.get $headers)) (then (call $answer (i32.const 503)) (return)))
  (if (i32.eqz (local.get $size)) (then unreachable))
  (drop (call $get (i32.const 4) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
  (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4))))
  (drop (call $add (i32.const 0) (i32.const 68) (i32.const 6) (i32.load (i32.const 0)) (i32.load (i32.const 4))))
  (if (local.get $trailers)
    (then (drop (call $add (i32.const 0) (i32.const 68) (i32.const 6) (i32.const 74) (i32.const 4)))))
  (drop (call $resume (i32.const 0))))
LAST)"#;

const WAIT: &str = "1";
const GO_ON: &str = "0";
/// Asks again when the exchange is over.
const LAST: &str = "(func (export \"proxy_on_log\") (param i32) (drop (call $ask)))";

/// Holds the request's body back, asks again when all of it is there, and waits.
const BODY: &str = "(func (export \"proxy_on_request_body\") (param i32 i32) (param $end i32) (result i32)
  (if (local.get $end) (then (drop (call $ask))))
  (i32.const 1))";

/// Header fields as the ABI passes them: how many, their lengths, and each with a zero byte behind it.
fn pairs(fields: &[(&str, &str)]) -> Vec<u8> {
    let size = |text: &str| (text.len() as u32).to_le_bytes();
    let sizes = fields.iter().flat_map(|(name, value)| [size(name), size(value)]).flatten();
    let texts = fields.iter().flat_map(|(name, value)| format!("{name}\0{value}\0").into_bytes());
    (fields.len() as u32).to_le_bytes().into_iter().chain(sizes).chain(texts).collect()
}

fn asker((wait, last): (&str, &str)) -> (TempDir, PathBuf) {
    let asked = pairs(&[(":method", "POST"), (":path", "/check?a=1"), (":authority", "auth.test"), ("x-of", "edge")]);
    let written = asked.iter().fold(String::new(), |mut written, byte| {
        let _ = write!(written, "\\{byte:02x}");
        written
    });
    let text = ASKER.replace("PAIRS", &written).replace("LENGTH", &asked.len().to_string());
    module(&text.replace("WAIT", wait).replace("LAST", last))
}

#[test]
fn scripted_origins_answer_the_calls_of_a_filter() {
    assert_all_pass(
        asker((WAIT, "")),
        "[[calls]]\norigin = \"auth\"\nbody = \"ann\"\n\
         [[case]]\nname = \"by the file\"\n[case.expect]\nsent = { headers = { x-user = \"ann\" } }\n\
         calls = [{ origin = \"auth\", method = \"POST\", path = \"/check?a=1\", headers = { x-of = \"edge\", host = \"auth.test\" }, body = \"who?\" }]\n\
         [[case]]\nname = \"by the case, with trailers\"\n\
         calls = [{ origin = \"auth\", method = \"GET\", body = \"eve\" }, { origin = \"auth\", path = \"/check?a=1\", body = [\"b\", \"ob\"], trailers = { x-sum = \"1\" } }]\n\
         expect = { sent = { headers = { x-user = [\"bob\", \"who?\"] } } }\n",
    );
}

#[test]
fn calls_fail_as_scripted() {
    let mut text = String::new();
    for word in ["timeout", "origin", "loop", "body", "too_large"] {
        let _ = write!(
            text,
            "[[case]]\nname = \"{word}\"\ncalls = [{{ origin = \"auth\", failure = \"{word}\" }}]\n\
             expect = {{ action = \"reply\", response = {{ status = 503 }}, calls = [{{}}] }}\n"
        );
    }
    text += "[[case]]\nname = \"unknown\"\ncalls = [{ origin = \"other\" }]\n\
             expect = { action = \"reply\", response = { status = 500 }, calls = [] }\n";
    assert_all_pass(asker((WAIT, "")), &text);
}

#[test]
fn answers_that_nobody_waits_for_come_before_the_response() {
    assert_all_pass(
        asker((GO_ON, "")),
        "[[case]]\nname = \"heard\"\ncalls = [{ origin = \"auth\", body = \"ann\" }]\n\
         expect = { sent = { headers = { x-user = false } }, log = [\"ann\"], calls = [{ origin = \"auth\" }] }\n\
         [[case]]\nname = \"refused later\"\ncalls = [{ origin = \"auth\", failure = \"timeout\" }]\n\
         expect = { action = \"reply\", sent = {}, response = { status = 503 } }\n",
    );
}

#[test]
fn bodies_wait_for_answers() {
    assert_all_pass(
        asker((WAIT, BODY)),
        "[[case]]\nname = \"let go\"\nrequest = { body = [\"ab\", \"cd\"] }\n\
         calls = [{ origin = \"auth\", body = \"ann\" }, { origin = \"auth\", body = \"bob\" }]\n\
         expect = { sent = { body = \"abcd\", headers = { x-user = \"ann\" } }, calls = [{}, {}] }\n\
         [[case]]\nname = \"refused\"\nrequest = { body = \"ab\" }\n\
         calls = [{ origin = \"auth\", body = \"ann\" }, { origin = \"auth\", failure = \"timeout\" }]\n\
         expect = { action = \"reply\", response = { status = 503 } }\n",
    );
}

#[test]
fn calls_of_the_last_callback_go_out() {
    assert_all_pass(
        asker((WAIT, LAST)),
        "calls = [{ origin = \"auth\", body = \"ann\" }, { origin = \"auth\" }]\n\
         [[case]]\nname = \"at the end\"\nexpect = { calls = [{}, { path = \"/check?a=1\" }] }\n",
    );
}

#[test]
fn a_call_that_nobody_scripted_fails_the_case_and_what_differs_is_shown() {
    let (_folder, module) = asker((WAIT, ""));
    let output = cases(
        &module,
        "[[case]]\nname = \"other path\"\ncalls = [{ origin = \"auth\", path = \"/other\" }]\n\
         expect = { response = { status = 503 } }\n\
         [[case]]\nname = \"others asked\"\ncalls = [{ origin = \"auth\", body = \"ann\" }]\n[case.expect]\n\
         calls = [{ origin = \"door\", method = \"GET\", path = \"/\", headers = { x-of = false }, body = \"\" }, {}]\n",
    );
    let told = told(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let call = "POST /check?a=1 of \"auth\"";
    for (what, expected, found) in [
        ("case.calls", &*format!("an answer to {call}"), "none is left that fits"),
        ("calls", "2", &*format!("1; {call}")),
        ("calls[0].origin", "\"door\"", "\"auth\""),
        ("calls[0].method", "\"GET\"", "\"POST\""),
        ("calls[0].path", "\"/\"", "\"/check?a=1\""),
        ("calls[0].headers.x-of", "none", "\"edge\""),
        ("calls[0].body", "\"\"", "\"who?\""),
    ] {
        let entry = format!("        {what}\n            expected  {expected}\n            found     {found}\n");
        assert!(told.contains(&entry), "{entry} in:\n{told}");
    }
}

#[test]
fn what_is_measured_has_its_answers() {
    let (folder, module) = asker((WAIT, ""));
    let cases = folder.path().join("cases.toml");
    for (body, code, part) in [("ann", 0, "whole exchange"), ("", 1, "trap")] {
        let text = format!("[[case]]\nname = \"asked\"\ncalls = [{{ origin = \"auth\", body = \"{body}\" }}]\n");
        fs::write(&cases, text).expect("a temporary file can be written");
        let mut bench = forebay();
        bench.args(["filter", "bench", "--rounds", "1", "--case"]).args([&cases, &module]);
        let output = bench.output().expect("the program can be run");
        let told = told(&output);
        assert!(output.status.code() == Some(code) && told.contains(part), "{part} in:\n{told}");
    }
}

#[test]
fn faults_of_calls_have_their_place() {
    let (_folder, module) = asker((WAIT, ""));
    let case = |lines: &str| format!("[[case]]\nname = \"a\"\n[[case.calls]]\norigin = \"auth\"\n{lines}");
    for (text, place, mend) in [
        (case("answer = 1\n"), "cases.toml:5:1: ", "`failure`"),
        (case("path = \"check\"\n"), "cases.toml:5:8: ", "\"/PATH\""),
        (case("status = 9\n"), "cases.toml:5:10: ", "100 to 999"),
        (case("failure = \"slow\"\n"), "cases.toml:5:11: ", "`timeout`"),
        (case("body = 1\n"), "cases.toml:5:8: ", "a string, or a list"),
        (case("status = 200\nfailure = \"loop\"\n"), "cases.toml:3:1: ", "leave out `failure`"),
        (case("trailers = { \"a b\" = \"c\" }\n"), "cases.toml:5:12: ", "field name"),
        ("[[case]]\nname = \"a\"\ncalls = [{ status = 200 }]\n".to_owned(), "cases.toml:3:10: ", "origin"),
        (case("[case.expect]\ncalls = [{ url = \"/\" }]\n"), "cases.toml:6:12: ", "`origin`"),
    ] {
        let output = cases(&module, &text);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(told.lines().any(|line| line.starts_with(place) && line.contains(mend)), "{place} {mend} in:\n{told}");
    }
}
