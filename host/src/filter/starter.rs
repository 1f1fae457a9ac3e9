//! Brings a guest to where it can serve, as the reference host does: instantiated, initialised, configured.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::{InstancePre, Store, TypedFunc, UpdateDeadline, WasmParams, WasmResults};

use super::abi::ROOT_CONTEXT;
use super::bounds::presence;
use super::cause::broken;
use super::engine;
use super::exports::{self, Exports};
use super::hostcalls;
use super::loading::load_error::LoadFault;
use super::one_line::one_line;
use super::profile::Profile;
use super::state::{Gate, Moment, State};

/// A guest that has been started and configured.
pub(super) struct Started {
    pub(super) store: Store<State>,
    pub(super) guest: wasmtime::Instance,
    pub(super) exports: Exports,
}

/// A new guest, started and configured.
pub(super) fn start(profile: &Arc<Profile>, code: &InstancePre<State>) -> Result<Started, LoadFault> {
    let mut starter = Starter::new(profile, code)?;
    starter.initialize()?;
    starter.find_malloc()?;
    starter.configure()?;
    starter.finish()
}

/// A new guest that is only instantiated: it is about to become what another one was after its start.
pub(super) fn instantiate(profile: &Arc<Profile>, code: &InstancePre<State>) -> Result<Started, LoadFault> {
    let mut starter = Starter::new(profile, code)?;
    starter.find_malloc()?;
    starter.store.data_mut().gate = Gate::Open;
    starter.finish()
}

fn new_store(profile: &Arc<Profile>, code: &InstancePre<State>) -> Store<State> {
    let mut store = Store::new(code.module().engine(), State::new(profile.clone()));
    store.limiter(|state| &mut state.limiter);
    store.epoch_deadline_callback(|mut context| Ok(past_deadline(context.data_mut())));
    store.set_epoch_deadline(profile.configure_ticks);
    store
}

/// A guest on its way to being an `Instance`.
struct Starter {
    store: Store<State>,
    guest: wasmtime::Instance,
}

impl Starter {
    fn new(profile: &Arc<Profile>, code: &InstancePre<State>) -> Result<Self, LoadFault> {
        let mut store = new_store(profile, code);
        let _inside = presence::enter(Instant::now());
        let guest = code.instantiate(&mut store).map_err(|error| start_fault(&store, &error))?;
        let memory = guest.get_memory(&mut store, "memory").ok_or(LoadFault::NoMemory)?;
        store.data_mut().memory = Some(memory);
        Ok(Self { store, guest })
    }

    fn find_malloc(&mut self) -> Result<(), LoadFault> {
        self.store.data_mut().malloc = match self.callback("malloc")? {
            Some(malloc) => Some(malloc),
            None => self.callback("proxy_on_memory_allocate")?,
        };
        Ok(())
    }

    fn finish(mut self) -> Result<Started, LoadFault> {
        self.store.data_mut().moment = Moment::Root;
        let abi = self.store.data().profile.abi;
        let exports = Exports::find(&mut self.store, &self.guest, abi)?;
        Ok(Started { store: self.store, guest: self.guest, exports })
    }

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
        let bytes = |settings: &[u8]| u32::try_from(settings.len()).unwrap_or(u32::MAX);
        let (vm_bytes, bytes) = (bytes(&state.profile.vm_settings), bytes(&state.profile.settings));
        if let Some(create) = self.callback::<(u32, u32), ()>("proxy_on_context_create")? {
            self.call(&create, (ROOT_CONTEXT, 0))?;
        }
        for (callback, bytes) in [("proxy_on_vm_start", vm_bytes), ("proxy_on_configure", bytes)] {
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

    fn callback<P: WasmParams, R: WasmResults>(&mut self, name: &str) -> Result<Option<TypedFunc<P, R>>, LoadFault> {
        exports::callback(&mut self.store, &self.guest, name)
    }

    fn call<P: WasmParams, R: WasmResults>(&mut self, function: &TypedFunc<P, R>, input: P) -> Result<R, LoadFault> {
        let ticks = self.store.data().profile.configure_ticks;
        self.store.set_epoch_deadline(ticks);
        self.store.data_mut().begin(ROOT_CONTEXT, Moment::Start);
        let _inside = presence::enter(Instant::now());
        function.call(&mut self.store, input).map_err(|error| start_fault(&self.store, &error))
    }
}

/// A guest that has not had its processor time goes on.
fn past_deadline(state: &mut State) -> UpdateDeadline {
    let limits = &state.profile.limits;
    let deadline = if state.moment == Moment::Start { limits.configure_deadline } else { limits.callback_deadline };
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
