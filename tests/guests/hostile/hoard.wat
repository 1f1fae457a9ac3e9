;; Takes memory by the mebibyte until it is refused, and gives up.
(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32) (i32.const 4096))
  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (loop $on
      (br_if $on (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    unreachable))
