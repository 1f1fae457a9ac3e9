//! Loading: what cannot run is told at load, with how to mend it.

use super::super::LoadFault;
use super::guest::{Guest, OUT};
use super::node::{Node, element, run_request, statuses, values};
use crate::config::{Pin, Place};

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn fault_of(module: &[u8]) -> String {
    let mut node = Node::new();
    node.add("probe", module);
    node.fault()
}

#[test]
fn missing_and_broken_modules_are_told_together() {
    let mut node = Node::new();
    node.add("broken", b"\0asm no module");
    node.add("absent", b"").module.set_file_name("nowhere.wasm");
    node.add("sound", &Guest::new().build());
    let errors = node.load().unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("filter broken: module ") && told[0].contains("not a WebAssembly module"), "{told:?}");
    assert!(told[1].starts_with("filter absent: module ") && told[1].contains("cannot be read"), "{told:?}");
}

#[test]
fn module_is_held_to_its_digest() {
    let module = Guest::new().build();
    let mut node = Node::new();
    let place = Place::Position { file: "edge.toml".into(), line: 4, column: 10 };
    let pin = |digest: String| Some(Pin { digest, place: place.clone() });
    node.add("probe", &module).sha256 = pin("00".repeat(32));
    let fault = node.load().unwrap_err().remove(0).fault;
    assert!(fault.to_string().contains("as edge.toml:4:10 says"), "{fault}");
    let LoadFault::Digest { found, .. } = fault else { panic!("{fault}") };
    node.filters[0].sha256 = pin(found);
    assert!(node.load().is_ok());
}

#[test]
fn module_size_is_bounded() {
    let module = Guest::new().build();
    let mut node = Node::new();
    node.limits.module_bytes_max = module.len() as u64;
    node.add("probe", &module);
    assert!(node.load().is_ok());
    node.limits.module_bytes_max -= 1;
    assert!(node.fault().contains("larger than filter_limits.module, which is"));
}

