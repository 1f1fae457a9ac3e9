//! Where the exchanges of one plugin ask whether they are recorded.
//!
//! Nearly always they are not, and asking is one load; the session is behind a lock that only recorded exchanges take.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::InstancePre;

use super::super::isolation::image::Image;
use super::super::state::State;
use super::recorder::{EXCHANGE_BYTES_MAX, Recorder};
use super::tape::Tape;
use super::trace::Exchange;
use crate::clock::Clock;

#[derive(Default)]
pub(in crate::filter) struct Desk {
    open: AtomicBool,
    session: Mutex<Option<Arc<Session>>>,
}

/// A recording's part in one plugin.
pub(in crate::filter) struct Session {
    pub(in crate::filter) recorder: Arc<Recorder>,
    /// The plugin's number in the trace.
    pub(in crate::filter) filter: u32,
    /// Its code, with tapped calls.
    pub(in crate::filter) code: InstancePre<State>,
    pub(in crate::filter) clock: Clock,
}

impl Desk {
    /// `false` where there is a session already.
    pub(in crate::filter) fn open(&self, session: Session) -> bool {
        let mut held = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|session| !session.recorder.is_over()) {
            return false;
        }
        *held = Some(Arc::new(session));
        self.open.store(true, Ordering::Release);
        true
    }

    /// Ends the session of `recorder`, if it is the one.
    pub(in crate::filter) fn close(&self, recorder: &Arc<Recorder>) {
        let mut held = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|session| Arc::ptr_eq(&session.recorder, recorder)) {
            *held = None;
            self.open.store(false, Ordering::Release);
        }
    }

    /// The session, where an exchange that comes now is to be recorded.
    #[inline]
    pub(in crate::filter) fn ask(&self) -> Option<Arc<Session>> {
        if self.open.load(Ordering::Relaxed) { self.admitted() } else { None }
    }

    #[cold]
    fn admitted(&self) -> Option<Arc<Session>> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        session.recorder.admit().then_some(session)
    }
}

impl Session {
    /// A tape for an exchange that begins with `image`; `None` where the trace has no room for that.
    pub(in crate::filter) fn tape(&self, image: &Arc<Image>, context: u32) -> Option<Tape> {
        let Some(image) = self.recorder.number(image) else {
            self.recorder.give_up();
            return None;
        };
        let at = self.clock.now().unix_nanos();
        let exchange = Exchange { filter: self.filter, image, context, at, ..Exchange::default() };
        Some(Tape::new(exchange, EXCHANGE_BYTES_MAX).handed_to(self.recorder.clone()))
    }
}
