//! The host calls of proxy-wasm 0.2.1 as they are imported. Only `wasm` makes them.

#![allow(unsafe_code, reason = "calls across the sandbox's border")]

type Out<T> = *mut T;

// SAFETY: names and signatures are those of proxy-wasm 0.2.1.
#[link(wasm_import_module = "env")]
unsafe extern "C" {
    pub(super) fn proxy_log(level: u32, text: *const u8, bytes: usize) -> u32;
    pub(super) fn proxy_get_current_time_nanoseconds(now: Out<u64>) -> u32;
    pub(super) fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        bytes_max: usize,
        data: Out<*mut u8>,
        bytes: Out<usize>,
    ) -> u32;
    pub(super) fn proxy_get_buffer_status(buffer: u32, bytes: Out<usize>, flags: Out<u32>) -> u32;
    pub(super) fn proxy_set_buffer_bytes(
        buffer: u32,
        start: usize,
        replaced: usize,
        data: *const u8,
        bytes: usize,
    ) -> u32;
    pub(super) fn proxy_get_header_map_pairs(map: u32, data: Out<*mut u8>, bytes: Out<usize>) -> u32;
    pub(super) fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_bytes: usize,
        data: Out<*mut u8>,
        bytes: Out<usize>,
    ) -> u32;
    pub(super) fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_bytes: usize,
        value: *const u8,
        value_bytes: usize,
    ) -> u32;
    pub(super) fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_bytes: usize,
        value: *const u8,
        value_bytes: usize,
    ) -> u32;
    pub(super) fn proxy_remove_header_map_value(map: u32, name: *const u8, name_bytes: usize) -> u32;
    pub(super) fn proxy_get_property(path: *const u8, path_bytes: usize, data: Out<*mut u8>, bytes: Out<usize>) -> u32;
    pub(super) fn proxy_set_property(path: *const u8, path_bytes: usize, value: *const u8, value_bytes: usize) -> u32;
    pub(super) fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_bytes: usize,
        body: *const u8,
        body_bytes: usize,
        headers: *const u8,
        headers_bytes: usize,
        grpc_status: i32,
    ) -> u32;
    pub(super) fn proxy_define_metric(kind: u32, name: *const u8, name_bytes: usize, id: Out<u32>) -> u32;
    pub(super) fn proxy_record_metric(id: u32, value: u64) -> u32;
    pub(super) fn proxy_increment_metric(id: u32, amount: i64) -> u32;
    pub(super) fn proxy_get_shared_data(
        key: *const u8,
        key_bytes: usize,
        data: Out<*mut u8>,
        bytes: Out<usize>,
        cas: Out<u32>,
    ) -> u32;
    pub(super) fn proxy_set_shared_data(
        key: *const u8,
        key_bytes: usize,
        value: *const u8,
        value_bytes: usize,
        cas: u32,
    ) -> u32;
    pub(super) fn proxy_register_shared_queue(name: *const u8, name_bytes: usize, id: Out<u32>) -> u32;
    pub(super) fn proxy_resolve_shared_queue(
        vm: *const u8,
        vm_bytes: usize,
        name: *const u8,
        name_bytes: usize,
        id: Out<u32>,
    ) -> u32;
    pub(super) fn proxy_enqueue_shared_queue(id: u32, item: *const u8, item_bytes: usize) -> u32;
    pub(super) fn proxy_dequeue_shared_queue(id: u32, data: Out<*mut u8>, bytes: Out<usize>) -> u32;
    pub(super) fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    pub(super) fn proxy_http_call(
        origin: *const u8,
        origin_bytes: usize,
        headers: *const u8,
        headers_bytes: usize,
        body: *const u8,
        body_bytes: usize,
        trailers: *const u8,
        trailers_bytes: usize,
        timeout: u32,
        id: Out<u32>,
    ) -> u32;
    pub(super) fn proxy_call_foreign_function(
        name: *const u8,
        name_bytes: usize,
        arguments: *const u8,
        arguments_bytes: usize,
        data: Out<*mut u8>,
        bytes: Out<usize>,
    ) -> u32;
    pub(super) fn proxy_set_effective_context(context: u32) -> u32;
    pub(super) fn proxy_continue_stream(stream: u32) -> u32;
}
