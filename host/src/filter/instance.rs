//! One guest: a store, and the callbacks its module exports.
//!
//! `start` brings it to where it can serve, as the reference host does; then each exchange that has it to itself opens a
//! context, hands over its messages for the time of each callback, and closes the context. After a failure the instance
//! must be dropped: its memory may hold anything.

use std::sync::Arc;

use http::response;
use wasmtime::{
    AsContextMut, InstancePre, Store, Trap, TypedFunc, UpdateDeadline, WasmBacktrace, WasmParams, WasmResults,
};

use super::LocalReply;
use super::abi::{ACTION_CONTINUE, Abi, MapType, ROOT_CONTEXT};
use super::engine;
use super::failure::{Broken, FailureKind};
use super::hostcalls::{self, HeadersOver};
use super::load_error::LoadFault;
use super::message::Message;
use super::notes::Notes;
use super::one_line::one_line;
use super::profile::Profile;
use super::state::{Gate, LogBudget, Moment, State};
use super::stream::EndOfStream;
use crate::semantics::RequestHead;

pub(super) struct Instance {
    store: Store<State>,
    /// Boxed, since instances move in and out of pools for every exchange.
    exports: Box<Exports>,
    /// The context of the exchange at hand; never used twice.
    context: u32,
}

/// What the host calls during an exchange; `None` where the module has no use for it.
struct Exports {
    context_create: Option<TypedFunc<(u32, u32), ()>>,
    request_headers: Option<HeadersCallback>,
    response_headers: Option<HeadersCallback>,
    log: Option<TypedFunc<u32, ()>>,
    done: Option<TypedFunc<u32, u32>>,
    delete: Option<TypedFunc<u32, ()>>,
}

/// The two shapes of a header callback.
enum HeadersCallback {
    /// Context and number of headers: 0.1.0.
    Without(TypedFunc<(u32, u32), u32>),
    /// The end of the stream too: from 0.2.0.
    WithEnd(TypedFunc<(u32, u32, u32), u32>),
}

/// What a guest decided in a callback.
#[derive(Debug)]
pub(super) enum Decision {
    Continue,
    Reply(Box<LocalReply>),
    Close,
}

/// An exchange's messages, lent for one callback.
pub(super) struct Loan<'a> {
    pub(super) notes: &'a mut Option<Box<Notes>>,
    pub(super) request: &'a mut RequestHead,
    pub(super) response: Option<&'a mut response::Parts>,
    pub(super) end: EndOfStream,
}

impl Instance {
    /// A new guest, started and configured.
    pub(super) fn start(profile: &Arc<Profile>, code: &InstancePre<State>) -> Result<Self, LoadFault> {
        let mut store = Store::new(code.module().engine(), State::new(profile.clone()));
        store.limiter(|state| &mut state.limiter);
        store.epoch_deadline_callback(|mut context| Ok(past_deadline(context.data_mut())));
        store.set_epoch_deadline(profile.configure_ticks);
        let guest = code.instantiate(&mut store).map_err(|error| start_fault(&store, &error))?;
        let memory = guest.get_memory(&mut store, "memory").ok_or(LoadFault::NoMemory)?;
        store.data_mut().memory = Some(memory);
        let mut starter = Starter { store, guest };
        starter.initialize()?;
        starter.store.data_mut().malloc = match starter.callback("malloc")? {
            Some(malloc) => Some(malloc),
            None => starter.callback("proxy_on_memory_allocate")?,
        };
        starter.configure()?;
        let exports = Box::new(Exports::find(&mut starter, profile.abi)?);
        Ok(Self { store: starter.store, exports, context: ROOT_CONTEXT })
    }

    /// Creates the context of an exchange and hands it the request head.
    pub(super) fn request_headers(&mut self, loan: Loan<'_>) -> Result<Decision, Broken> {
        self.context = self.context.checked_add(1).unwrap_or(ROOT_CONTEXT + 1);
        self.store.data_mut().log = LogBudget::default();
        self.lend(loan, Moment::Request, |guest, end| {
            let (store, context) = (&mut guest.store, guest.context);
            if let Some(create) = &guest.exports.context_create {
                create.call(&mut *store, (context, ROOT_CONTEXT))?;
            }
            match &guest.exports.request_headers {
                Some(callback) => callback.call(store, context, MapType::RequestHeaders, end),
                None => Ok(ACTION_CONTINUE),
            }
        })
    }

    /// Hands the response head to the context of the exchange.
    pub(super) fn response_headers(&mut self, loan: Loan<'_>) -> Result<Decision, Broken> {
        if self.exports.response_headers.is_none() {
            return Ok(Decision::Continue);
        }
        self.lend(loan, Moment::Response, |guest, end| match &guest.exports.response_headers {
            Some(callback) => callback.call(&mut guest.store, guest.context, MapType::ResponseHeaders, end),
            None => Ok(ACTION_CONTINUE),
        })
    }

