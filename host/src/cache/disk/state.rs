//! How the store is: one word for metrics, the log and those who would like to write.
//!
//! The writer sets it; each change is one log line. Whoever waits for room in the queue watches it.

use std::fmt::Display;
use std::io;

use tokio::sync::watch;

use super::device::is_full;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) enum State {
    /// What the disk has is being found out. Nothing is read from it yet; what is put waits in the queue.
    Recovering,
    Ok,
    /// The disk is full, though everything but one segment was given up.
    Full,
    /// Reading and writing fail.
    Failed,
    /// The file system takes no writes.
    ReadOnly,
    /// Another process has the folder.
    Locked,
    /// The folder is not there.
    Absent,
}

impl State {
    pub(super) const ALL: [Self; 7] =
        [Self::Recovering, Self::Ok, Self::Full, Self::Failed, Self::ReadOnly, Self::Locked, Self::Absent];

    pub(in crate::cache) fn word(self) -> &'static str {
        match self {
            Self::Recovering => "recovering",
            Self::Ok => "ok",
            Self::Full => "full",
            Self::Failed => "failed",
            Self::ReadOnly => "read_only",
            Self::Locked => "locked",
            Self::Absent => "absent",
        }
    }

    /// What an error makes of the store.
    pub(super) fn after(error: &io::Error) -> Self {
        match error.kind() {
            _ if is_full(error) => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Absent,
            _ => Self::Failed,
        }
    }

    /// Is there a disk that writes wait for?
    pub(super) fn takes_writes(self) -> bool {
        matches!(self, Self::Recovering | Self::Ok)
    }
}

/// The state of one store.
pub(super) struct States {
    now: watch::Sender<State>,
    /// The folder, for log lines.
    folder: String,
}

impl States {
    pub(super) fn new(folder: String) -> Self {
        Self { now: watch::Sender::new(State::Recovering), folder }
    }

    pub(super) fn now(&self) -> State {
        *self.now.borrow()
    }

    /// Sets the state; `why` is for the log line, which is written where it was another one before.
    pub(super) fn set(&self, state: State, why: &dyn Display) {
        let changed = self.now.send_if_modified(|now| std::mem::replace(now, state) != state);
        let folder = &self.folder;
        match state {
            _ if !changed => {}
            State::Ok | State::Recovering => tracing::info!(state = state.word(), %folder, "disk tier: {why}"),
            _ => tracing::warn!(state = state.word(), %folder, "disk tier: {why}"),
        }
    }

    /// Ready when the store is in a state that `wanted` names.
    pub(super) async fn until(&self, wanted: impl FnMut(&State) -> bool) {
        // The sender is part of this, so there is always a next state.
        _ = self.now.subscribe().wait_for(wanted).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_what_mends_them() {
        let cases = [
            (io::Error::from_raw_os_error(28), State::Full),
            (io::Error::from_raw_os_error(122), State::Full),
            (io::Error::from_raw_os_error(30), State::ReadOnly),
            (io::Error::from_raw_os_error(5), State::Failed),
            (io::Error::from_raw_os_error(13), State::Failed),
            (io::Error::from_raw_os_error(2), State::Absent),
            (io::Error::from_raw_os_error(20), State::Absent),
        ];
        for (error, state) in cases {
            assert_eq!(State::after(&error), state, "{error}");
        }
    }

    #[test]
    fn words_are_all_different() {
        let words = State::ALL.map(State::word);
        assert!(words.iter().enumerate().all(|(at, word)| !words[..at].contains(word)), "{words:?}");
    }
}
