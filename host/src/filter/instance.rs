//! One guest: a store, and the callbacks its module exports.
//!
//! `start` brings it to where it can serve, as the reference host does; then each exchange opens a context in it, hands over
//! its messages for the time of each callback, and closes the context. Which exchange that is when, `berth` decides. After a
//! failure the instance must be dropped: its memory may hold anything.

mod correspondence;
pub(super) mod decision;
mod own;
pub(super) mod parting;
pub(super) mod wish;

use std::mem;
use std::sync::Arc;

use http::response;
use wasmtime::{InstancePre, Store, WasmParams};

use self::decision::{Decision, Prospect, check_headers, ruling};
use super::abi::{ACTION_CONTINUE, ACTION_PAUSE, MapType, ROOT_CONTEXT};
use super::bodies::piece::Piece;
use super::calls::outcall::{Arrival, CallAnswer};
use super::cause::broken;
use super::exports::Exports;
use super::failure::{Broken, Callback};
use super::hostcalls;
use super::isolation::image::Image;
use super::isolation::live::Live;
use super::isolation::mailbox::Mailbox;
use super::isolation::renewal::Renewal;
use super::isolation::replica::{self, Aside, Replica};
use super::loading::load_error::LoadFault;
use super::messages::message::Message;
use super::notes::Notes;
use super::one_line::one_line;
use super::profile::Profile;
use super::recording::noted::{Arguments, Noted};
use super::recording::scene;
use super::recording::tape::Tape;
use super::starter::{self, Started};
use super::state::{LogBudget, Moment, Standing, State};
use super::stream::EndOfStream;
use crate::semantics::RequestHead;

pub(super) struct Instance {
    store: Store<State>,
    guest: wasmtime::Instance,
    exports: Exports,
    /// Where the guest can be made its filter's image again.
    replica: Option<Replica>,
    /// The context of the exchange at hand.
    context: u32,
    _live: Live,
}

/// An exchange's messages, lent for one callback.
pub(super) struct Loan<'a> {
    pub(super) notes: &'a mut Option<Box<Notes>>,
    pub(super) request: &'a mut RequestHead,
    pub(super) response: Option<&'a mut response::Parts>,
    pub(super) piece: Option<&'a mut Piece>,
    pub(super) end: EndOfStream,
    pub(super) prospect: Prospect,
}

impl Instance {
    /// A new guest, started and configured.
    pub(super) fn start(profile: &Arc<Profile>, code: &InstancePre<State>) -> Result<Self, LoadFault> {
        let live = Live::count(&profile.live, profile.limits.instances_max).ok_or(LoadFault::Instances)?;
        let Started { store, guest, exports } = starter::start(profile, code)?;
        Ok(Self { store, guest, exports, replica: None, context: ROOT_CONTEXT, _live: live })
    }

    /// A new guest that is what `image` was taken of, without starting it.
    pub(super) fn replicate(
        profile: &Arc<Profile>,
        code: &InstancePre<State>,
        image: (&Arc<Image>, &[String]),
        renewal: Renewal,
    ) -> Result<Self, LoadFault> {
        let live = Live::count(&profile.live, profile.limits.instances_max).ok_or(LoadFault::Instances)?;
        let Started { mut store, guest, exports } = starter::instantiate(profile, code)?;
        let replica = Replica::new(&mut store, &guest, image, renewal);
        let replica = replica.map_err(|error| LoadFault::Image(one_line(&format!("{error:#}"))))?;
        Ok(Self { store, guest, exports, replica: Some(replica), context: ROOT_CONTEXT, _live: live })
    }

    /// What this guest is now, whose mutable globals are exported as `names`; `None` where that cannot be kept.
    pub(super) fn image(&mut self, names: &[String]) -> Option<Image> {
        replica::image(&mut self.store, &self.guest, names)
    }

