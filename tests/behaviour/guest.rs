//! Guests for tests, written in WebAssembly's text form: a few host calls in callbacks of a test's choice.

use std::path::{Path, PathBuf};

const IMPORTS: &str = r#"
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_buffer_bytes" (func $write (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_property" (func $property (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_property" (func $read (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
(import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
(memory (export "memory") 4)
(func (export "proxy_abi_version_0_2_1"))
(func (export "malloc") (param i32) (result i32) (i32.const 131072))
"#;

/// Where calls put what they answer.
const OUT: &str = "(i32.const 65536) (i32.const 65540)";
const ANSWERED: &str = "(i32.load (i32.const 65536)) (i32.load (i32.const 65540))";

pub(super) const REQUEST: u32 = 0;
pub(super) const RESPONSE: u32 = 2;

/// A guest in the making. What a callback does is put together by the functions here, each of which is a statement.
#[derive(Default)]
pub(super) struct Guest {
    texts: String,
    at: usize,
    functions: String,
}

impl Guest {
    /// Keeps these bytes, and tells where, as two operands.
    fn text(&mut self, bytes: &[u8]) -> String {
        let here = format!("(i32.const {}) (i32.const {})", self.at, bytes.len());
        bytes.iter().for_each(|byte| self.texts += &format!("\\{byte:02x}"));
        self.at += bytes.len();
        here
    }

    pub(super) fn add(&mut self, map: u32, name: &str, value: &str) -> String {
        let (name, value) = (self.text(name.as_bytes()), self.text(value.as_bytes()));
        format!("(drop (call $add (i32.const {map}) {name} {value}))")
    }

    pub(super) fn remove(&mut self, map: u32, name: &str) -> String {
        let name = self.text(name.as_bytes());
        format!("(drop (call $remove (i32.const {map}) {name}))")
    }

    /// Sets `name` to what `from` is.
    pub(super) fn copy(&mut self, map: u32, from: &str, name: &str) -> String {
        let (from, name) = (self.text(from.as_bytes()), self.text(name.as_bytes()));
        format!(
            "(drop (call $value (i32.const {map}) {from} {OUT})) (drop (call $replace (i32.const {map}) {name} {ANSWERED}))"
        )
    }

    /// Sets the field `name` to what a property is.
    pub(super) fn tell(&mut self, map: u32, property: &str, name: &str) -> String {
        let (property, name) = (self.text(property.as_bytes()), self.text(name.as_bytes()));
        format!("(drop (call $read {property} {OUT})) (drop (call $replace (i32.const {map}) {name} {ANSWERED}))")
    }

    /// Says a cache verb, and traps where the answer is not this one.
    pub(super) fn verb(&mut self, verb: &str, value: &str, status: u32) -> String {
        let (verb, value) = (self.text(format!("forebay\0cache\0{verb}").as_bytes()), self.text(value.as_bytes()));
        format!("(if (i32.ne (call $property {verb} {value}) (i32.const {status})) (then unreachable))")
    }

    /// Traps where the message has the field `name`.
    pub(super) fn trap_at(&mut self, map: u32, name: &str) -> String {
        let name = self.text(name.as_bytes());
        format!("(if (i32.eqz (call $value (i32.const {map}) {name} {OUT})) (then unreachable))")
    }

    /// Counts one in a metric of its own.
    pub(super) fn count(&mut self, name: &str) -> String {
        let name = self.text(name.as_bytes());
        format!(
            "(drop (call $define (i32.const 0) {name} (i32.const 65536)))
             (drop (call $increment (i32.load (i32.const 65536)) (i64.const 1)))"
        )
    }

    pub(super) fn reply(&mut self, status: u16, headers: &[(&str, &str)], body: &str) -> String {
        let (body, count) = (self.text(body.as_bytes()), u32::try_from(headers.len()).expect("a few headers"));
        let mut pairs = count.to_le_bytes().to_vec();
        let bytes = |text: &str| u32::try_from(text.len()).expect("a short text").to_le_bytes();
        headers.iter().for_each(|(name, value)| pairs.extend([bytes(name), bytes(value)].concat()));
        headers.iter().for_each(|(name, value)| pairs.extend(format!("{name}\0{value}\0").bytes()));
        let pairs = self.text(&pairs);
        format!("(drop (call $reply (i32.const {status}) (i32.const 0) (i32.const 0) {body} {pairs} (i32.const -1)))")
    }

    /// Waits for the whole of a body, then puts this behind it.
    pub(super) fn append(&mut self, buffer: u32, text: &str) -> String {
        let text = self.text(text.as_bytes());
        format!(
            "(if (i32.eqz (local.get 2)) (then (return (i32.const 1))))
             (drop (call $write (i32.const {buffer}) (i32.const 1000000) (i32.const 0) {text}))"
        )
    }

    /// Has `proxy_on_request_headers` and the like do this.
    pub(super) fn on(mut self, part: &str, statements: &[String]) -> Self {
        let body = statements.concat();
        self.functions +=
            &format!("(func (export \"proxy_on_{part}\") (param i32 i32 i32) (result i32) {body} (i32.const 0))");
        self
    }

    /// Has `proxy_on_log` do this.
    pub(super) fn on_log(mut self, statements: &[String]) -> Self {
        let body = statements.concat();
        self.functions += &format!("(func (export \"proxy_on_log\") (param i32) {body})");
        self
    }

    /// Its module, in a file of this folder.
    pub(super) fn build(self, folder: &Path, name: &str) -> PathBuf {
        let text = format!("(module {IMPORTS} (data (i32.const 0) \"{}\") {})", self.texts, self.functions);
        let path = folder.join(format!("{name}.wasm"));
        let module = wat::parse_str(text).expect("the guest is well formed");
        std::fs::write(&path, module).expect("a file can be written");
        path
    }
}

/// A guest of one callback.
pub(super) fn guest(part: &str, make: impl FnOnce(&mut Guest) -> Vec<String>) -> Guest {
    let mut guest = Guest::default();
    let statements = make(&mut guest);
    guest.on(part, &statements)
}
