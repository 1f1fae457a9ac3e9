//! What one exchange does in one guest, noted while it does it.
//!
//! Lies in the store of an instance that is recorded, and in no other. It holds so many bytes and no more: an exchange
//! that is larger is given up whole, since a part of it could not be run again. A `script` on it answers the guest in the
//! host's place when it is.

use std::sync::Arc;

use super::recorder::Recorder;
use super::script::{Script, Turn};
use super::trace::{Answer, Call, Called, Exchange, Ruling, Scene, Step};

/// What an entry takes beside its texts, about.
const ENTRY_BYTES: usize = 64;

pub(in crate::filter) struct Tape {
    exchange: Exchange,
    room: usize,
    overrun: bool,
    /// Whom it goes to when it is dropped, with the instance: an exchange that breaks its instance is handed in like any.
    recorder: Option<Arc<Recorder>>,
    script: Option<Script>,
}

/// Where a call stands on the tape; `None` where it does not.
pub(in crate::filter) type Place = Option<usize>;

impl Tape {
    pub(in crate::filter) fn new(exchange: Exchange, bytes_max: usize) -> Self {
        Self { exchange, room: bytes_max, overrun: false, recorder: None, script: None }
    }

    pub(in crate::filter) fn handed_to(mut self, recorder: Arc<Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    pub(in crate::filter) fn scripted(mut self, script: Script) -> Self {
        self.script = Some(script);
        self
    }

    /// Whether it notes no more.
    pub(in crate::filter) fn is_over(&self) -> bool {
        self.overrun
    }

    /// Begins with what is known of the step beforehand.
    pub(in crate::filter) fn begin_step(&mut self, step: Step) {
        self.exchange.memory = None;
        if self.takes(scene_bytes(&step.lent)) {
            self.exchange.steps.push(step);
        }
    }

    /// The step at hand.
    pub(in crate::filter) fn step(&self) -> Option<&Step> {
        self.exchange.steps.last()
    }

    pub(in crate::filter) fn end_step(&mut self, verdict: Option<Ruling>, left: Scene) {
        let ruled = if let Some(Ruling::Reply { body, .. }) = &verdict { body.0.len() } else { 0 };
        if self.takes(scene_bytes(&left) + ruled)
            && let Some(step) = self.exchange.steps.last_mut()
        {
            (step.verdict, step.left) = (verdict, left);
        }
    }

    pub(in crate::filter) fn begin_callback(&mut self, name: &str, arguments: Vec<u32>) {
        if let Some(script) = &mut self.script {
            script.begin_callback();
        }
        if self.takes(0)
            && let Some(step) = self.exchange.steps.last_mut()
        {
            step.callbacks.push(Called { name: name.to_owned(), arguments, ..Called::default() });
        }
    }

    pub(in crate::filter) fn end_callback(&mut self, returned: Option<u32>, failed: Option<String>) {
        if let Some(called) = self.callback() {
            (called.returned, called.failed) = (returned, failed);
        }
    }

    /// Notes a call before it is done, so that calls which the guest makes in the midst of it stand behind it.
    pub(in crate::filter) fn begin_call(&mut self, call: Call) -> Place {
        let bytes: usize = call.texts.iter().flatten().map(|text| text.0.len()).sum();
        if !self.takes(bytes) {
            return None;
        }
        let called = self.callback()?;
        called.calls.push(call);
        Some(called.calls.len() - 1)
    }

    /// Who answers the call just noted.
    pub(in crate::filter) fn turn(&mut self, place: Place) -> Turn {
        let Some(script) = &mut self.script else { return Turn::Host };
        let called = self.exchange.steps.last().and_then(|step| step.callbacks.last());
        match place.zip(called).and_then(|(place, called)| called.calls.get(place)) {
            Some(call) => script.turn(call),
            None => Turn::Host,
        }
    }

    pub(in crate::filter) fn end_call(&mut self, place: Place, status: Option<u32>, answers: Vec<Answer>) {
        let bytes = answers.iter().map(|answer| if let Answer::Text(text) = answer { text.0.len() } else { 0 }).sum();
        if !self.takes(bytes) {
            return;
        }
        if let Some(call) = place.and_then(|place| self.callback()?.calls.get_mut(place)) {
            (call.status, call.answers) = (status, answers);
        }
    }

    /// Notes what the guest is when all is over.
    pub(in crate::filter) fn seal(&mut self, memory: Option<String>) {
        self.exchange.memory = memory;
    }

    /// What was noted; nothing any more where it was too much.
    pub(in crate::filter) fn take(&mut self) -> Option<Exchange> {
        (!self.overrun).then(|| std::mem::take(&mut self.exchange))
    }

    fn callback(&mut self) -> Option<&mut Called> {
        self.exchange.steps.last_mut()?.callbacks.last_mut()
    }

    /// Whether there is room for an entry with texts of so many bytes.
    fn takes(&mut self, bytes: usize) -> bool {
        match self.room.checked_sub(bytes + ENTRY_BYTES) {
            Some(room) if !self.overrun => {
                self.room = room;
                true
            }
            _ => {
                self.overrun = true;
                self.exchange.steps = Vec::new();
                false
            }
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.hand_in(self.take());
        }
    }
}

fn scene_bytes(scene: &Scene) -> usize {
    let heads = [&scene.request, &scene.response, &scene.trailers].into_iter().flatten().flatten();
    let heads: usize = heads.map(|(name, value)| name.len() + value.0.len() + ENTRY_BYTES).sum();
    let notes = scene.notes.iter().flat_map(|notes| &notes.properties);
    let notes: usize = notes.map(|(name, value)| name.0.len() + value.0.len()).sum();
    heads + notes + scene.body.as_ref().map_or(0, |body| body.0.len())
}

#[cfg(test)]
mod tests {
    use super::super::trace::Moment;
    use super::*;

    fn call(text: &str) -> Call {
        Call { name: "proxy_log".to_owned(), texts: vec![Some(text.into())], ..Call::default() }
    }

    fn begun(room: usize) -> Tape {
        let mut tape = Tape::new(Exchange::default(), room);
        tape.begin_step(Step { moment: Moment::Request, ..Step::default() });
        tape.begin_callback("proxy_on_request_headers", vec![2, 0, 1]);
        tape
    }

    #[test]
    fn calls_within_a_call_stand_behind_it() {
        let mut tape = begun(10_000);
        let outer = tape.begin_call(call("outer"));
        let inner = tape.begin_call(call("inner"));
        tape.end_call(inner, Some(0), Vec::new());
        tape.end_call(outer, Some(1), vec![Answer::Number(7)]);
        let exchange = tape.take().unwrap();
        let calls = &exchange.steps[0].callbacks[0].calls;
        assert_eq!((calls[0].status, calls[1].status), (Some(1), Some(0)));
        assert_eq!(calls[0].answers, [Answer::Number(7)]);
    }

    #[test]
    fn an_exchange_beyond_its_room_is_given_up_whole_and_takes_none() {
        let mut tape = begun(1_000);
        let noted = (0..1_000).filter(|_| tape.begin_call(call("flood")).is_some()).count();
        assert!((5..15).contains(&noted), "{noted}");
        assert!(tape.exchange.steps.is_empty());
        tape.begin_step(Step { moment: Moment::Done, ..Step::default() });
        assert_eq!(tape.take(), None);
    }
}
