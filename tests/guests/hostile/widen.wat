;; Widens its table by tens until it is refused; serves where that was at a thousand elements, traps where it was not.
(module
  (memory (export "memory") 1)
  (table $calls 10 funcref)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32) (i32.const 4096))
  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (loop $on
      (br_if $on (i32.ne (table.grow $calls (ref.null func) (i32.const 10)) (i32.const -1))))
    (if (i32.ne (table.size $calls) (i32.const 1000)) (then unreachable))
    (i32.const 0)))
