//! Header maps: every form of reading and changing them, pseudo headers among them.

use http::Method;

use super::super::messages::wire;
use super::super::{EndOfStream, Verdict};
use super::guest::{Guest, OUT};
use super::node::{chain_of, request, response, run_both, run_request, statuses, stream, values};

#[test]
fn values_are_read_by_name_in_any_case() {
    let mut guest = Guest::new();
    let names = ["Accept", "cookie", ":authority", ":path", ":method", ":scheme", "Host", "x-missing", "b\u{e4}d"];
    let body: String = names
        .iter()
        .map(|name| format!("(call $tell (call $value (i32.const 0) {} {OUT})) (call $show)", guest.text(name)))
        .collect();
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    let shown = values(&head.headers, "x-value");
    let expected = ["text/html", "a=1", "docs.example.com", "/guide?page=2", "GET", "http", "docs.example.com"];
    assert_eq!(shown[..7], expected);
    assert_eq!(statuses(&head.headers), [0, 0, 0, 0, 0, 0, 0, 1, 1]);
}

#[test]
fn missing_header_is_empty_in_0_1_0() {
    let mut guest = Guest::new().abi("proxy_abi_version_0_1_0");
    let name = guest.text("x-missing");
    let callback = format!(
        r#"(func (export "proxy_on_request_headers") (param i32 i32) (result i32)
             (call $tell (call $value (i32.const 0) {name} {OUT})) (call $tell (i32.load (i32.const 4)))
             (call $tell (local.get 1)) (i32.const 0))"#
    );
    let (_run, head, _) = run_request(&chain_of(&guest.with(&callback).build()));
    assert_eq!(statuses(&head.headers), [0, 0, 8]);
}

#[test]
fn pairs_hold_pseudo_headers_and_repeated_values_in_order() {
    let body = format!(
        "(call $tell (call $size (i32.const 0) (i32.const 8))) (call $tell (call $pairs (i32.const 0) {OUT})) (call $show_hex)
         (call $tell (local.get $count)) (call $tell (i32.load (i32.const 8)))"
    );
    let (_run, head, _) = run_request(&chain_of(&Guest::new().on_request(&body).build()));
    let hex = values(&head.headers, "x-value").remove(0);
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let expected: Vec<(&str, &str)> = vec![
        (":authority", "docs.example.com"),
        (":path", "/guide?page=2"),
        (":method", "GET"),
        (":scheme", "http"),
        ("accept", "text/html"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("user-agent", "probe/1"),
        ("x-status", "000"),
    ];
    let pairs: Vec<_> = wire::read(&bytes).unwrap();
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| (str::from_utf8(n).unwrap(), str::from_utf8(v).unwrap())).collect();
    assert_eq!(pairs, expected);
    let size: usize = expected[..8].iter().map(|(name, value)| name.len() + value.len()).sum();
    assert_eq!(statuses(&head.headers), [0, 0, 8, u32::try_from(size).unwrap()]);
}

#[test]
fn headers_are_added_replaced_and_removed() {
    let mut guest = Guest::new();
    let [add, name, remove] = ["X-New", "cookie", "accept"].map(|name| guest.text(name));
    let [one, two] = ["one", "two"].map(|value| guest.text(value));
    let body = format!(
        "(call $tell (call $add (i32.const 0) {add} {one})) (call $tell (call $add (i32.const 0) {add} {two}))
         (call $tell (call $replace (i32.const 0) {name} {one})) (call $tell (call $remove (i32.const 0) {remove}))
         (call $tell (call $remove (i32.const 0) {remove}))"
    );
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert_eq!(values(&head.headers, "x-new"), ["one", "two"]);
    assert_eq!(values(&head.headers, "cookie"), ["one"]);
    assert!(values(&head.headers, "accept").is_empty());
    assert_eq!(statuses(&head.headers), [0, 0, 0, 0, 0]);
}

