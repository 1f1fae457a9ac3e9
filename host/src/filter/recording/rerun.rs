//! One exchange of a trace run again, in an instance of its own.
//!
//! To the letter: in the image that was recorded, with every host call answered from the trace. Freely: in an instance
//! that was just started, with the messages as they were and the host working out what follows from them.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::{Instance as Guest, InstancePre, Store, Val};

use super::super::abi::{ACTION_CONTINUE, ROOT_CONTEXT};
use super::super::bounds::presence;
use super::super::cause::broken;
use super::super::instance::decision::{self, Decision, check_headers};
use super::super::isolation::image::Image;
use super::super::isolation::renewal::Renewal;
use super::super::isolation::replica::Replica;
use super::super::loading::load_error::LoadFault;
use super::super::profile::Profile;
use super::super::starter::{self, Started};
use super::super::state::State;
use super::super::stream::EndOfStream;
use super::scene;
use super::script::Script;
use super::tape::Tape;
use super::trace::{CALL_RESPONSE, Called, Exchange, Moment, Ruling, Step};

/// What a run may note: more than what is recorded, so that a guest that says a little more is not cut short.
const BYTES_MAX: usize = 8 << 20;

/// What an answer comes to that says nothing.
const ACTION_PAUSE: u32 = 1;

const DONE: &str = "proxy_on_done";
const DELETE: &str = "proxy_on_delete";

/// Why an exchange could not be run at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unrunnable {
    #[error("an instance does not start: {0}")]
    Start(LoadFault),
    #[error("the image is not one of this module: {0:#}")]
    Image(wasmtime::Error),
    #[error("its messages are none that a node has")]
    Messages,
    #[error("it does more than can be noted")]
    TooLarge,
}

/// What an exchange is run in.
pub(super) struct Rerun {
    store: Store<State>,
    guest: Guest,
    replica: Option<Replica>,
}

impl Rerun {
    pub(super) fn literal(
        profile: &Arc<Profile>,
        code: &InstancePre<State>,
        image: (&Arc<Image>, &[String]),
    ) -> Result<Self, Unrunnable> {
        let Started { mut store, guest, .. } = starter::instantiate(profile, code).map_err(Unrunnable::Start)?;
        let replica = Replica::new(&mut store, &guest, image, Renewal::Copies).map_err(Unrunnable::Image)?;
        Ok(Self { store, guest, replica: Some(replica) })
    }

    pub(super) fn free(profile: &Arc<Profile>, code: &InstancePre<State>) -> Result<Self, Unrunnable> {
        let Started { store, guest, .. } = starter::start(profile, code).map_err(Unrunnable::Start)?;
        Ok(Self { store, guest, replica: None })
    }

    /// What the guest does this time.
    pub(super) fn run(mut self, recorded: &Exchange) -> Result<Exchange, Unrunnable> {
        let literal = self.replica.is_some();
        let script = if literal { Script::literal(recorded) } else { Script::free(recorded) };
        let Exchange { filter, image, context, at, .. } = *recorded;
        let blank = Exchange { filter, image, context, at, ..Exchange::default() };
        self.store.data_mut().tape = Some(Box::new(Tape::new(blank, BYTES_MAX).scripted(script)));
        for (index, step) in recorded.steps.iter().enumerate() {
            let callbacks = if literal { step.callbacks.clone() } else { usual(recorded, index) };
            if !self.step(context, step, &callbacks)? {
                break;
            }
        }
        let memory = self.replica.as_ref().map(|replica| replica.digest(&mut self.store));
        let tape = self.store.data_mut().tape.as_mut().ok_or(Unrunnable::TooLarge)?;
        tape.seal(memory);
        tape.take().ok_or(Unrunnable::TooLarge)
    }

    /// Runs the callbacks of one step; whether another can follow.
    fn step(&mut self, context: u32, step: &Step, callbacks: &[Called]) -> Result<bool, Unrunnable> {
        let state = self.store.data_mut();
        scene::set(state, &step.lent, step.moment).ok_or(Unrunnable::Messages)?;
        state.begin(context, scene::state_moment(step.moment, &step.lent));
        state.standing = scene::state_standing(step.standing);
        scene::begin(state, EndOfStream::from(step.end));
        let ticks = state.profile.callback_ticks;
        let mut action = Ok(ACTION_CONTINUE);
        for called in callbacks {
            self.store.set_epoch_deadline(ticks);
            action = self.callback(called);
            if action.is_err() {
                break;
            }
        }
        let departs = self.departs(callbacks, &action);
        if departs && action.is_ok() {
            let arguments = vec![context];
            action = self.callback(&Called { name: DELETE.to_owned(), arguments, ..Called::default() });
        }
        let state = self.store.data_mut();
        state.effective = state.context;
        let alive = action.is_ok() && !departs;
        let ruling = match action {
            Err(kind) => Some(Ruling::Fail(kind)),
            Ok(_) if step.ends() => None,
            Ok(action) => Some(ruling(state, action)),
        };
        scene::end(self.store.data_mut(), || ruling);
        Ok(alive)
    }