    /// Notes on `tape` what the guest does from now on. Its calls must be tapped.
    pub(super) fn record(&mut self, tape: Tape) {
        self.store.data_mut().tape = Some(Box::new(tape));
    }

    pub(super) fn is_recorded(&self) -> bool {
        self.store.data().tape.is_some()
    }

    /// Whether another exchange may have the guest while the one that was in it waits.
    pub(super) fn lendable(&self) -> bool {
        !self.hoards() && self.replica.as_ref().is_some_and(|replica| replica.lendable(&self.store))
    }

    /// Makes the guest its image again. After an error it must be dropped.
    pub(super) fn reset(&mut self) -> Result<(), Broken> {
        if self.hoards() {
            return Err(Broken::start("the guest was refused more memory"));
        }
        match &mut self.replica {
            Some(replica) if !replica.grown(&self.store) => replica.reset(&mut self.store).map_err(Broken::start),
            _ => Err(Broken::start("the guest has outgrown its image")),
        }
    }

    /// Pages of the guest that are put back after an exchange; `None` where there is no image, or it wrote too many.
    pub(super) fn pages(&self) -> Option<usize> {
        self.replica.as_ref()?.pages()
    }

    /// What the exchange in the guest has changed; `None` where there is no image to compare with.
    pub(super) fn set_aside(&mut self) -> Option<Aside> {
        self.replica.as_ref()?.set_aside(&mut self.store)
    }

    /// Brings back what an exchange has changed. After an error the guest must be dropped.
    pub(super) fn bring_back(&mut self, aside: &Aside) -> Result<(), Broken> {
        match &mut self.replica {
            Some(replica) => replica.bring_back(&mut self.store, aside).map_err(Broken::start),
            None => Err(Broken::start("the guest has no image")),
        }
    }

    /// Whether the guest is its image, bit for bit; `None` where it has none.
    #[cfg(test)]
    pub(super) fn pristine(&mut self) -> Option<bool> {
        self.replica.as_ref().map(|replica| replica.pristine(&mut self.store))
    }

    /// Turns to `context`, with what is left of its log in exchange for what is left of the last one's.
    pub(super) fn attend(&mut self, context: u32, log: &mut LogBudget) {
        self.context = context;
        mem::swap(&mut self.store.data_mut().log, log);
    }

    /// Has others in the guest reach the context of an exchange by `mailbox`.
    pub(super) fn move_in(&mut self, context: u32, mailbox: Arc<Mailbox>) {
        self.store.data_mut().residents.move_in(context, mailbox);
    }

    pub(super) fn move_out(&mut self, context: u32) {
        self.store.data_mut().residents.move_out(context);
    }

    /// Creates the context of an exchange and hands it the request head.
    pub(super) fn request_headers(&mut self, loan: Loan<'_>) -> Result<Decision, Broken> {
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
        if self.exports.response_headers.is_none() && !self.is_recorded() {
            return Ok(Decision::Continue);
        }
        self.lend(loan, Moment::Response, |guest, end| match &guest.exports.response_headers {
            Some(callback) => callback.call(&mut guest.store, guest.context, MapType::ResponseHeaders, end),
            None => Ok(ACTION_CONTINUE),
        })
    }

    /// Hands a piece of a body, or what follows it, to `callback` in the context of the exchange.
    pub(super) fn body(&mut self, loan: Loan<'_>, callback: Callback) -> Result<Decision, Broken> {
        let moment = match callback {
            Callback::RequestBody | Callback::RequestTrailers => Moment::Request,
            _ => Moment::Response,
        };
        self.lend(loan, moment, |guest, end| {
            let (store, context) = (&mut guest.store, guest.context);
            let Piece { bytes, trailers, .. } = &store.data().piece;
            let (size, count) = (clamped(bytes.len()), clamped(trailers.len()));
            let exports = &guest.exports;
            match callback {
                Callback::RequestBody => call(&exports.request_body, store, (context, size, end.flag())),
                Callback::RequestTrailers => call(&exports.request_trailers, store, (context, count)),
                Callback::ResponseBody => call(&exports.response_body, store, (context, size, end.flag())),
                Callback::ResponseTrailers => call(&exports.response_trailers, store, (context, count)),
                _ => Ok(ACTION_CONTINUE),
            }
        })
    }

