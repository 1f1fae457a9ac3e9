//! A callback of the guest that is noted where its exchange is recorded.

use wasmtime::{Store, TypedFunc, WasmParams, WasmResults};

use super::super::cause::broken;
use super::super::state::State;

pub(in crate::filter) struct Noted<P, R> {
    name: &'static str,
    function: TypedFunc<P, R>,
}

/// The arguments of a callback: all of them are 32 bits.
pub(in crate::filter) trait Arguments {
    fn numbers(&self) -> Vec<u32>;
}

/// What a callback returns, if it returns anything.
pub(in crate::filter) trait Returned {
    fn number(&self) -> Option<u32>;
}

impl<P: WasmParams, R: WasmResults> Noted<P, R> {
    pub(in crate::filter) fn new(name: &'static str, function: TypedFunc<P, R>) -> Self {
        Self { name, function }
    }
}

impl<P: WasmParams + Arguments, R: WasmResults + Returned> Noted<P, R> {
    #[inline]
    pub(in crate::filter) fn call(&self, store: &mut Store<State>, arguments: P) -> wasmtime::Result<R> {
        if store.data().tape.is_some() {
            self.call_noted(store, arguments)
        } else {
            self.function.call(store, arguments)
        }
    }

    #[cold]
    fn call_noted(&self, store: &mut Store<State>, arguments: P) -> wasmtime::Result<R> {
        if let Some(tape) = &mut store.data_mut().tape {
            tape.begin_callback(self.name, arguments.numbers());
        }
        let outcome = self.function.call(&mut *store, arguments);
        let returned = outcome.as_ref().ok().and_then(R::number);
        let failed = outcome.as_ref().err().map(|error| broken(store, error).kind.word().to_owned());
        if let Some(tape) = &mut store.data_mut().tape {
            tape.end_callback(returned, failed);
        }
        outcome
    }
}

impl Arguments for u32 {
    fn numbers(&self) -> Vec<u32> {
        vec![*self]
    }
}

impl Arguments for (u32, u32) {
    fn numbers(&self) -> Vec<u32> {
        vec![self.0, self.1]
    }
}

impl Arguments for (u32, u32, u32) {
    fn numbers(&self) -> Vec<u32> {
        vec![self.0, self.1, self.2]
    }
}

impl Arguments for (u32, u32, u32, u32, u32) {
    fn numbers(&self) -> Vec<u32> {
        vec![self.0, self.1, self.2, self.3, self.4]
    }
}

impl Returned for () {
    fn number(&self) -> Option<u32> {
        None
    }
}

impl Returned for u32 {
    fn number(&self) -> Option<u32> {
        Some(*self)
    }
}
