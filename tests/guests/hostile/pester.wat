;; Calls an origin until it is refused; serves where that was after four calls and by INTERNAL_FAILURE, traps otherwise.
(module
  (import "env" "proxy_http_call"
    (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "site")
  (data (i32.const 128) "\03\00\00\00\07\00\00\00\03\00\00\00\0a\00\00\00\04\00\00\00\05\00\00\00\05\00\00\00"
    ":method\00GET\00:authority\00site\00:path\00/call\00")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32) (i32.const 4096))
  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (local $made i32) (local $status i32)
    (block $refused (loop $on
      (local.set $status (call $call (i32.const 64) (i32.const 4) (i32.const 128) (i32.const 68) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 0)))
      (br_if $refused (local.get $status))
      (local.set $made (i32.add (local.get $made) (i32.const 1)))
      (br $on)))
    (if (i32.ne (local.get $status) (i32.const 10)) (then unreachable))
    (if (i32.ne (local.get $made) (i32.const 4)) (then unreachable))
    (i32.const 0)))
