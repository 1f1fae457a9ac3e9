;; Puts messages into a queue until it is refused, and takes them out: eight, and none too large for the room that filters
;; share. Traps where anything else is true.
(module
  (import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))
  (import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
  (import "env" "proxy_dequeue_shared_queue" (func $dequeue (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "letters")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32) (i32.const 4096))
  (func $holds (param $status i32) (param $expected i32)
    (if (i32.ne (local.get $status) (local.get $expected)) (then unreachable)))
  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (local $put i32) (local $taken i32) (local $status i32)
    (call $holds (call $register (i32.const 64) (i32.const 7) (i32.const 32)) (i32.const 0))
    (call $holds (call $enqueue (i32.load (i32.const 32)) (i32.const 0) (i32.const 65536)) (i32.const 10))
    (block $refused (loop $on
      (br_if $refused (local.tee $status (call $enqueue (i32.load (i32.const 32)) (i32.const 64) (i32.const 7))))
      (local.set $put (i32.add (local.get $put) (i32.const 1)))
      (br $on)))
    (call $holds (local.get $status) (i32.const 10))
    (call $holds (local.get $put) (i32.const 8))
    (block $empty (loop $on
      (br_if $empty (local.tee $status (call $dequeue (i32.load (i32.const 32)) (i32.const 0) (i32.const 4))))
      (local.set $taken (i32.add (local.get $taken) (i32.const 1)))
      (br $on)))
    (call $holds (local.get $status) (i32.const 7))
    (call $holds (local.get $taken) (i32.const 8))
    (i32.const 0)))