    /// Ends the context of the exchange, in Envoy's order: log, done, delete. A guest that is not done yet is deleted all
    /// the same: nothing it could wait for exists in this version.
    pub(super) fn finish(&mut self, notes: &mut Option<Box<Notes>>) -> Result<(), Broken> {
        self.store.data_mut().notes = notes.take();
        self.arm(Moment::Done);
        let outcome = self.call_finish();
        let outcome = outcome.map_err(|error| broken(&self.store, &error));
        hostcalls::tell_dropped_log(self.store.data());
        *notes = self.store.data_mut().notes.take();
        self.store.data_mut().moment = Moment::Root;
        outcome
    }

    fn call_finish(&mut self) -> wasmtime::Result<()> {
        if let Some(log) = &self.exports.log {
            log.call(&mut self.store, self.context)?;
        }
        if let Some(done) = &self.exports.done {
            done.call(&mut self.store, self.context)?;
        }
        if let Some(delete) = &self.exports.delete {
            delete.call(&mut self.store, self.context)?;
        }
        Ok(())
    }

    /// Whether the guest may serve another exchange: one that hoarded memory up to its bound may not.
    pub(super) fn reusable(&self) -> bool {
        !self.store.data().limiter.refused()
    }

    /// What its memory has grown to.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store) as u64)
    }

    fn arm(&mut self, moment: Moment) {
        let ticks = self.store.data().profile.callback_ticks;
        self.store.set_epoch_deadline(ticks);
        let context = self.context;
        self.store.data_mut().begin(context, moment);
    }

    /// Moves the messages into the store, runs `callback`, and moves them back, undone where it failed.
    fn lend(
        &mut self,
        mut loan: Loan<'_>,
        moment: Moment,
        callback: impl FnOnce(&mut Self, EndOfStream) -> wasmtime::Result<u32>,
    ) -> Result<Decision, Broken> {
        self.swap(&mut loan);
        self.arm(moment);
        let action = callback(self, loan.end);
        let outcome = match action {
            Ok(action) => self.decide(action),
            Err(error) => Err(broken(&self.store, &error)),
        };
        if outcome.is_err() {
            self.store.data_mut().revert();
            hostcalls::tell_dropped_log(self.store.data());
        }
        self.swap(&mut loan);
        self.store.data_mut().moment = Moment::Root;
        outcome
    }

    fn swap(&mut self, loan: &mut Loan<'_>) {
        let state = self.store.data_mut();
        std::mem::swap(&mut state.notes, loan.notes);
        state.request.swap(loan.request);
        if let Some(response) = &mut loan.response {
            state.response.swap(response);
        }
    }

    /// What a callback that returned `action` comes to.
    fn decide(&mut self, action: u32) -> Result<Decision, Broken> {
        let state = self.store.data_mut();
        state.effective = state.context;
        if state.grown {
            check_headers(state)?;
        }
        let wish = std::mem::take(&mut state.wish);
        if let Some(reply) = wish.reply {
            return Ok(Decision::Reply(reply));
        }
        if wish.close {
            return Ok(Decision::Close);
        }
        if action == ACTION_CONTINUE || wish.resume {
            return Ok(Decision::Continue);
        }
        Err(Broken::new(FailureKind::NeverResumed, "the guest paused, and nothing can resume it"))
    }
}

/// Holds what the guest left to the limits of a header section.
fn check_headers(state: &State) -> Result<(), Broken> {
    let limits = &state.profile.limits;
    for map in [MapType::RequestHeaders, MapType::ResponseHeaders] {
        if let Some(message) = state.message(map) {
            let (count, bytes) = (message.headers().len(), message.bytes());
            if count > limits.header_count_max || bytes > limits.header_bytes_max {
                let cause = format!("the guest left {count} headers of {bytes} bytes");
                return Err(Broken::new(FailureKind::Headers, cause));
            }
        }
    }
    Ok(())
}

impl HeadersCallback {
    fn call(&self, store: &mut Store<State>, context: u32, map: MapType, end: EndOfStream) -> wasmtime::Result<u32> {
        let count = store.data().message(map).map_or(0, <dyn Message>::len);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        match self {
            Self::Without(callback) => callback.call(store, (context, count)),
            Self::WithEnd(callback) => callback.call(store, (context, count, end.flag())),
        }
    }