#[test]
fn pseudo_headers_change_the_request_itself() {
    let mut guest = Guest::new();
    let edits = [(":path", "/new?x=1"), ("host", "other.example:8080"), (":method", "PURGE"), (":scheme", "https")];
    let body: String = edits
        .iter()
        .map(|(name, value)| {
            format!("(call $tell (call $replace (i32.const 0) {} {}))", guest.text(name), guest.text(value))
        })
        .collect();
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert_eq!(statuses(&head.headers), [0, 0, 0, 0]);
    assert_eq!(head.path, "/new?x=1");
    assert_eq!(head.authority, "other.example:8080");
    assert_eq!(head.method.as_str(), "PURGE");
    assert_eq!(head.scheme.as_str(), "https");
    assert!(head.headers.get("host").is_none());
}

#[test]
fn status_is_the_pseudo_header_of_responses() {
    let mut guest = Guest::new();
    let [status, code, interim, letters] = [":status", "404", "103", "abc"].map(|text| guest.text(text));
    let body = format!(
        "(call $tell (call $value (i32.const 2) {status} {OUT})) (call $show)
         (call $tell (call $replace (i32.const 2) {status} {interim}))
         (call $tell (call $replace (i32.const 2) {status} {letters}))
         (call $tell (call $replace (i32.const 2) {status} {code})) (call $tell (local.get $count))"
    );
    let (_run, parts, _) = run_both(&chain_of(&guest.on_response(&body).build()));
    assert_eq!(values(&parts.headers, "x-value"), ["200"]);
    assert_eq!(statuses(&parts.headers), [0, 2, 2, 0, 3]);
    assert_eq!(parts.status, 404);
}

#[test]
fn faulty_edits_change_nothing() {
    let mut guest = Guest::new();
    let edits = [
        ("b\u{e4}d", "x"),
        ("", "x"),
        ("x-new", "a\r\nb"),
        ("x y", "x"),
        (":path", "no-slash"),
        (":path", "/a b"),
        (":path", "/a#b"),
        (":path", "*"),
        (":authority", ""),
        (":authority", "user@host"),
        (":method", "B D"),
        (":scheme", "ftp"),
        ("host", "a/b"),
    ];
    let mut body: String = edits
        .iter()
        .map(|(name, value)| {
            format!("(call $tell (call $add (i32.const 0) {} {}))", guest.text(name), guest.text(value))
        })
        .collect();
    for name in [":path", "Host", "x y"] {
        body += &format!("(call $tell (call $remove (i32.const 0) {}))", guest.text(name));
    }
    let (_run, mut head, verdict) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert_eq!(statuses(&head.headers), [2; 16]);
    head.headers.remove("x-status");
    let before = request();
    assert_eq!((head.headers, head.path, head.authority), (before.headers, before.path, before.authority));
    assert!(matches!(verdict, Verdict::Continue));
}

#[test]
fn targets_are_as_clean_as_those_of_clients() {
    let cases = [
        (":authority", "Other.EXAMPLE:80", 0, "http other.example /guide?page=2"),
        ("host", "Other.example:443", 0, "http other.example:443 /guide?page=2"),
        (":authority", "other.example:", 2, "http docs.example.com /guide?page=2"),
        (":authority", "other.example:99999", 2, "http docs.example.com /guide?page=2"),
        (":path", "/a/../%2e/b?c=/../d", 0, "http docs.example.com /b?c=/../d"),
        (":path", "/a/../../etc", 2, "http docs.example.com /guide?page=2"),
    ];
    for (name, value, status, target) in cases {
        let mut guest = Guest::new();
        let (at, to) = (guest.text(name), guest.text(value));
        let body = format!("(call $tell (call $replace (i32.const 0) {at} {to}))");
        let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
        assert_eq!(statuses(&head.headers), [status], "{name} {value}");
        assert_eq!(format!("{} {} {}", head.scheme, head.authority, head.path), target, "{name} {value}");
    }
}

#[test]
fn another_scheme_has_another_port_of_its_own() {
    let mut guest = Guest::new();
    let taken = guest.text(map(&[(":authority", "a.example:443"), (":scheme", "https")]));
    let refused = guest.text(map(&[(":scheme", "http"), (":authority", "b.example:443"), (":path", "bad")]));
    let body = format!(
        "(call $tell (call $set_pairs (i32.const 0) {taken})) (call $tell (call $set_pairs (i32.const 0) {refused}))"
    );
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert_eq!(statuses(&head.headers), [0, 2]);
    assert_eq!(format!("{}://{}", head.scheme, head.authority), "https://a.example");
}

