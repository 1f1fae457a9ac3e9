//! Cache verbs as host calls take them: into the marks of the exchange at hand, as long as they can have an effect.

use super::super::abi::{BufferType, Status};
use super::super::cache_verbs::CacheVerb;
use super::super::state::{Moment, Standing, State};
use crate::config::Side;

/// A verb that comes too late is `BadArgument`, as a value that is wrong is.
pub(super) fn say(state: &mut State, verb: CacheVerb, value: &[u8]) -> Result<(), Status> {
    if !in_time(state, verb) {
        return Err(Status::BadArgument);
    }
    let notes = state.notes_mut().ok_or(Status::BadArgument)?;
    notes.marks.change().verbs.get_or_insert_default().say(verb, value)
}

/// Purges may be asked for to the last callback. What else a client's side says is settled before the lookup; what the
/// origin's says of the response, once its head has come and before its body flows.
fn in_time(state: &State, verb: CacheVerb) -> bool {
    let Some(notes) = state.notes() else { return false };
    if verb == CacheVerb::Purge {
        return true;
    }
    let at_head = state.piece.buffer == BufferType::Absent && state.standing == Standing::UnderWay;
    at_head
        && match notes.stream.side {
            Side::Client => state.sight() == Moment::Request,
            Side::Origin => verb.is_of_the_response() && matches!(state.sight(), Moment::Request | Moment::Response),
        }
}
