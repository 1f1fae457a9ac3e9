//! What a guest decided in a callback, and what it must have left for that to count.

use super::super::LocalReply;
use super::super::abi::MapType;
use super::super::failure::{Broken, FailureKind};
use super::super::messages::message::Message;
use super::super::recording::scene;
use super::super::recording::trace::Ruling;
use super::super::state::State;
use super::wish::Wish;
use crate::config::FilterLimits;

/// What a guest decided in a callback.
#[derive(Debug)]
pub(in crate::filter) enum Decision {
    Continue,
    /// Hold what was handed over until more of it comes, or the guest says so in a later callback.
    Pause,
    Reply(Box<LocalReply>),
    Close,
    /// The context that outlived its exchange may be deleted.
    Done,
}

/// Whether the guest will be entered again before the end: more of a body or the answer to a call is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Prospect {
    None,
    Some,
}

impl Wish {
    /// What it comes to; `None` where nothing was wished.
    pub(in crate::filter) fn decision(self) -> Option<Decision> {
        match self {
            Self { reply: Some(reply), .. } => Some(Decision::Reply(reply)),
            Self { close: true, .. } => Some(Decision::Close),
            Self { done: true, .. } => Some(Decision::Done),
            Self { resume: true, .. } => Some(Decision::Continue),
            Self { .. } => None,
        }
    }
}

/// What a step came to, as a trace tells it.
pub(in crate::filter) fn ruling(outcome: &Result<Decision, Broken>) -> Ruling {
    match outcome {
        Ok(Decision::Continue) => Ruling::Continue,
        Ok(Decision::Pause) => Ruling::Pause,
        Ok(Decision::Close) => Ruling::Close,
        Ok(Decision::Done) => Ruling::Done,
        Ok(Decision::Reply(reply)) => Ruling::Reply {
            status: reply.status.as_u16(),
            headers: scene::fields(&reply.headers),
            body: reply.body[..].into(),
            details: reply.details.clone(),
        },
        Err(broken) => Ruling::Fail(broken.kind.word().to_owned()),
    }
}

/// Holds what the guest has put something into to the limits of a header or trailer section.
pub(in crate::filter) fn check_headers(state: &State) -> Result<(), Broken> {
    let limits = &state.profile.limits;
    let trailers = state.piece.map;
    for map in [MapType::RequestHeaders, MapType::ResponseHeaders, trailers] {
        if state.growth.has(map)
            && let Some(message) = state.message(map)
        {
            check_message(message, limits)?;
        }
    }
    Ok(())
}

pub(super) fn check_message(message: &dyn Message, limits: &FilterLimits) -> Result<(), Broken> {
    let (count, bytes) = (message.headers().len(), message.bytes());
    if count > limits.header_count_max || bytes > limits.header_bytes_max {
        let cause = format!("the guest left {count} headers of {bytes} bytes");
        return Err(Broken::new(FailureKind::Headers, cause));
    }
    Ok(())
}
