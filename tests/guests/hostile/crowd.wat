;; Adds a hundred headers of a hundred bytes, and serves.
(module
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "x-crowd")
  (data (i32.const 128) "crowdcrowdcrowdcrowdcrowdcrowdcrowdcrowdcrowdcrowdcrowdcrowdcrowdcrowdcrowdcrowdcrowdcrowdcro")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32) (i32.const 4096))
  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 100))
    (loop $on
      (if (call $add (i32.const 0) (i32.const 64) (i32.const 7) (i32.const 128) (i32.const 93)) (then unreachable))
      (br_if $on (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.const 0)))