    /// Hands the answer to a call to the plugin's context, as all hosts do; the guest turns to the one that it made the
    /// call for.
    pub(super) fn call_response(
        &mut self,
        loan: Loan<'_>,
        (moment, standing): (Moment, Standing),
        Arrival { token, ending }: Arrival,
    ) -> Result<Decision, Broken> {
        if self.exports.call_response.is_none() {
            return Ok(Decision::Pause);
        }
        let (headers, body, trailers) = ending.as_ref().map_or((0, 0, 0), |answer| shape(answer));
        let state = self.store.data_mut();
        state.call = Some(ending);
        state.standing = standing;
        let outcome = self.lend(loan, moment, |guest, _| {
            guest.store.data_mut().effective = ROOT_CONTEXT;
            if let Some(callback) = &guest.exports.call_response {
                callback.call(&mut guest.store, (ROOT_CONTEXT, token, headers, body, trailers))?;
            }
            Ok(ACTION_PAUSE)
        });
        let state = self.store.data_mut();
        state.call = None;
        state.standing = Standing::UnderWay;
        outcome
    }

    /// Whether the guest was refused more memory than it may have. Then it serves no other exchange.
    pub(super) fn hoards(&self) -> bool {
        self.store.data().limiter.refused()
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
        self.open_letters();
        self.arm(moment);
        scene::begin(self.store.data_mut(), loan.end);
        let action = callback(self, loan.end);
        let more = loan.piece.is_some() && loan.end == EndOfStream::No;
        let prospect = if more { Prospect::Some } else { loan.prospect };
        let outcome = match action {
            Ok(action) => self.decide(action, prospect),
            Err(error) => Err(broken(&self.store, &error)),
        };
        let outcome = outcome.and_then(|decision| self.send_letters(Some(&decision)).map(|()| decision));
        scene::end(self.store.data_mut(), || Some(ruling(&outcome)));
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
        mem::swap(&mut state.notes, loan.notes);
        state.request.swap(loan.request);
        if let Some(response) = &mut loan.response {
            state.response.swap(response);
        }
        if let Some(piece) = &mut loan.piece {
            mem::swap(&mut state.piece, piece);
        }
    }

    /// What a callback that returned `action` comes to. A guest may only wait for what can come.
    fn decide(&mut self, action: u32, prospect: Prospect) -> Result<Decision, Broken> {
        let state = self.store.data_mut();
        state.effective = state.context;
        check_headers(state)?;
        if let Some(decision) = mem::take(&mut state.wish).decision() {
            return Ok(decision);
        }
        if action == ACTION_CONTINUE {
            return Ok(Decision::Continue);
        }
        if prospect == Prospect::Some || state.has_wished() || state.standing == Standing::Lingering {
            return Ok(Decision::Pause);
        }
        Err(Broken::never_resumed("the guest paused, and nothing can resume it"))
    }
}

/// The callback's action, where there is one.
fn call<P: WasmParams + Arguments>(
    callback: &Option<Noted<P, u32>>,
    store: &mut Store<State>,
    arguments: P,
) -> wasmtime::Result<u32> {
    callback.as_ref().map_or(Ok(ACTION_CONTINUE), |callback| callback.call(store, arguments))
}

fn clamped(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// How many headers, bytes of body and trailers there are.
fn shape(answer: &CallAnswer) -> (u32, u32, u32) {
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let headers = <dyn Message>::len(&answer.parts);
    let trailers = answer.trailers.as_ref().map_or(0, http::HeaderMap::len);
    (count(headers), count(answer.body.len()), count(trailers))
}
