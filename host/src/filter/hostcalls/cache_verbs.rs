//! Cache verbs as host calls take them: into the marks of the exchange at hand, as long as they can have an effect.

use super::super::abi::Status;
use super::super::cache_verbs::CacheVerb;
use super::super::state::State;

/// Purges may be asked for as long as a message is there; everything else is settled before the lookup, so that later it
/// is `BadArgument`.
pub(super) fn say(state: &mut State, verb: CacheVerb, value: &[u8]) -> Result<(), Status> {
    let in_time = state.request().is_some() && (state.response().is_none() || verb == CacheVerb::Purge);
    if !in_time {
        return Err(Status::BadArgument);
    }
    let notes = state.notes_mut().ok_or(Status::BadArgument)?;
    notes.marks.change().verbs.get_or_insert_default().say(verb, value)
}
