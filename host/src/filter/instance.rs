//! One guest: a store, and the callbacks its module exports.
//!
//! `start` brings it to where it can serve, as the reference host does; then each exchange opens a context in it, hands over
//! its messages for the time of each callback, and closes the context. Which exchange that is when, `berth` decides. After a
//! failure the instance must be dropped: its memory may hold anything.

use std::mem;
use std::sync::Arc;

use http::response;
use wasmtime::{InstancePre, Store, TypedFunc, WasmParams};

use super::LocalReply;
use super::abi::{ACTION_CONTINUE, MapType, ROOT_CONTEXT};
use super::bodies::heads::Heads;
use super::bodies::piece::Piece;
use super::cause::broken;
use super::exports::Exports;
use super::failure::{Broken, Callback, FailureKind};
use super::hostcalls;
use super::isolation::image::Image;
use super::isolation::live::Live;
use super::isolation::replica::{self, Aside, Replica};
use super::loading::load_error::LoadFault;
use super::notes::Notes;
use super::one_line::one_line;
use super::profile::Profile;
use super::starter::{self, Started};
use super::state::{LogBudget, Moment, State};
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

/// What a guest decided in a callback.
#[derive(Debug)]
pub(super) enum Decision {
    Continue,
    /// Hold what was handed over until more of it comes.
    Pause,
    Reply(Box<LocalReply>),
    Close,
}

/// An exchange's messages, lent for one callback.
pub(super) struct Loan<'a> {
    pub(super) notes: &'a mut Option<Box<Notes>>,
    pub(super) request: &'a mut RequestHead,
    pub(super) response: Option<&'a mut response::Parts>,
    pub(super) piece: Option<&'a mut Piece>,
    pub(super) end: EndOfStream,
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
    ) -> Result<Self, LoadFault> {
        let live = Live::count(&profile.live, profile.limits.instances_max).ok_or(LoadFault::Instances)?;
        let Started { mut store, guest, exports } = starter::instantiate(profile, code)?;
        let replica = Replica::new(&mut store, &guest, image);
        let replica = replica.map_err(|error| LoadFault::Image(one_line(&format!("{error:#}"))))?;
        Ok(Self { store, guest, exports, replica: Some(replica), context: ROOT_CONTEXT, _live: live })
    }

    /// What this guest is now, whose mutable globals are exported as `names`; `None` where that cannot be kept.
    pub(super) fn image(&mut self, names: &[String]) -> Option<Image> {
        replica::image(&mut self.store, &self.guest, names)
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

    /// Whether `image` is what the guest is made of.
    pub(super) fn is_of(&self, image: &Arc<Image>) -> bool {
        self.replica.as_ref().is_some_and(|replica| replica.is_of(image))
    }

    /// Makes the guest another image, whatever it is now. After an error it must be dropped.
    pub(super) fn become_of(&mut self, image: &Arc<Image>) -> Result<(), Broken> {
        match &mut self.replica {
            Some(replica) if !self.store.data().limiter.refused() => {
                replica.become_of(&mut self.store, image).map_err(Broken::start)
            }
            _ => Err(Broken::start("the guest cannot be another image")),
        }
    }

    /// Whether the guest is anything else than its image.
    pub(super) fn changed(&mut self) -> bool {
        self.replica.as_ref().is_none_or(|replica| replica.changed(&mut self.store))
    }

    /// What the exchange in the guest has changed; `None` where there is no image to compare with.
    pub(super) fn set_aside(&mut self) -> Option<Aside> {
        self.replica.as_ref().map(|replica| replica.set_aside(&mut self.store))
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
        if self.exports.response_headers.is_none() {
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

    /// Ends the context of the exchange, in Envoy's order: log, done, delete. A guest that is not done yet is deleted all
    /// the same: nothing it could wait for exists in this version.
    pub(super) fn finish(
        &mut self,
        notes: &mut Option<Box<Notes>>,
        mut heads: Option<&mut Heads>,
    ) -> Result<(), Broken> {
        self.store.data_mut().notes = notes.take();
        self.show(&mut heads);
        let moment =
            if heads.as_ref().is_some_and(|heads| heads.response.is_some()) { Moment::Log } else { Moment::Done };
        self.arm(moment);
        let outcome = self.call_finish();
        let outcome = outcome.map_err(|error| broken(&self.store, &error));
        hostcalls::tell_dropped_log(self.store.data());
        self.show(&mut heads);
        *notes = self.store.data_mut().notes.take();
        self.store.data_mut().moment = Moment::Root;
        outcome
    }

    /// Moves the heads into the store, or back out of it.
    fn show(&mut self, heads: &mut Option<&mut Heads>) {
        let Some(Heads { request, response: Some(response) }) = heads else { return };
        let state = self.store.data_mut();
        state.request.swap(request);
        state.response.swap(response);
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

    /// Runs a callback of the plugin's own context: no exchange is lent.
    pub(super) fn own<R>(
        &mut self,
        callback: impl FnOnce(&Exports, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, Broken> {
        self.arm(Moment::Root);
        let outcome = callback(&self.exports, &mut self.store);
        let outcome = outcome.map_err(|error| broken(&self.store, &error));
        hostcalls::tell_dropped_log(self.store.data());
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
        self.arm(moment);
        let action = callback(self, loan.end);
        let more = if loan.piece.is_some() { loan.end } else { EndOfStream::Yes };
        let outcome = match action {
            Ok(action) => self.decide(action, more),
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
        mem::swap(&mut state.notes, loan.notes);
        state.request.swap(loan.request);
        if let Some(response) = &mut loan.response {
            state.response.swap(response);
        }
        if let Some(piece) = &mut loan.piece {
            mem::swap(&mut state.piece, piece);
        }
    }

    /// What a callback that returned `action` comes to. The next piece of a body resumes a guest that waits for more.
    fn decide(&mut self, action: u32, end: EndOfStream) -> Result<Decision, Broken> {
        let state = self.store.data_mut();
        state.effective = state.context;
        if state.grown {
            check_headers(state)?;
        }
        let wish = mem::take(&mut state.wish);
        if let Some(reply) = wish.reply {
            return Ok(Decision::Reply(reply));
        }
        if wish.close {
            return Ok(Decision::Close);
        }
        if action == ACTION_CONTINUE || wish.resume {
            return Ok(Decision::Continue);
        }
        if end == EndOfStream::No {
            return Ok(Decision::Pause);
        }
        Err(Broken::new(FailureKind::NeverResumed, "the guest paused, and nothing can resume it"))
    }
}

/// The callback's action, where there is one.
fn call<P: WasmParams>(
    callback: &Option<TypedFunc<P, u32>>,
    store: &mut Store<State>,
    arguments: P,
) -> wasmtime::Result<u32> {
    callback.as_ref().map_or(Ok(ACTION_CONTINUE), |callback| callback.call(store, arguments))
}

fn clamped(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Holds what the guest left to the limits of a header or trailer section.
fn check_headers(state: &State) -> Result<(), Broken> {
    let limits = &state.profile.limits;
    let trailers = state.piece.map;
    for map in [MapType::RequestHeaders, MapType::ResponseHeaders, trailers] {
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
