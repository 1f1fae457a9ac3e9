//! Every name of WASI preview 1, under both module names: what it answers, and what it writes.
//!
//! One module calls all of them twice, while its runtime starts and at a request, and hands over an answer each.

use std::collections::BTreeSet;

use http::HeaderMap;

use super::super::Verdict;
use super::node::{Node, logged, run_request, values};

const FAULT: u8 = 21;
const NOTSUP: u8 = 58;

/// What is at address 0 before each call, as four words.
const UNTOUCHED: [u64; 4] = [u64::MAX; 4];
/// A half word that was written, and the half that was not.
const ZERO: u64 = 0xffff_ffff_0000_0000;
const SIX: u64 = ZERO + 6;
const NOW: u64 = 1_000 * 1_000_000_000;
/// A character device that may be written to.
const STREAM: [u64; 4] = [2, 1 << 6, 0, u64::MAX];

/// Name, types of its arguments (`l` for 64 bits), the arguments, the answer, and what is at address 0 afterwards.
type Call = (&'static str, &'static str, &'static [u32], u8, [u64; 4]);

/// At 64 is one piece to write, `hello` and a line break.
const CALLS: [Call; 67] = [
    ("args_get", "ii", &[0, 0], 0, UNTOUCHED),
    ("args_sizes_get", "ii", &[0, 8], 0, [ZERO, ZERO, u64::MAX, u64::MAX]),
    ("args_sizes_get", "ii", &[65533, 8], FAULT, UNTOUCHED),
    ("environ_get", "ii", &[0, 0], 0, UNTOUCHED),
    ("environ_sizes_get", "ii", &[0, 8], 0, [ZERO, ZERO, u64::MAX, u64::MAX]),
    ("environ_sizes_get", "ii", &[65533, 8], FAULT, UNTOUCHED),
    ("clock_res_get", "ii", &[0, 0], 0, [1, u64::MAX, u64::MAX, u64::MAX]),
    ("clock_res_get", "ii", &[1, 0], 0, [1, u64::MAX, u64::MAX, u64::MAX]),
    ("clock_res_get", "ii", &[2, 0], NOTSUP, UNTOUCHED),
    ("clock_res_get", "ii", &[0, 65529], FAULT, UNTOUCHED),
    ("clock_time_get", "ili", &[0, 0, 0], 0, [NOW, u64::MAX, u64::MAX, u64::MAX]),
    ("clock_time_get", "ili", &[1, 0, 0], 0, [NOW, u64::MAX, u64::MAX, u64::MAX]),
    ("clock_time_get", "ili", &[2, 0, 0], NOTSUP, UNTOUCHED),
    ("clock_time_get", "ili", &[0, 0, 65529], FAULT, UNTOUCHED),
    ("fd_advise", "illi", &[1, 0, 0, 0], NOTSUP, UNTOUCHED),
    ("fd_allocate", "ill", &[1, 0, 0], NOTSUP, UNTOUCHED),
    ("fd_close", "i", &[1], 0, UNTOUCHED),
    ("fd_datasync", "i", &[1], NOTSUP, UNTOUCHED),
    ("fd_fdstat_get", "ii", &[0, 0], 8, UNTOUCHED),
    ("fd_fdstat_get", "ii", &[1, 0], 0, STREAM),
    ("fd_fdstat_get", "ii", &[2, 0], 0, STREAM),
    ("fd_fdstat_get", "ii", &[3, 0], 8, UNTOUCHED),
    ("fd_fdstat_get", "ii", &[1, 65513], FAULT, UNTOUCHED),
    ("fd_fdstat_set_flags", "ii", &[1, 0], 52, UNTOUCHED),
    ("fd_fdstat_set_rights", "ill", &[1, 0, 0], NOTSUP, UNTOUCHED),
    ("fd_filestat_get", "ii", &[1, 0], NOTSUP, UNTOUCHED),
    ("fd_filestat_set_size", "il", &[1, 0], NOTSUP, UNTOUCHED),
    ("fd_filestat_set_times", "illi", &[1, 0, 0, 0], NOTSUP, UNTOUCHED),
    ("fd_pread", "iiili", &[1, 64, 1, 0, 0], NOTSUP, UNTOUCHED),
    ("fd_prestat_get", "ii", &[3, 0], 8, UNTOUCHED),
    ("fd_prestat_dir_name", "iii", &[3, 0, 8], 52, UNTOUCHED),
    ("fd_pwrite", "iiili", &[1, 64, 1, 0, 0], NOTSUP, UNTOUCHED),
    ("fd_read", "iiii", &[0, 64, 1, 0], 52, UNTOUCHED),
    ("fd_readdir", "iiili", &[3, 0, 8, 0, 0], NOTSUP, UNTOUCHED),
    ("fd_renumber", "ii", &[1, 2], NOTSUP, UNTOUCHED),
    ("fd_seek", "ilii", &[1, 0, 0, 0], 0, UNTOUCHED),
    ("fd_sync", "i", &[1], NOTSUP, UNTOUCHED),
    ("fd_tell", "ii", &[1, 0], NOTSUP, UNTOUCHED),
    ("fd_write", "iiii", &[0, 64, 1, 0], 8, UNTOUCHED),
    ("fd_write", "iiii", &[1, 64, 1, 0], 0, [SIX, u64::MAX, u64::MAX, u64::MAX]),
    ("fd_write", "iiii", &[2, 64, 1, 0], 0, [SIX, u64::MAX, u64::MAX, u64::MAX]),
    ("fd_write", "iiii", &[3, 64, 1, 0], 8, UNTOUCHED),
    ("fd_write", "iiii", &[1, 64, 0, 0], 0, [ZERO, u64::MAX, u64::MAX, u64::MAX]),
    ("fd_write", "iiii", &[1, 65533, 1, 0], FAULT, UNTOUCHED),
    ("fd_write", "iiii", &[1, 64, 0, 65533], FAULT, UNTOUCHED),
    ("fd_write", "iiii", &[1, 64, 1025, 0], 28, UNTOUCHED),
    ("path_create_directory", "iii", &[3, 80, 5], NOTSUP, UNTOUCHED),
    ("path_filestat_get", "iiiii", &[3, 0, 80, 5, 0], NOTSUP, UNTOUCHED),
    ("path_filestat_set_times", "iiiilli", &[3, 0, 80, 5, 0, 0, 0], NOTSUP, UNTOUCHED),
    ("path_link", "iiiiiii", &[3, 0, 80, 5, 3, 80, 4], NOTSUP, UNTOUCHED),
    ("path_open", "iiiiillii", &[3, 0, 80, 5, 0, 0, 0, 0, 0], 44, UNTOUCHED),
    ("path_readlink", "iiiiii", &[3, 80, 5, 0, 8, 8], NOTSUP, UNTOUCHED),
    ("path_remove_directory", "iii", &[3, 80, 5], NOTSUP, UNTOUCHED),
    ("path_rename", "iiiiii", &[3, 80, 5, 3, 80, 4], NOTSUP, UNTOUCHED),
    ("path_symlink", "iiiii", &[80, 5, 3, 80, 4], NOTSUP, UNTOUCHED),
    ("path_unlink_file", "iii", &[3, 80, 5], NOTSUP, UNTOUCHED),
    ("poll_oneoff", "iiii", &[96, 128, 1, 0], 0, [ZERO, u64::MAX, u64::MAX, u64::MAX]),
    ("poll_oneoff", "iiii", &[96, 128, 1, 65533], FAULT, UNTOUCHED),
    ("proc_raise", "i", &[6], NOTSUP, UNTOUCHED),
    ("random_get", "ii", &[32, 8], 0, UNTOUCHED),
    ("random_get", "ii", &[65529, 8], FAULT, UNTOUCHED),
    ("random_get", "ii", &[0, 65537], 28, UNTOUCHED),
    ("sched_yield", "", &[], 0, UNTOUCHED),
    ("sock_accept", "iii", &[3, 0, 0], NOTSUP, UNTOUCHED),
    ("sock_recv", "iiiiii", &[3, 64, 1, 0, 0, 4], NOTSUP, UNTOUCHED),
    ("sock_send", "iiiii", &[3, 64, 1, 0, 0], NOTSUP, UNTOUCHED),
    ("sock_shutdown", "ii", &[3, 0], NOTSUP, UNTOUCHED),
];

/// All names of preview 1 that answer; `proc_exit` does not.
const NAMES: usize = 45;

/// Answers go into headers as letters.
const LETTERS: u8 = b'@';

/// A module that makes all calls, in its `_initialize` and at a request, and hands over two headers of each: what was
/// answered, and whether it was written as expected.
fn caller(module: &str) -> Vec<u8> {
    let mut imports = String::new();
    let names: BTreeSet<(&str, &str)> = CALLS.iter().map(|(name, types, ..)| (*name, *types)).collect();
    assert_eq!(names.len(), NAMES);
    for (name, types) in names {
        let types = types.replace('i', " i32").replace('l', " i64");
        imports += &format!("(import \"{module}\" \"{name}\" (func ${name} (param {types}) (result i32)))");
    }
    let calls: String = (0..).zip(&CALLS).map(|(place, call)| one_call(place, call)).collect();
    let count = CALLS.len();
    let hand_over = |name: u32, from: u32| {
        format!(
            "(drop (call $add (i32.const 0) (i32.const {name}) (i32.const 7) (i32.const {from}) (i32.const {count})))"
        )
    };
    let started = hand_over(160, 4096) + &hand_over(168, 8192);
    let asked = hand_over(176, 4096) + &hand_over(184, 8192);
    let text = format!(
        "(module {imports}
           (import \"{module}\" \"proc_exit\" (func $proc_exit (param i32)))
           (import \"env\" \"proxy_add_header_map_value\" (func $add (param i32 i32 i32 i32 i32) (result i32)))
           (memory (export \"memory\") 1)
           (data (i32.const 64) \"\\50\\00\\00\\00\\06\\00\\00\\00\") (data (i32.const 80) \"hello\\n\")
           (data (i32.const 160) \"x-start x-begun x-asked x-wrote\")
           (func (export \"proxy_abi_version_0_2_1\"))
           (func $all (export \"_initialize\") {calls} (call $proc_exit (i32.const 3)))
           (func (export \"proxy_on_request_headers\") (param i32 i32 i32) (result i32)
             {started} (call $all) {asked} (i32.const 0)))"
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn one_call(place: u32, (name, types, arguments, _, words): &Call) -> String {
    let constant = |(kind, value): (char, &u32)| format!("({}.const {value})", if kind == 'l' { "i64" } else { "i32" });
    let arguments: String = types.chars().zip(*arguments).map(constant).collect();
    let same = |(at, word): (usize, &u64)| {
        format!("(i64.eq (i64.load (i32.const {})) (i64.const {}))", at * 8, word.cast_signed())
    };
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|at| same((at, &words[at])));
    format!(
        "(memory.fill (i32.const 0) (i32.const 255) (i32.const 32))
         (i32.store8 (i32.const {answer}) (i32.add (i32.const {LETTERS}) (call ${name} {arguments})))
         (i32.store8 (i32.const {wrote}) (i32.add (i32.const {LETTERS})
           (i32.and (i32.and {first} {second}) (i32.and {third} {fourth}))))",
        answer = 4096 + place,
        wrote = 8192 + place,
    )
}

/// Holds the answers in two headers of a request against the table.
fn check(headers: &HeaderMap, answers: &str, wrote: &str) {
    let (answers, wrote) = (values(headers, answers).concat(), values(headers, wrote).concat());
    assert_eq!((answers.len(), wrote.len()), (CALLS.len(), CALLS.len()));
    for ((answer, wrote), (name, _, arguments, expected, _)) in answers.bytes().zip(wrote.bytes()).zip(CALLS) {
        assert_eq!(answer - LETTERS, expected, "{name}{arguments:?}");
        assert_eq!(wrote - LETTERS, 1, "{name}{arguments:?} has written otherwise");
    }
}

#[test]
fn every_name_answers_as_by_the_reference_host_under_both_module_names() {
    for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
        let mut node = Node::new();
        node.add("probe", &caller(module));
        let told = logged(|| {
            let (_run, head, verdict) = run_request(&node.chain());
            assert!(matches!(verdict, Verdict::Continue), "{module}: {verdict:?}");
            check(&head.headers, "x-start", "x-begun");
            check(&head.headers, "x-asked", "x-wrote");
        });
        // Once at the start, once at the request; and a write of nothing is no line.
        let said = |text: &str| told.lines().filter(|line| line.contains(text)).count();
        assert_eq!(
            (said(" INFO forebay::guest: hello filter"), said("ERROR forebay::guest: hello filter")),
            (2, 2),
            "{told}"
        );
        assert_eq!(said(" WARN forebay::guest: proc_exit(3) filter"), 2, "{told}");
        assert_eq!(said("forebay::guest"), 6, "{told}");
    }
}
