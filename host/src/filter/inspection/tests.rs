//! Modules of every kind of fault, and one without any.

use std::path::PathBuf;

use tempfile::TempDir;

use super::{Inspection, Standing};
use crate::config::{self, FilterLimits};
use crate::filter::LoadFault;

fn limits() -> FilterLimits {
    config::for_origin("http://127.0.0.1:1", None, None).unwrap().filter_limits
}

fn write(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let file = folder.path().join("probe.wasm");
    std::fs::write(&file, bytes).unwrap();
    file
}

fn inspect(text: &str) -> Inspection {
    let folder = tempfile::tempdir().unwrap();
    Inspection::of(&write(&folder, &wat::parse_str(text).unwrap()), &limits()).unwrap()
}

const MARK: &str = r#"(func (export "proxy_abi_version_0_2_1")) (memory (export "memory") 1)"#;

#[test]
fn a_module_that_loads_has_no_faults_and_every_part_is_told() {
    let found = inspect(&format!(
        r#"(module $probe
        (import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
        (import "env" "proxy_grpc_close" (func (param i32) (result i32)))
        {MARK}
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))
        (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32))
        (func (export "proxy_on_grpc_close") (param i32 i32 i32))
        (func (export "proxy_on_request_headerz")))"#
    ));
    assert_eq!(found.faults, []);
    assert_eq!((found.abi, found.memory_bytes, found.names), (Some("0.2.1"), Some(65_536), true));
    let imports: Vec<_> = found.imports.iter().map(|import| (import.name.as_str(), import.standing)).collect();
    assert_eq!(imports, [("env.proxy_log", Standing::Answered), ("env.proxy_grpc_close", Standing::Unimplemented)]);
    let callbacks: Vec<_> = found.callbacks.iter().map(|offered| (offered.name.as_str(), offered.called)).collect();
    let expected =
        [("proxy_on_request_headers", true), ("proxy_on_http_call_response", true), ("proxy_on_grpc_close", false)];
    assert_eq!(callbacks, expected);
    assert_eq!(found.unknown, ["proxy_on_request_headerz"]);
}

#[test]
fn every_fault_is_found_and_says_how_to_mend_it() {
    let marked = |rest: &str| format!("(module {rest} {MARK})");
    for (text, word, what, mend) in [
        (r#"(module (memory (export "memory") 1))"#.to_owned(), "no_abi", "proxy_abi_version", "SDK"),
        (r#"(module (func (export "proxy_abi_version_0_2_0")))"#.to_owned(), "no_memory", "memory", "export"),
        (
            marked(r#"(import "__wbindgen_placeholder__" "__wbindgen_throw" (func (param i32 i32)))"#),
            "import_missing",
            "__wbindgen_placeholder__.__wbindgen_throw",
            "chrono: default-features = false",
        ),
        (marked(r#"(import "env" "my_function" (func))"#), "import_missing", "env.my_function", "linker"),
        (
            marked(r#"(import "env" "memory" (memory 1))"#).replace("(memory (export \"memory\") 1)", ""),
            "import_missing",
            "env.memory",
            "",
        ),
        (marked(r#"(import "wasi:cli/run" "run" (func))"#), "import_missing", "wasi:cli/run.run", "wasm32-wasip1"),
        (marked(r#"(import "env" "proxy_log" (func (param i32)))"#), "import_type", "env.proxy_log", "0.2.1"),
        (
            marked("").replace(MARK, &format!("{MARK} (func (export \"proxy_on_request_headers\") (param i32 i32))")),
            "callback_type",
            "proxy_on_request_headers is a function from i32, i32 to nothing",
            "3 i32 arguments and an i32 result",
        ),
        (marked("").replace("\"memory\") 1", "\"memory\") 300"), "memory_size", "19660800", "raise the limit"),
        (format!("(module (table 200000 funcref) {MARK})"), "table_size", "200000", "raise the limit"),
    ] {
        let found = inspect(&text);
        let fault = found.faults.iter().find(|fault| fault.word == word);
        let fault = fault.unwrap_or_else(|| panic!("{word} in {:?} of {text}", found.faults));
        assert!(fault.what.contains(what) && fault.mend.contains(mend), "{fault:?}");
    }
}

#[test]
fn callbacks_of_0_1_0_have_no_end_of_stream() {
    let module = |version: &str| {
        format!(
            r#"(module (func (export "proxy_abi_version_{version}")) (memory (export "memory") 1)
            (func (export "proxy_on_response_headers") (param i32 i32) (result i32) (i32.const 0)))"#
        )
    };
    assert_eq!(inspect(&module("0_1_0")).faults, []);
    assert_eq!(inspect(&module("0_2_0")).faults.len(), 1);
}

#[test]
fn what_is_no_module_or_too_large_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(&folder, b"\0asm no module");
    assert!(matches!(Inspection::of(&file, &limits()), Err(LoadFault::Compile { .. })));
    let small = FilterLimits { module_bytes_max: 5, ..limits() };
    assert!(matches!(Inspection::of(&file, &small), Err(LoadFault::TooLarge { .. })));
    assert!(matches!(Inspection::of(&folder.path().join("none"), &limits()), Err(LoadFault::Read { .. })));
}
