//! What stands in the writer's way, as a state of the store, a count and a line to read.

use std::fmt;
use std::io;

use super::metrics::Attempt;
use super::site::Barred;
use super::state::State;

/// Why a turn made no progress.
#[derive(Debug)]
pub(super) enum Trouble {
    Barred(Barred),
    Io(Attempt, io::Error),
}

impl Trouble {
    pub(super) fn state(&self) -> State {
        match self {
            Self::Barred(Barred::Locked(_)) => State::Locked,
            Self::Barred(Barred::Io { error, .. }) | Self::Io(_, error) => State::after(error),
        }
    }

    pub(super) fn attempt(&self) -> Attempt {
        match self {
            Self::Io(attempt, _) => *attempt,
            Self::Barred(_) => Attempt::Open,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Barred(barred) => barred.fmt(f),
            Self::Io(Attempt::Write, error) => write!(f, "writing fails: {error}"),
            Self::Io(_, error) => error.fmt(f),
        }
    }
}
