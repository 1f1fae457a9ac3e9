;; Has what it asked for put where its allocator says. The tests try several: `ALLOCATE` stands for them.
(module
  (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "accept")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32) ALLOCATE)
  (func $deep (result i32)
    (i32.add (call $deep) (i32.const 1)))
  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (i32.store (i32.const 128) (call $pairs (i32.const 0) (i32.const 0) (i32.const 4)))
    (if (i32.eqz (i32.load (i32.const 128))) (then unreachable))
    (i32.const 0)))