#[test]
fn unknown_imports_are_all_listed_with_a_hint() {
    let module = wat(r#"(module
        (import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
        (import "env" "proxy_teleport" (func))
        (import "__wbindgen_placeholder__" "__wbindgen_describe" (func (param i32)))
        (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))"#);
    let fault = fault_of(&module);
    assert!(fault.contains("env.proxy_teleport, __wbindgen_placeholder__.__wbindgen_describe"), "{fault}");
    assert!(!fault.contains("proxy_log"), "{fault}");
    assert!(fault.contains("wasmbind"), "{fault}");
}

#[test]
fn modules_that_are_no_filters_are_refused() {
    let cases = [
        (r#"(module (memory (export "memory") 1))"#, "exports no proxy_abi_version"),
        (r#"(module (func (export "proxy_abi_version_0_3_0")) (memory (export "memory") 1))"#, "no proxy_abi_version"),
        (r#"(module (func (export "proxy_abi_version_0_2_1")))"#, "exports no memory"),
        (
            r#"(module (func (export "proxy_abi_version_0_2_1")) (memory (export "memory") 1)
                 (func (export "proxy_on_request_headers") (param i32) (result i32) (i32.const 0)))"#,
            "proxy_on_request_headers",
        ),
        (
            r#"(module (import "env" "proxy_log" (func (param i64)))
                 (func (export "proxy_abi_version_0_2_1")) (memory (export "memory") 1))"#,
            "wrong type",
        ),
    ];
    for (text, expected) in cases {
        let fault = fault_of(&wat(text));
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn guest_that_fails_to_start_is_a_load_error() {
    let fault = fault_of(&Guest::new().with(r#"(func $boom (export "_initialize") unreachable)"#).build());
    assert!(fault.contains("failed to start: trap") && fault.contains("boom"), "{fault}");
    let fault = fault_of(&Guest::new().on_configure("(return (i32.const 0))").build());
    assert!(fault.contains("proxy_on_configure answered false"), "{fault}");
    let refusing = r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))"#;
    let fault = fault_of(&Guest::new().with(refusing).build());
    assert!(fault.contains("proxy_on_vm_start answered false"), "{fault}");
}

#[test]
fn guest_that_refuses_to_start_is_quoted() {
    let told = |level: u32, end: &str| {
        let mut guest = Guest::new();
        let [first, last, quiet] = ["first", "settings.rules[2]:\nno \"prefix\"", "quiet"].map(|text| guest.text(text));
        let body = format!(
            "(drop (call $log (i32.const 3) {first})) (drop (call $log (i32.const {level}) {last}))
             (drop (call $log (i32.const 2) {quiet})) {end}"
        );
        fault_of(&guest.on_configure(&body).build())
    };
    let refused = "filter probe: it refused its settings: proxy_on_configure answered false";
    let false_ = "(return (i32.const 0))";
    assert_eq!(told(3, false_), format!("{refused}: settings.rules[2]:\\nno \"prefix\""));
    assert_eq!(told(2, false_), format!("{refused}: first"));
    let fault = told(5, "unreachable");
    let expected = "wasm `unreachable` instruction executed: settings.rules[2]:\\nno \"prefix\"; ";
    assert!(fault.contains(expected) && fault.lines().count() == 1, "{fault}");
}

#[test]
fn guest_that_exits_is_quoted_with_what_it_wrote_before() {
    let mut guest = Guest::new();
    let text = guest.text("panic: no rules\n");
    let (at, len) = text.split_once(") ").unwrap();
    let body = format!(
        "(i32.store (i32.const 32) {at})) (i32.store (i32.const 36) {len})
         (drop (call $fd_write (i32.const 2) (i32.const 32) (i32.const 1) (i32.const 40)))
         (call $exit (i32.const 2)) unreachable"
    );
    let module = guest.on_configure(&body).build();
    let fault = fault_of(&module);
    assert!(fault.contains("executed: panic: no rules; "), "{fault}");
}

#[test]
fn compiler_errors_are_one_line() {
    let body = wat(r#"(module (memory (export "memory") 1) (func (export "f") (result i32) (i32.const 1)))"#);
    // The function returns nothing where its type says that it returns a number.
    let broken: Vec<u8> = body.iter().map(|byte| if *byte == 0x41 { 0x01 } else { *byte }).collect();
    for module in [broken, b"no module".to_vec()] {
        let fault = fault_of(&module);
        assert!(fault.contains("not a WebAssembly module") && fault.lines().count() == 1, "{fault}");
    }
}

#[test]
fn settings_reach_configure_and_stay_readable() {
    let mut node = Node::new();
    let body = format!(
        "(call $tell (call $buffer (i32.const 7) (i32.const 0) (i32.const 100) {OUT})) (call $show)
         (call $tell (call $buffer (i32.const 7) (i32.const 2) (i32.const 3) {OUT})) (call $show)
         (call $tell (call $configuration {OUT})) (call $show)
         (call $tell (call $buffer_status (i32.const 7) (i32.const 0) (i32.const 4))) (call $tell (i32.load (i32.const 0)))
         (call $tell (global.get $told))"
    );
    let guest = Guest::new()
        .with("(global $told (mut i32) (i32.const 0))")
        .on_configure("(global.set $told (local.get $size))")
        .on_request(&body);
    node.add("probe", &guest.build()).settings = r#"{"tag":"blue"}"#.into();
    let (_run, head, _) = run_request(&node.chain());
    assert_eq!(values(&head.headers, "x-value"), [r#"{"tag":"blue"}"#, "tag", r#"{"tag":"blue"}"#]);
    assert_eq!(statuses(&head.headers), [0, 0, 0, 0, 14, 14]);
}

#[test]
fn settings_of_the_virtual_machine_come_before_the_plugins() {
    let mut node = Node::new();
    let start = "(func (export \"proxy_on_vm_start\") (param i32) (param $size i32) (result i32)
        (global.set $told (local.get $size)) (i32.const 1))";
    let body = format!(
        "(call $tell (call $buffer (i32.const 6) (i32.const 0) (i32.const 100) {OUT})) (call $show)
         (call $tell (global.get $told))"
    );
    let told = "(global $told (mut i32) (i32.const 0))";
    let configure = "(if (i32.ne (global.get $told) (i32.const 5)) (then (return (i32.const 0))))";
    let guest = Guest::new().with(told).with(start).on_configure(configure).on_request(&body);
    let filter = node.add("probe", &guest.build());
    (filter.settings, filter.vm_settings) = ("of the plugin".into(), "stone".into());
    let (_run, head, _) = run_request(&node.chain());
    assert_eq!((values(&head.headers, "x-value"), statuses(&head.headers)), (vec!["stone".to_owned()], vec![0, 5]));
}

#[test]
fn runtime_starts_before_the_plugin_and_with_few_host_calls() {
    // Each step writes its digit; `_initialize` is refused the header map, which needs more than a narrow gate.
    let order = r#"(global $step (mut i32) (i32.const 0))
        (func $next (param i32) (global.set $step (i32.add (i32.mul (global.get $step) (i32.const 10)) (local.get 0))))
        (func (export "_initialize")
          (if (i32.eq (call $size (i32.const 0) (i32.const 0)) (i32.const 10)) (then (call $next (i32.const 1)))))
        (func (export "main") (param i32 i32) (result i32) (call $next (i32.const 2)) (i32.const 0))
        (func (export "_start") (call $next (i32.const 9)))
        (func (export "proxy_on_context_create") (param i32 i32)
          (call $next (select (i32.const 3) (i32.const 4) (i32.eqz (local.get 1)))))"#;
    let guest = Guest::new().with(order).on_request(
        "(call $tell (i32.div_u (global.get $step) (i32.const 100))) (call $tell (i32.rem_u (global.get $step) (i32.const 100)))",
    );
    let mut node = Node::new();
    node.add("probe", &guest.build());
    let (_run, head, _) = run_request(&node.chain());
    assert_eq!(statuses(&head.headers), [12, 34]);
}

#[test]
fn allocator_of_either_name_is_used() {
    let text = r#"(module
        (import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 64) "acceptx-value")
        (func (export "proxy_abi_version_0_2_0"))
        (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
          (drop (call $value (i32.const 0) (i32.const 64) (i32.const 6) (i32.const 0) (i32.const 4)))
          (call $add (i32.const 0) (i32.const 70) (i32.const 7) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))"#;
    let mut node = Node::new();
    node.add("probe", &wat(text));
    let (_run, head, _) = run_request(&node.chain());
    assert_eq!(values(&head.headers, "x-value"), ["text/html"]);
}

#[test]
fn chain_names_the_filter_it_does_not_know() {
    let filters = Node::new().load().unwrap();
    assert!(filters.chain(&[]).unwrap().is_empty());
    let error = filters.chain(&[element("ghost")]).unwrap_err();
    assert_eq!(error.to_string(), "filter ghost: no filter has this name");
}
