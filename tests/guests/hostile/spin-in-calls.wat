;; Never returns, and is mostly in a host call that takes long.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32) (i32.const 4096))
  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (loop $on
      (drop (call $random (i32.const 0) (i32.const 65536)))
      (br $on))
    (i32.const 0)))
