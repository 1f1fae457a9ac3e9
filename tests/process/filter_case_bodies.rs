//! `forebay filter test` with bodies and trailers: filters that read, hold back, change and refuse them.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::filter_cases::{assert_all_pass, cases, module, told};

/// Holds bodies back to their end and adds `!` to requests'; answers one that begins with `n`, traps at `t`. What follows a
/// body gets one more field, and `x-seen` tells in the request's head that its body was seen.
const READER: &str = r#"(module
(import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_buffer_bytes" (func $set (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
(import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(memory (export "memory") 1)
(data (i32.const 64) "content-length")
(data (i32.const 80) "x-seen")
(data (i32.const 90) "!")
(func (export "malloc") (param i32) (result i32) (i32.const 4096))
(func (export "proxy_abi_version_0_2_1"))
(func (export "proxy_on_request_headers") (param i32 i32) (param $end i32) (result i32)
  UNSIZED
  (if (local.get $end) (then (return (i32.const 0))))
  (i32.const PAUSE))
(func (export "proxy_on_request_body") (param i32) (param $size i32) (param $end i32) (result i32)
  (local $first i32)
  (if (i32.eqz (local.get $end)) (then (return (i32.const 1))))
  (drop (call $get (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4)))
  (local.set $first (i32.load8_u (i32.load (i32.const 0))))
  (if (i32.eq (local.get $first) (i32.const 116)) (then unreachable))
  (if (i32.eq (local.get $first) (i32.const 110)) (then
    (drop (call $reply (i32.const 413) (i32.const 0) (i32.const 0) (i32.const 90) (i32.const 1)
      (i32.const 0) (i32.const 0) (i32.const -1)))
    (return (i32.const 1))))
  (drop (call $add (i32.const 0) (i32.const 80) (i32.const 6) (i32.const 90) (i32.const 1)))
  (drop (call $set (i32.const 0) (local.get $size) (i32.const 0) (i32.const 90) (i32.const 1)))
  (i32.const 0))
(func (export "proxy_on_request_trailers") (param i32 i32) (result i32)
  (drop (call $add (i32.const 1) (i32.const 80) (i32.const 6) (i32.const 90) (i32.const 1)))
  (i32.const 0))
(func (export "proxy_on_response_trailers") (param i32 i32) (result i32)
  (drop (call $add (i32.const 3) (i32.const 80) (i32.const 6) (i32.const 90) (i32.const 1)))
  (i32.const 0)))"#;

/// What the guest does with the length of a request, and at its headers.
const UNSIZED: &str = "(drop (call $remove (i32.const 0) (i32.const 64) (i32.const 14)))";
const CONTINUE: &str = "0";
const PAUSE: &str = "1";

fn reader((length, headers): (&str, &str)) -> (TempDir, PathBuf) {
    module(&READER.replace("UNSIZED", length).replace("i32.const PAUSE", &format!("i32.const {headers}")))
}

#[test]
fn request_bodies_go_through_the_filter() {
    assert_all_pass(
        reader((UNSIZED, CONTINUE)),
        "[[case]]\nname = \"held to its end\"\nrequest = { method = \"POST\", body = [\"ab\", \"cd\"] }\n\
         expect = { action = \"continue\", sent = { body = \"abcd!\", headers = { x-seen = false } }, response = { status = 200 } }\n\
         [[case]]\nname = \"answered\"\nrequest = { body = \"never\" }\n\
         expect = { action = \"reply\", response = { status = 413, body = \"!\" } }\n\
         [[case]]\nname = \"trapped\"\nrequest = { body = \"trap\" }\nexpect = { action = \"fail\", failure = \"trap\" }\n\
         [[case]]\nname = \"none\"\nexpect = { sent = { body = \"\" } }\n",
    );
}

#[test]
fn trailers_go_through_the_filter() {
    assert_all_pass(
        reader((UNSIZED, CONTINUE)),
        "[[case]]\nname = \"both ways\"\nrequest = { body = \"ab\", trailers = { x-a = \"1\" } }\n\
         origin = { body = \"yes\", trailers = { x-b = [\"2\", \"3\"] } }\n[case.expect]\n\
         sent = { body = \"ab\", trailers = { x-a = \"1\", x-seen = \"!\" } }\n\
         response = { body = \"yes\", trailers = { x-b = [\"2\", \"3\"], x-seen = \"!\" } }\n\
         [[case]]\nname = \"none\"\nrequest = { body = \"ab\" }\norigin = { body = \"yes\" }\n[case.expect]\n\
         sent = { trailers = { x-seen = false } }\nresponse = { trailers = { x-seen = false } }\n",
    );
}

#[test]
fn headers_wait_for_the_body_where_the_filter_is_configured_so() {
    let request = "request = { method = \"POST\", body = \"ab\" }\n";
    assert_all_pass(
        reader((UNSIZED, PAUSE)),
        &format!(
            "on_headers_stop_iteration = true\n\
             [[case]]\nname = \"of the file\"\n{request}expect = {{ sent = {{ body = \"ab!\", headers = {{ x-seen = \"!\" }} }} }}\n\
             [[case]]\nname = \"of the case\"\non_headers_stop_iteration = false\n{request}\
             expect = {{ action = \"fail\", failure = \"never_resumed\" }}\n"
        ),
    );
}

#[test]
fn a_length_that_was_promised_is_kept_or_the_case_fails() {
    let case = "[[case]]\nname = \"grown\"\nrequest = { body = \"ab\" }\n";
    assert_all_pass(
        reader(("", CONTINUE)),
        &format!("{case}expect = {{ action = \"fail\", failure = \"resized\" }}\n"),
    );
    let unpromised = case.replace("\"ab\" }", "\"ab\", trailers = {} }");
    assert_all_pass(reader(("", CONTINUE)), &format!("{unpromised}expect = {{ sent = {{ body = \"ab!\" }} }}\n"));
    let (_folder, module) = reader(("", CONTINUE));
    let told = told(&cases(&module, case));
    assert!(told.contains("found     \"resized\": a filter changed the length of a body"), "{told}");
}

#[test]
fn what_differs_in_bodies_and_trailers_is_shown() {
    let (_folder, module) = reader((UNSIZED, CONTINUE));
    let output = cases(
        &module,
        "[[case]]\nname = \"wrong\"\nrequest = { body = \"ab\", trailers = { x-a = \"1\" } }\n[case.expect]\n\
         sent = { body = \"abc\", trailers = { x-a = \"2\" } }\nresponse = { trailers = { x-seen = true } }\n\
         [[case]]\nname = \"answered\"\nrequest = { body = \"never\" }\nexpect = { sent = { body = \"never\" } }\n",
    );
    let told = told(&output);
    for (what, expected, found) in [
        ("sent.body", "\"abc\"", "\"ab\""),
        ("sent.trailers.x-a", "\"2\"", "\"1\""),
        ("response.trailers.x-seen", "any", "none"),
        ("sent", "a request that goes on", "none"),
    ] {
        let entry = format!("        {what}\n            expected  {expected}\n            found     {found}\n");
        assert!(told.contains(&entry), "{entry} in:\n{told}");
    }
}
