//! An instance outside of exchanges: its plugin's own callbacks, and the image that they make of it.

use std::mem;
use std::sync::Arc;

use wasmtime::Store;

use super::super::abi::ROOT_CONTEXT;
use super::super::calls::outcall::{Arrival, Outcall};
use super::super::cause::broken;
use super::super::exports::Exports;
use super::super::failure::Broken;
use super::super::hostcalls;
use super::super::isolation::image::Image;
use super::super::state::{Moment, State};
use super::{Instance, shape};

impl Instance {
    /// Runs a callback of the plugin's own context: no exchange is lent.
    pub(in crate::filter) fn own<R>(
        &mut self,
        callback: impl FnOnce(&Exports, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, Broken> {
        self.arm(Moment::Root);
        let outcome = callback(&self.exports, &mut self.store);
        let outcome = outcome.map_err(|error| broken(&self.store, &error));
        let outcome = outcome.and_then(|outcome| self.send_letters(None).map(|()| outcome));
        hostcalls::tell_dropped_log(self.store.data());
        outcome
    }

    /// Hands the answer to a call of the plugin's own context to it.
    pub(in crate::filter) fn own_answer(&mut self, Arrival { token, ending }: Arrival) -> Result<(), Broken> {
        let (headers, body, trailers) = ending.as_ref().map_or((0, 0, 0), |answer| shape(answer));
        self.store.data_mut().call = Some(ending);
        let outcome = self.own(|exports, store| match &exports.call_response {
            Some(callback) => callback.call(store, (ROOT_CONTEXT, token, headers, body, trailers)),
            None => Ok(()),
        });
        self.store.data_mut().call = None;
        outcome
    }

    /// Calls of the plugin's own context that are not on their way yet.
    pub(in crate::filter) fn take_calls(&mut self) -> Vec<Outcall> {
        mem::take(&mut self.store.data_mut().wished)
    }

    /// Whether `image` is what the guest is made of.
    pub(in crate::filter) fn is_of(&self, image: &Arc<Image>) -> bool {
        self.replica.as_ref().is_some_and(|replica| replica.is_of(image))
    }

    /// Makes the guest another image, whatever it is now. After an error it must be dropped.
    pub(in crate::filter) fn become_of(&mut self, image: &Arc<Image>) -> Result<(), Broken> {
        match &mut self.replica {
            Some(replica) if !self.store.data().limiter.refused() => {
                replica.become_of(&mut self.store, image).map_err(Broken::start)
            }
            _ => Err(Broken::start("the guest cannot be another image")),
        }
    }

    /// Whether the guest is anything else than its image.
    pub(in crate::filter) fn changed(&mut self) -> bool {
        self.replica.as_ref().is_none_or(|replica| replica.changed(&mut self.store))
    }
}
