//! How a host call ends: a status that the guest is told, or a trap that ends it.

use wasmtime::Caller;

use super::super::abi::Status;
use super::super::state::{Gate, State};

/// A guest in the middle of a host call.
pub(super) type Guest<'a> = Caller<'a, State>;

/// A host call that did what it was asked, or why not.
pub(super) type Answer = Result<(), Fault>;

pub(super) enum Fault {
    /// The guest is told and goes on.
    Status(Status),
    /// The guest ends: it trapped in its own allocator, or may not go on.
    Trap(wasmtime::Error),
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<wasmtime::Error> for Fault {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

/// Runs a call that is open to every callback. While a guest starts or allocates it is refused: the host is in the middle
/// of something there that the call could pull away from under it.
pub(super) fn gated(mut guest: Guest<'_>, call: impl FnOnce(&mut Guest<'_>) -> Answer) -> wasmtime::Result<u32> {
    if guest.data().gate == Gate::Narrow {
        return Ok(Status::InternalFailure as u32);
    }
    told(call(&mut guest))
}

/// Runs a call that is open at any time.
pub(super) fn always(mut guest: Guest<'_>, call: impl FnOnce(&mut Guest<'_>) -> Answer) -> wasmtime::Result<u32> {
    told(call(&mut guest))
}

fn told(answer: Answer) -> wasmtime::Result<u32> {
    match answer {
        Ok(()) => Ok(Status::Ok as u32),
        Err(Fault::Status(status)) => Ok(status as u32),
        Err(Fault::Trap(error)) => Err(error),
    }
}