    fn find(starter: &mut Starter, abi: Abi, name: &str) -> Result<Option<Self>, LoadFault> {
        Ok(match abi {
            Abi::V0_1_0 => starter.callback(name)?.map(Self::Without),
            Abi::V0_2_0 | Abi::V0_2_1 => starter.callback(name)?.map(Self::WithEnd),
        })
    }
}

impl Exports {
    fn find(starter: &mut Starter, abi: Abi) -> Result<Self, LoadFault> {
        Ok(Self {
            context_create: starter.callback("proxy_on_context_create")?,
            request_headers: HeadersCallback::find(starter, abi, "proxy_on_request_headers")?,
            response_headers: HeadersCallback::find(starter, abi, "proxy_on_response_headers")?,
            log: starter.callback("proxy_on_log")?,
            done: starter.callback("proxy_on_done")?,
            delete: starter.callback("proxy_on_delete")?,
        })
    }
}

/// A guest on its way to being an `Instance`.
struct Starter {
    store: Store<State>,
    guest: wasmtime::Instance,
}

impl Starter {
    /// Runs the language runtime's own start, with few host calls open to it.
    fn initialize(&mut self) -> Result<(), LoadFault> {
        if let Some(initialize) = self.callback::<(), ()>("_initialize")? {
            self.call(&initialize, ())?;
            if let Some(main) = self.callback::<(u32, u32), u32>("main")? {
                self.call(&main, (0, 0))?;
            } else if let Some(main) = self.callback::<(), u32>("__main_void")? {
                self.call(&main, ())?;
            }
        } else if let Some(start) = self.callback::<(), ()>("_start")? {
            self.call(&start, ())?;
        }
        Ok(())
    }

    /// Creates the plugin's context and hands it its settings.
    fn configure(&mut self) -> Result<(), LoadFault> {
        let state = self.store.data_mut();
        state.gate = Gate::Open;
        let settings_bytes = u32::try_from(state.profile.settings.len()).unwrap_or(u32::MAX);
        if let Some(create) = self.callback::<(u32, u32), ()>("proxy_on_context_create")? {
            self.call(&create, (ROOT_CONTEXT, 0))?;
        }
        for (callback, bytes) in [("proxy_on_vm_start", 0), ("proxy_on_configure", settings_bytes)] {
            if let Some(function) = self.callback::<(u32, u32), u32>(callback)?
                && self.call(&function, (ROOT_CONTEXT, bytes))? == 0
            {
                let complaint = self.store.data().complaint.clone();
                return Err(LoadFault::Refused { callback, complaint });
            }
        }
        hostcalls::tell_dropped_log(self.store.data());
        Ok(())
    }

    /// The export `name`; an error where it is there with another type.
    fn callback<P: WasmParams, R: WasmResults>(&mut self, name: &str) -> Result<Option<TypedFunc<P, R>>, LoadFault> {
        let Some(function) = self.guest.get_func(self.store.as_context_mut(), name) else {
            return Ok(None);
        };
        let typed =
            function.typed(&self.store).map_err(|error| LoadFault::Type(one_line(&format!("{name}: {error:#}"))))?;
        Ok(Some(typed))
    }

    fn call<P: WasmParams, R: WasmResults>(&mut self, function: &TypedFunc<P, R>, input: P) -> Result<R, LoadFault> {
        let ticks = self.store.data().profile.configure_ticks;
        self.store.set_epoch_deadline(ticks);
        self.store.data_mut().begin(ROOT_CONTEXT, Moment::Root);
        function.call(&mut self.store, input).map_err(|error| start_fault(&self.store, &error))
    }
}

/// A guest that has not had its processor time goes on.
fn past_deadline(state: &mut State) -> UpdateDeadline {
    let limits = &state.profile.limits;
    let deadline = if state.moment == Moment::Root { limits.configure_deadline } else { limits.callback_deadline };
    match state.overtime.left(deadline) {
        Some(left) => UpdateDeadline::Continue(engine::ticks(left)),
        None => UpdateDeadline::Interrupt,
    }
}

fn start_fault(store: &Store<State>, error: &wasmtime::Error) -> LoadFault {
    let broken = broken(store, error);
    LoadFault::Start {
        cause: one_line(&format!("{}: {}", broken.kind.word(), broken.cause)),
        complaint: store.data().complaint.clone(),
        backtrace: one_line(&broken.backtrace),
    }
}

/// Finds out what ended a callback.
fn broken(store: &Store<State>, error: &wasmtime::Error) -> Broken {
    let kind = match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => FailureKind::Deadline,
        _ if error.is::<HeadersOver>() => FailureKind::Headers,
        _ if store.data().limiter.refused() => FailureKind::Memory,
        _ => FailureKind::Trap,
    };
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string).unwrap_or_default();
    Broken { kind, cause: error.root_cause().to_string(), backtrace }
}
