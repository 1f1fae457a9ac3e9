//! Host calls that are noted on their way, or answered from a script.
//!
//! A guest that is recorded is linked to these instead of the host's own, each of which stands behind one of them: the
//! calls of all other guests gain nothing, not even a branch.

use std::sync::Arc;

use wasmtime::{ExternType, InstancePre, Linker, Module, Val};

use super::super::abi::Status;
use super::super::recording::script::Turn;
use super::super::recording::tape::Tape;
use super::super::recording::trace::Call;
use super::super::state::State;
use super::headers::HeadersOver;
use super::link::linker;
use super::memory::split;
use super::outcome::Guest;
use super::shape::Shape;

/// Calls that end a guest where it puts too much into a section.
const HEADERS: [&str; 3] = ["proxy_set_header_map", "proxy_add_header_map", "proxy_replace_header_map"];

/// Ends a guest in a replay that does not do what it did.
#[derive(Debug, thiserror::Error)]
#[error("the guest has left the trace")]
struct LeftTrace;

/// The module linked so that its calls go through the tape of its store, where there is one.
pub(in super::super) fn tapped(module: &Module) -> wasmtime::Result<InstancePre<State>> {
    let host = Arc::new(linker(module.engine())?);
    let mut tapped = Linker::new(module.engine());
    tapped.allow_shadowing(true);
    for import in module.imports() {
        let ExternType::Func(signature) = import.ty() else { continue };
        let tap = Tap {
            host: host.clone(),
            module: import.module().into(),
            name: import.name().into(),
            shape: Shape::of(import.name(), signature.params().len()),
        };
        tapped.func_new(import.module(), import.name(), signature, move |mut guest, arguments, results| {
            tap.call(&mut guest, arguments, results)
        })?;
    }
    tapped.instantiate_pre(module)
}

struct Tap {
    host: Arc<Linker<State>>,
    module: Box<str>,
    name: Box<str>,
    shape: Shape,
}

impl Tap {
    fn call(&self, guest: &mut Guest<'_>, arguments: &[Val], results: &mut [Val]) -> wasmtime::Result<()> {
        if guest.data().tape.as_ref().is_none_or(|tape| tape.is_over()) {
            return self.ask_host(guest, arguments, results);
        }
        let asked = self.shape.asked(guest, arguments);
        let Some(tape) = tape_of(guest) else { return Ok(()) };
        let place = tape.begin_call(asked);
        let turn = tape.turn(place);
        let done = match turn {
            Turn::Host => self.ask_host(guest, arguments, results),
            Turn::Script(call) => self.tell(guest, arguments, results, &call),
            Turn::Astray => Err(LeftTrace.into()),
            Turn::Refused => {
                set(results, Some(Status::InternalFailure as u32));
                Ok(())
            }
        };
        let status = results.first().and_then(Val::i32).map(i32::cast_unsigned).filter(|_| done.is_ok());
        let answers = if status == Some(0) { self.shape.told(guest, arguments) } else { Vec::new() };
        if let Some(tape) = tape_of(guest) {
            tape.end_call(place, status, answers);
        }
        done
    }

    /// The host's own call. Each time it becomes an item of the store: those are as short-lived as what is recorded.
    fn ask_host(&self, guest: &mut Guest<'_>, arguments: &[Val], results: &mut [Val]) -> wasmtime::Result<()> {
        // The host's call sees no caller of which it could ask for the memory.
        let _ = split(guest);
        let call = self.host.get(&mut *guest, &self.module, &self.name)?.into_func();
        match call {
            Some(call) => call.call(&mut *guest, arguments, results),
            None => Ok(()),
        }
    }

    fn tell(&self, guest: &mut Guest<'_>, arguments: &[Val], results: &mut [Val], call: &Call) -> wasmtime::Result<()> {
        self.shape.tell(guest, arguments, &call.answers)?;
        set(results, call.status);
        match call.status {
            // It ended the guest then, where it has a status to give.
            None if HEADERS.iter().any(|name| call.name.starts_with(name)) => Err(HeadersOver.into()),
            None if !results.is_empty() => Err(LeftTrace.into()),
            _ => Ok(()),
        }
    }
}

fn tape_of<'a>(guest: &'a mut Guest<'_>) -> Option<&'a mut Tape> {
    guest.data_mut().tape.as_deref_mut()
}

fn set(results: &mut [Val], status: Option<u32>) {
    if let (Some(result), Some(status)) = (results.first_mut(), status) {
        *result = Val::I32(status.cast_signed());
    }
}
