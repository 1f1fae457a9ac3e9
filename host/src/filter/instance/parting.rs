//! The end of an exchange's context: log, done and delete, in Envoy's order.

use super::super::bodies::heads::Heads;
use super::super::cause::broken;
use super::super::failure::Broken;
use super::super::hostcalls;
use super::super::notes::Notes;
use super::super::recording::scene;
use super::super::recording::trace::Ruling;
use super::super::state::Moment;
use super::super::stream::EndOfStream;
use super::Instance;
use super::decision::Prospect;

/// How a context took the end of its exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Parting {
    Deleted,
    /// It waits for its calls.
    Lingering,
}

impl Instance {
    /// Ends the context of the exchange. A guest that is not done yet is deleted later where calls of it are under way:
    /// nothing else could come to it.
    pub(in crate::filter) fn finish(
        &mut self,
        notes: &mut Option<Box<Notes>>,
        mut heads: Option<&mut Heads>,
        prospect: Prospect,
    ) -> Result<Parting, Broken> {
        self.store.data_mut().notes = notes.take();
        self.show(&mut heads);
        let moment = heads.as_ref().map_or(Moment::Done, |heads| heads.last_moment());
        let outcome = self.end_step(moment, |guest| guest.call_finish(prospect));
        if outcome.is_err() {
            self.store.data_mut().revert();
        }
        hostcalls::tell_dropped_log(self.store.data());
        self.show(&mut heads);
        *notes = self.store.data_mut().notes.take();
        self.store.data_mut().moment = Moment::Root;
        outcome
    }

    /// Deletes a context that outlived its exchange.
    pub(in crate::filter) fn delete(&mut self, notes: &mut Option<Box<Notes>>) -> Result<(), Broken> {
        self.store.data_mut().notes = notes.take();
        let outcome = self.end_step(Moment::Done, Self::call_delete);
        hostcalls::tell_dropped_log(self.store.data());
        *notes = self.store.data_mut().notes.take();
        self.store.data_mut().moment = Moment::Root;
        outcome.map(drop)
    }

    /// Runs the last callbacks, and seals what is recorded once the context is deleted.
    fn end_step(
        &mut self,
        moment: Moment,
        callbacks: impl FnOnce(&mut Self) -> wasmtime::Result<Parting>,
    ) -> Result<Parting, Broken> {
        self.arm(moment);
        scene::begin(self.store.data_mut(), EndOfStream::Yes);
        let outcome = callbacks(self).map_err(|error| broken(&self.store, &error));
        let outcome = outcome.and_then(|parting| self.send_letters(None).map(|()| parting));
        scene::end(self.store.data_mut(), || {
            outcome.as_ref().err().map(|broken| Ruling::Fail(broken.kind.word().into()))
        });
        if !matches!(outcome, Ok(Parting::Lingering)) {
            self.seal();
        }
        outcome
    }

    /// Moves the heads into the store, or back out of it.
    fn show(&mut self, heads: &mut Option<&mut Heads>) {
        let Some(Heads { request, response }) = heads else { return };
        let state = self.store.data_mut();
        state.request.swap(request);
        if let Some(response) = response {
            state.response.swap(response);
        }
    }

    /// Notes what the guest is after its last callback.
    fn seal(&mut self) {
        if let Some(mut tape) = self.store.data_mut().tape.take() {
            tape.seal(self.replica.as_ref().map(|replica| replica.digest(&mut self.store)));
            self.store.data_mut().tape = Some(tape);
        }
    }

    fn call_finish(&mut self, prospect: Prospect) -> wasmtime::Result<Parting> {
        if let Some(log) = &self.exports.log {
            log.call(&mut self.store, self.context)?;
        }
        if let Some(done) = &self.exports.done
            && done.call(&mut self.store, self.context)? == 0
            && (prospect == Prospect::Some || self.store.data().has_wished())
        {
            return Ok(Parting::Lingering);
        }
        self.call_delete()
    }

    fn call_delete(&mut self) -> wasmtime::Result<Parting> {
        if let Some(delete) = &self.exports.delete {
            delete.call(&mut self.store, self.context)?;
        }
        Ok(Parting::Deleted)
    }
}

impl Heads {
    /// What of an exchange can be seen once it is over.
    pub(in crate::filter) fn last_moment(&self) -> Moment {
        if self.response.is_some() { Moment::Log } else { Moment::Abandoned }
    }
}
