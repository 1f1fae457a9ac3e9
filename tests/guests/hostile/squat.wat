;; Shares more data than there is room for: a value that is too large alone is refused, and of a hundred of 6,000 bytes the
;; ten last are there. Traps where anything else is true.
(module
  (import "env" "proxy_set_shared_data" (func $share (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_shared_data" (func $shared (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32) (i32.const 4096))
  (func $holds (param $status i32) (param $expected i32)
    (if (i32.ne (local.get $status) (local.get $expected)) (then unreachable)))
  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (local $key i32)
    (call $holds (call $share (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 65536) (i32.const 0)) (i32.const 10))
    (loop $on
      (i32.store (i32.const 64) (local.get $key))
      (call $holds (call $share (i32.const 64) (i32.const 4) (i32.const 4096) (i32.const 6000) (i32.const 0)) (i32.const 0))
      (br_if $on (i32.lt_u (local.tee $key (i32.add (local.get $key) (i32.const 1))) (i32.const 100))))
    (loop $on
      (local.set $key (i32.sub (local.get $key) (i32.const 1)))
      (i32.store (i32.const 64) (local.get $key))
      (call $holds (call $shared (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const 8))
        (i32.lt_u (local.get $key) (i32.const 90)))
      (br_if $on (local.get $key)))
    (i32.const 0)))
