;; Defines metrics until it is refused, one letter after another, and counts each; serves where that was after eight and by
;; INTERNAL_FAILURE, traps otherwise.
(module
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "tally_")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32) (i32.const 4096))
  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (local $made i32) (local $status i32)
    (block $refused (loop $on
      (i32.store8 (i32.const 70) (i32.add (i32.const 97) (local.get $made)))
      (br_if $refused
        (local.tee $status (call $define (i32.const 0) (i32.const 64) (i32.const 7) (i32.const 0))))
      (if (call $increment (i32.load (i32.const 0)) (i64.const 1)) (then unreachable))
      (local.set $made (i32.add (local.get $made) (i32.const 1)))
      (br $on)))
    (if (i32.ne (local.get $status) (i32.const 10)) (then unreachable))
    (if (i32.ne (local.get $made) (i32.const 8)) (then unreachable))
    (i32.const 0)))
