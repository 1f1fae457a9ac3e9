//! Bounds: what a guest cannot have more of, both sides of each.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::{EndOfStream, FailureKind, Verdict};
use super::guest::Guest;
use super::node::{Node, chain_of, request, response, run_request, statuses, stream};

const PAGE: u64 = 65_536;

fn kind(node: &Node) -> FailureKind {
    match run_request(&node.chain()).2 {
        Verdict::Fail(failure) => failure.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn hoarding_guest_is_refused_memory_and_lives() {
    let grow = "(block $full (loop $more
        (br_if $full (i32.eq (memory.grow (i32.const 1)) (i32.const -1))) (br $more))) (call $tell (memory.size))";
    let mut node = Node::new();
    node.limits.memory_bytes_max = 16 * PAGE;
    node.add("probe", &Guest::new().on_request(grow).build());
    let chain = node.chain();
    // The hoarder is not used again: the second exchange grows a fresh instance.
    for _ in 0..2 {
        let (_run, head, verdict) = run_request(&chain);
        assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
        assert_eq!(statuses(&head.headers), [16]);
    }
}

#[test]
fn trap_for_want_of_memory_is_told_as_that() {
    let grow = "(if (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable))";
    let mut node = Node::new();
    node.limits.memory_bytes_max = 16 * PAGE;
    node.add("probe", &Guest::new().on_request(grow).build());
    assert_eq!(kind(&node), FailureKind::Memory);
}

#[test]
fn module_that_begins_too_large_does_not_load() {
    let wat = r#"(module (memory (export "memory") 17) (func (export "proxy_abi_version_0_2_1")))"#;
    let mut node = Node::new();
    node.limits.memory_bytes_max = 16 * PAGE;
    node.add("probe", &wat::parse_str(wat).unwrap());
    let fault = node.fault();
    let expected = "starts with 1114112 bytes of memory, and filter_limits.memory is 1048576";
    assert!(fault.contains(expected) && fault.contains("-z stack-size"), "{fault}");
    node.limits.memory_bytes_max = 17 * PAGE;
    assert!(node.load().is_ok());
}

#[test]
fn tables_are_bounded_together() {
    let wat = |tables: &str| {
        let text =
            format!(r#"(module (memory (export "memory") 1) {tables} (func (export "proxy_abi_version_0_2_1")))"#);
        wat::parse_str(text).unwrap()
    };
    for (tables, fits) in [
        ("(table 1000 funcref)", true),
        ("(table 1001 funcref)", false),
        ("(table 600 funcref) (table 400 funcref)", true),
        ("(table 600 funcref) (table 401 funcref)", false),
    ] {
        let mut node = Node::new();
        assert_eq!(node.limits.table_elements_max, 1000);
        node.add("probe", &wat(tables));
        let told = node.load().err().map(|errors| errors[0].to_string());
        assert_eq!(told.is_none(), fits, "{tables}: {told:?}");
        assert!(told.is_none_or(|told| told.contains("failed to start")), "{tables}");
    }
}

/// A guest that adds `count` headers with values of `bytes` each.
fn adder(count: u32, bytes: u32) -> Vec<u8> {
    let mut guest = Guest::new();
    let [name, letters] = ["x-fill".to_owned(), "v".repeat(9000)].map(|text| guest.text(text));
    let at = letters.split_once(") ").unwrap().0;
    let body = format!(
        "(local.set $end (i32.const 0))
         (loop $more
           (drop (call $add (i32.const 0) {name} {at}) (i32.const {bytes})))
           (local.set $end (i32.add (local.get $end) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $end) (i32.const {count}))))"
    );
    guest.on_request(&body).build()
}

#[test]
fn header_count_is_bounded() {
    // The request brings four headers.
    let within = |count: u32| {
        let mut node = Node::new();
        node.add("probe", &adder(count, 1));
        run_request(&node.chain()).2
    };
    assert!(matches!(within(36), Verdict::Continue));
    assert!(matches!(within(37), Verdict::Fail(failure) if failure.kind == FailureKind::Headers));
    assert!(matches!(within(1_000_000), Verdict::Fail(failure) if failure.kind == FailureKind::Headers));
}

#[test]
fn header_bytes_are_bounded() {
    for (bytes, fits) in [(3_000, true), (4_000, false), (8_500, false)] {
        let mut node = Node::new();
        node.add("probe", &adder(1, bytes));
        let verdict = run_request(&node.chain()).2;
        assert_eq!(matches!(verdict, Verdict::Continue), fits, "{bytes}: {verdict:?}");
    }
}

#[test]
fn a_section_is_held_against_the_filter_that_put_something_into_it() {
    let mut guest = Guest::new();
    let [name, letter] = ["x-fill", "v"].map(|text| guest.text(text));
    let chain = chain_of(&guest.on_response(&format!("(drop (call $add (i32.const 2) {name} {letter}))")).build());
    let fill = |headers: &mut HeaderMap| {
        let (name, value) = (HeaderName::from_static("x-client"), HeaderValue::from_static("v"));
        (0..60).for_each(|_| _ = headers.append(name.clone(), value.clone()));
    };
    let (mut head, mut parts) = (request(), response());
    fill(&mut head.headers);
    let mut told = |parts: &mut _| {
        let mut run = chain.begin(stream());
        assert!(matches!(run.ask(&mut head, EndOfStream::Yes), Verdict::Continue));
        run.tell(&mut head, parts, EndOfStream::Yes)
    };
    let verdict = told(&mut parts);
    assert!(matches!(verdict, Verdict::Continue), "the client's many headers: {verdict:?}");
    fill(&mut parts.headers);
    let verdict = told(&mut parts);
    assert!(matches!(&verdict, Verdict::Fail(failure) if failure.kind == FailureKind::Headers), "{verdict:?}");
}
