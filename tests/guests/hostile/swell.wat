;; Adds headers for ever, small ones and some that are too large for any.
(module
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "accept")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32) (i32.const 4096))
  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (loop $on
      (drop (call $add (i32.const 0) (i32.const 64) (i32.const 6) (i32.const 0) (i32.const 60000)))
      (drop (call $add (i32.const 0) (i32.const 64) (i32.const 6) (i32.const 64) (i32.const 6)))
      (br $on))
    (i32.const 0)))