    /// Whether a context is done where the recorded one waited for its calls.
    fn departs(&mut self, callbacks: &[Called], action: &Result<u32, String>) -> bool {
        let asked = callbacks.last().is_some_and(|last| last.name == DONE);
        asked && (*action != Ok(0) || self.guest.get_func(&mut self.store, DONE).is_none())
    }

    /// Calls one export, where the module has it.
    fn callback(&mut self, called: &Called) -> Result<u32, String> {
        let silent = if called.name == CALL_RESPONSE { ACTION_PAUSE } else { ACTION_CONTINUE };
        let Some(function) = self.guest.get_func(&mut self.store, &called.name) else { return Ok(silent) };
        let signature = function.ty(&self.store);
        let numbers = called.arguments.iter().copied().chain(std::iter::repeat(0)).take(signature.params().len());
        let arguments: Vec<Val> = numbers.map(|number| Val::I32(number.cast_signed())).collect();
        let mut results = vec![Val::I32(0); signature.results().len()];
        if let Some(tape) = &mut self.store.data_mut().tape {
            tape.begin_callback(&called.name, called.arguments.clone());
        }
        if called.name == CALL_RESPONSE {
            self.store.data_mut().effective = ROOT_CONTEXT;
        }
        let _inside = presence::enter(Instant::now());
        let outcome = function.call(&mut self.store, &arguments, &mut results);
        let failed = outcome.err().map(|error| broken(&self.store, &error).kind.word().to_owned());
        let returned = results.first().and_then(Val::i32).map(i32::cast_unsigned).filter(|_| failed.is_none());
        if let Some(tape) = &mut self.store.data_mut().tape {
            tape.end_callback(returned, failed.clone());
        }
        failed.map_or(Ok(returned.unwrap_or(silent)), Err)
    }
}

/// What a guest asked for and returned comes to.
fn ruling(state: &mut State, action: u32) -> Ruling {
    if let Err(broken) = check_headers(state) {
        return Ruling::Fail(broken.kind.word().to_owned());
    }
    let unasked = if action == ACTION_CONTINUE { Decision::Continue } else { Decision::Pause };
    decision::ruling(&Ok(mem::take(&mut state.wish).decision().unwrap_or(unasked)))
}

/// The callbacks that a step has for any module: one that was recorded may have lacked some of them.
fn usual(recorded: &Exchange, index: usize) -> Vec<Called> {
    let (steps, context) = (&recorded.steps, recorded.context);
    let step = &steps[index];
    let heads = [&step.lent.request, &step.lent.response];
    let count = |head: usize| u32::try_from(heads[head].as_ref().map_or(0, Vec::len)).unwrap_or(u32::MAX);
    let callback = |name: &str, arguments: &[u32]| Called {
        name: name.to_owned(),
        arguments: arguments.to_vec(),
        ..Called::default()
    };
    let end = u32::from(step.end);
    match step.moment {
        Moment::Request if index == 0 => vec![
            callback("proxy_on_context_create", &[context, ROOT_CONTEXT]),
            callback("proxy_on_request_headers", &[context, count(0), end]),
        ],
        Moment::Response if step.callbacks.is_empty() && step.lent.body.is_none() && step.lent.trailers.is_none() => {
            vec![callback("proxy_on_response_headers", &[context, count(1), end])]
        }
        Moment::Log | Moment::Done if step.ends() => {
            let waited = steps[..index].iter().any(Step::ends);
            // What follows belongs to one that waits for its calls.
            let waits = index + 1 < steps.len();
            let names: &[&str] = match (waited, waits) {
                (true, _) => &[DELETE],
                (false, true) => &["proxy_on_log", DONE],
                (false, false) => &["proxy_on_log", DONE, DELETE],
            };
            names.iter().map(|name| callback(name, &[context])).collect()
        }
        _ => step.callbacks.clone(),
    }
}
