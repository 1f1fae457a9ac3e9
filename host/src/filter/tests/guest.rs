//! Guests in text form, put together from their callbacks.
//!
//! A guest tells what it saw in the header `x-status` (what host calls answered, as decimal numbers) and `x-value` (what
//! they handed over), in the request's headers during requests and in the response's during responses.

use std::fmt::Write;

/// Where the texts of a guest begin; below are out parameters (0 to 15) and digits.
const TEXTS: usize = 1024;

/// Every import that the tests use, a bump allocator from 32 KiB, and the two ways to tell.
const PRELUDE: &str = r#"
(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_log_level" (func $log_level (param i32) (result i32)))
(import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))
(import "env" "proxy_get_header_map_size" (func $size (param i32 i32) (result i32)))
(import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
(import "env" "proxy_set_header_map_pairs" (func $set_pairs (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_status" (func $buffer_status (param i32 i32 i32) (result i32)))
(import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_configuration" (func $configuration (param i32 i32) (result i32)))
(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
(import "env" "proxy_continue_request" (func $continue_request (result i32)))
(import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
(import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
(import "env" "proxy_done" (func $done (result i32)))
(import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
(import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
(import "env" "proxy_get_metric" (func $metric (param i32 i32) (result i32)))
(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
(import "env" "proxy_grpc_close" (func $grpc_close (param i32) (result i32)))
(import "env" "proxy_call_foreign_function" (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_shared_data" (func $shared (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_shared_data" (func $share (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))
(import "env" "proxy_resolve_shared_queue" (func $resolve (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
(import "env" "proxy_dequeue_shared_queue" (func $dequeue (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
(import "wasi_unstable" "random_get" (func $random (param i32 i32) (result i32)))
(memory (export "memory") 1)
(global $map (mut i32) (i32.const 0))
(global $free (mut i32) (i32.const 32768))
(func (export "malloc") (param $size i32) (result i32)
  (global.get $free)
  (global.set $free (i32.add (global.get $free) (local.get $size))))
(data (i32.const 64) "x-status")
(data (i32.const 80) "x-value")
(func $tell (param $status i32)
  (i32.store8 (i32.const 16) (i32.add (i32.const 48) (i32.div_u (local.get $status) (i32.const 100))))
  (i32.store8 (i32.const 17)
    (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $status) (i32.const 10)) (i32.const 10))))
  (i32.store8 (i32.const 18) (i32.add (i32.const 48) (i32.rem_u (local.get $status) (i32.const 10))))
  (drop (call $add (global.get $map) (i32.const 64) (i32.const 8) (i32.const 16) (i32.const 3))))
(func $show
  (drop (call $add (global.get $map) (i32.const 80) (i32.const 7) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))
(func $digit (param $value i32) (result i32)
  (i32.add (local.get $value) (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $value) (i32.const 10)))))
(func $show_hex (local $i i32) (local $byte i32)
  (block $over (loop $next
    (br_if $over (i32.ge_u (local.get $i) (i32.load (i32.const 4))))
    (local.set $byte (i32.load8_u (i32.add (i32.load (i32.const 0)) (local.get $i))))
    (i32.store8 (i32.add (i32.const 128) (i32.mul (local.get $i) (i32.const 2)))
      (call $digit (i32.shr_u (local.get $byte) (i32.const 4))))
    (i32.store8 (i32.add (i32.const 129) (i32.mul (local.get $i) (i32.const 2)))
      (call $digit (i32.and (local.get $byte) (i32.const 15))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next)))
  (drop (call $add (global.get $map) (i32.const 80) (i32.const 7)
    (i32.const 128) (i32.mul (i32.load (i32.const 4)) (i32.const 2)))))
"#;

/// `$data $len` out parameters of every call that hands a value over.
pub(super) const OUT: &str = "(i32.const 0) (i32.const 4)";

/// A guest under construction.
pub(super) struct Guest {
    abi: &'static str,
    texts: Vec<u8>,
    functions: String,
}

impl Guest {
    /// A guest of ABI 0.2.1 without callbacks.
    pub(super) fn new() -> Self {
        Self { abi: "proxy_abi_version_0_2_1", texts: Vec::new(), functions: String::new() }
    }

    pub(super) fn abi(mut self, marker: &'static str) -> Self {
        self.abi = marker;
        self
    }

    /// Puts `text` into the guest's memory and names it as two arguments: where it is and how long.
    pub(super) fn text(&mut self, text: impl AsRef<[u8]>) -> String {
        let (at, len) = (TEXTS + self.texts.len(), text.as_ref().len());
        self.texts.extend_from_slice(text.as_ref());
        format!("(i32.const {at}) (i32.const {len})")
    }

    /// Adds anything to the module.
    pub(super) fn with(mut self, wat: &str) -> Self {
        self.functions.push_str(wat);
        self
    }

    /// Adds the request callback; it continues where `body` does not return.
    pub(super) fn on_request(self, body: &str) -> Self {
        self.with(&format!(
            r#"(func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32)
                 (result i32) (global.set $map (i32.const 0)) {body} (i32.const 0))"#
        ))
    }

    pub(super) fn on_response(self, body: &str) -> Self {
        self.with(&format!(
            r#"(func (export "proxy_on_response_headers") (param $context i32) (param $count i32) (param $end i32)
                 (result i32) (global.set $map (i32.const 2)) {body} (i32.const 0))"#
        ))
    }

    pub(super) fn on_configure(self, body: &str) -> Self {
        self.with(&format!(
            r#"(func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32) {body} (i32.const 1))"#
        ))
    }

    pub(super) fn on_log(self, body: &str) -> Self {
        self.with(&format!(r#"(func (export "proxy_on_log") (param $context i32) {body})"#))
    }

    /// The module in binary form.
    pub(super) fn build(self) -> Vec<u8> {
        let texts = self.texts.iter().fold(String::new(), |mut text, byte| {
            write!(text, "\\{byte:02x}").unwrap();
            text
        });
        let wat = format!(
            "(module {PRELUDE} (func (export \"{}\")) (data (i32.const {TEXTS}) \"{texts}\") {})",
            self.abi, self.functions
        );
        wat::parse_str(&wat).unwrap_or_else(|error| panic!("{error}\n{wat}"))
    }
}
