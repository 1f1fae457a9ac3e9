//! Host calls that link and do nothing yet.
//!
//! SDKs import the whole ABI whatever a filter uses, so that a module would not load without them; a filter that does
//! call one is told `Unimplemented`.

use wasmtime::{FuncType, Linker, Val, ValType};

use super::super::abi::Status;
use super::super::state::State;

/// Name and number of `i32` arguments.
const CALLS: [(&str, usize); 7] = [
    ("proxy_http_call", 10),
    ("proxy_grpc_call", 12),
    ("proxy_grpc_stream", 9),
    ("proxy_grpc_send", 4),
    ("proxy_grpc_cancel", 1),
    ("proxy_grpc_close", 1),
    ("proxy_get_status", 3),
];

/// Whether `env.name` is one of them.
pub(in super::super) fn is_unimplemented(name: &str) -> bool {
    CALLS.iter().any(|(call, _)| *call == name)
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for (name, arguments) in CALLS {
        let arguments = std::iter::repeat_n(ValType::I32, arguments);
        let signature = FuncType::new(linker.engine(), arguments, [ValType::I32]);
        linker.func_new("env", name, signature, |_, _, results| {
            results[0] = Val::I32(Status::Unimplemented as i32);
            Ok(())
        })?;
    }
    // What the C++ toolchain's runtime imports, as the reference host answers it.
    linker.func_wrap("env", "pthread_equal", |left: u32, right: u32| u32::from(left == right))?;
    linker.func_wrap("env", "emscripten_notify_memory_growth", |_: u32| {})?;
    Ok(())
}
