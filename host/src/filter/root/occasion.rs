//! An occasion for a plugin's own context to run, and the callback that belongs to it.

use super::super::abi::ROOT_CONTEXT;
use super::super::failure::{Broken, Callback};
use super::super::instance::Instance;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Occasion {
    Tick,
    /// Messages came into the queue of this number.
    QueueReady(u32),
    /// The plugin is to go away.
    Done,
    /// It goes.
    Delete,
}

/// What a context that is to go away says to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Consent {
    Ready,
    /// Not before it calls `proxy_done`.
    Later,
}

impl Occasion {
    /// How it is measured and logged.
    pub(in crate::filter) fn callback(self) -> Callback {
        match self {
            Self::Tick => Callback::Tick,
            Self::QueueReady(_) => Callback::QueueReady,
            Self::Done | Self::Delete => Callback::Done,
        }
    }

    /// Runs the callback where the module has it.
    pub(in crate::filter) fn run(self, instance: &mut Instance) -> Result<Consent, Broken> {
        let consent = instance.own(|exports, store| {
            match self {
                Self::Tick => exports.tick.as_ref().map(|tick| tick.call(store, ROOT_CONTEXT)).transpose()?,
                Self::QueueReady(queue) => {
                    let ready = exports.queue_ready.as_ref();
                    ready.map(|ready| ready.call(store, (ROOT_CONTEXT, queue))).transpose()?
                }
                Self::Delete => exports.delete.as_ref().map(|delete| delete.call(store, ROOT_CONTEXT)).transpose()?,
                Self::Done => return exports.done.as_ref().map(|done| done.call(store, ROOT_CONTEXT)).transpose(),
            };
            Ok(None)
        })?;
        Ok(if consent == Some(0) { Consent::Later } else { Consent::Ready })
    }
}
