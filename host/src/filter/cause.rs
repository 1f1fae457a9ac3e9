//! What ended a callback, found out after the fact.

use wasmtime::{Store, Trap, WasmBacktrace};

use super::failure::{Broken, FailureKind};
use super::hostcalls::HeadersOver;
use super::state::State;

/// Finds out what ended a callback with `error`.
pub(super) fn broken(store: &Store<State>, error: &wasmtime::Error) -> Broken {
    let kind = match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => FailureKind::Deadline,
        _ if error.is::<HeadersOver>() => FailureKind::Headers,
        _ if store.data().limiter.refused() => FailureKind::Memory,
        _ => FailureKind::Trap,
    };
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string).unwrap_or_default();
    Broken { kind, cause: error.root_cause().to_string(), backtrace }
}
