//! Every callback of the proxy-wasm ABI, with its shape and whether this host calls it.
//!
//! `inspector` holds a module's exports against it. What `instance` looks up by type stands here by number of arguments:
//! all of them, and the result of those that have one, are `i32`.

use super::super::abi::Abi;

/// Whether a node ever enters a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Called,
    /// Known, and without an occasion in this version.
    NeverCalled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Callback {
    pub(super) name: &'static str,
    pub(super) arguments: usize,
    pub(super) results: usize,
    pub(super) used: Use,
}

const fn called(name: &'static str, arguments: usize, results: usize) -> Callback {
    Callback { name, arguments, results, used: Use::Called }
}

const fn never(name: &'static str, arguments: usize, results: usize) -> Callback {
    Callback { name, arguments, results, used: Use::NeverCalled }
}

const CALLBACKS: [Callback; 30] = [
    called("proxy_on_memory_allocate", 1, 1),
    called("proxy_on_context_create", 2, 0),
    called("proxy_on_vm_start", 2, 1),
    called("proxy_on_configure", 2, 1),
    called("proxy_on_request_headers", 3, 1),
    called("proxy_on_request_body", 3, 1),
    called("proxy_on_request_trailers", 2, 1),
    never("proxy_on_request_metadata", 2, 1),
    called("proxy_on_response_headers", 3, 1),
    called("proxy_on_response_body", 3, 1),
    called("proxy_on_response_trailers", 2, 1),
    never("proxy_on_response_metadata", 2, 1),
    called("proxy_on_log", 1, 0),
    called("proxy_on_done", 1, 1),
    called("proxy_on_delete", 1, 0),
    called("proxy_on_tick", 1, 0),
    called("proxy_on_queue_ready", 2, 0),
    never("proxy_on_http_call_response", 5, 0),
    never("proxy_on_foreign_function", 3, 0),
    never("proxy_on_grpc_receive_initial_metadata", 3, 0),
    never("proxy_on_grpc_receive", 3, 0),
    never("proxy_on_grpc_receive_trailing_metadata", 3, 0),
    // AssemblyScript's SDKs export it by this name.
    never("proxy_on_grpc_trailing_metadata", 3, 0),
    never("proxy_on_grpc_close", 3, 0),
    never("proxy_on_new_connection", 1, 1),
    never("proxy_on_downstream_data", 3, 1),
    never("proxy_on_downstream_connection_close", 2, 0),
    never("proxy_on_upstream_data", 3, 1),
    never("proxy_on_upstream_connection_close", 2, 0),
    never("proxy_validate_configuration", 2, 1),
];

/// The callback of this name, in the shape that `abi` gives it.
pub(super) fn callback(name: &str, abi: Option<Abi>) -> Option<Callback> {
    let mut found = CALLBACKS.into_iter().find(|callback| callback.name == name)?;
    if abi == Some(Abi::V0_1_0) && matches!(name, "proxy_on_request_headers" | "proxy_on_response_headers") {
        found.arguments = 2;
    }
    Some(found)
}