/// What a guest must not write.
const RESERVED: [&str; 7] =
    ["Content-Length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "proxy-connection"];

#[test]
fn framing_and_connection_fields_are_not_for_guests() {
    for name in RESERVED {
        let mut guest = Guest::new();
        let [field, value] = [name, "7"].map(|text| guest.text(text));
        let pairs = guest.text(map(&[(name, "7"), ("x-kept", "1")]));
        let body = format!(
            "(call $tell (call $add (global.get $map) {field} {value}))
             (call $tell (call $replace (global.get $map) {field} {value}))
             (call $tell (call $remove (global.get $map) {field}))
             (local.set $count (call $set_pairs (global.get $map) {pairs})) (call $tell (local.get $count))"
        );
        let chain = chain_of(&guest.on_request(&body).on_response(&body).build());
        let (mut head, mut parts) = (request(), response());
        let before = [head.headers.get(name).cloned(), parts.headers.get(name).cloned()];
        let mut run = chain.begin(stream());
        run.on_request(&mut head, EndOfStream::Yes);
        run.on_response(&mut head, &mut parts, EndOfStream::No);
        for (headers, before) in [&head.headers, &parts.headers].into_iter().zip(before) {
            assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), before.iter().collect::<Vec<_>>(), "{name}");
            assert_eq!((values(headers, "x-kept").len(), statuses(headers)), (1, vec![0]), "{name}");
        }
    }
}

fn map(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::write(|| pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut bytes);
    bytes
}

#[test]
fn whole_maps_are_replaced_or_not_at_all() {
    let mut guest = Guest::new();
    let half = guest.text(map(&[(":method", "POST"), ("x-a", "1"), (":path", "bad")]));
    let junk = guest.text(b"\x01\0\0\0junk");
    let whole = guest.text(map(&[(":method", "POST"), ("x-a", "1"), ("X-A", "2")]));
    let accept = guest.text("accept");
    // The arguments of the callback serve as variables: the guest can tell only after the map is whole again.
    let body = format!(
        "(local.set $count (call $set_pairs (i32.const 0) {half})) (local.set $end (call $set_pairs (i32.const 0) {junk}))
         (if (i32.ne (call $value (i32.const 0) {accept} {OUT}) (i32.const 0)) (then unreachable))
         (call $tell (call $set_pairs (i32.const 0) {whole}))
         (call $tell (local.get $count)) (call $tell (local.get $end))"
    );
    let (_run, head, verdict) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    assert_eq!(statuses(&head.headers), [0, 2, 4]);
    assert_eq!(head.method, Method::POST);
    assert_eq!(head.path, "/guide?page=2");
    assert_eq!(values(&head.headers, "x-a"), ["1", "2"]);
    assert!(head.headers.get("accept").is_none());
}

#[test]
fn maps_that_are_not_there_read_as_empty() {
    let mut guest = Guest::new();
    let name = guest.text("accept");
    let mut body = String::new();
    for map in 1..=8 {
        body += &format!(
            "(call $tell (call $value (i32.const {map}) {name} {OUT})) (call $tell (call $pairs (i32.const {map}) {OUT}))
             (call $tell (call $add (i32.const {map}) {name} {name}))"
        );
    }
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    let mut expected = [1, 0, 1].repeat(7);
    expected.extend([2, 2, 2]);
    assert_eq!(statuses(&head.headers), expected);
}

#[test]
fn request_headers_stay_readable_while_the_response_passes() {
    let mut guest = Guest::new();
    let [path, note, text] = [":path", "x-note", "seen"].map(|text| guest.text(text));
    let body = format!(
        "(call $tell (call $value (i32.const 0) {path} {OUT})) (call $show) (call $tell (call $add (i32.const 0) {note} {text}))"
    );
    let chain = chain_of(&guest.on_response(&body).build());
    let mut run = chain.begin(stream());
    let (mut head, mut parts) = (request(), response());
    run.on_request(&mut head, EndOfStream::Yes);
    run.on_response(&mut head, &mut parts, EndOfStream::No);
    assert_eq!(values(&parts.headers, "x-value"), ["/guide?page=2"]);
    assert_eq!(statuses(&parts.headers), [0, 0]);
    assert_eq!(values(&head.headers, "x-note"), ["seen"]);
    assert_eq!(head.path, "/guide?page=2");
}
