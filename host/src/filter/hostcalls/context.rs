//! Host calls on contexts, streams and time.

use std::time::Duration;

use super::super::abi::{ROOT_CONTEXT, Status, stream_type};
use super::super::instance::wish::Wish;
use super::super::state::Standing;
use super::memory::{self, split};
use super::outcome::{Answer, Guest};

/// Lets the stream go on although the callback pauses it; done when the callback is over.
pub(super) fn continue_stream(guest: &mut Guest<'_>, stream: u32) -> Answer {
    stream_type(stream)?;
    wish(guest, |wish| wish.resume = true)
}

/// Closes the stream when the callback is over.
pub(super) fn close_stream(guest: &mut Guest<'_>, stream: u32) -> Answer {
    stream_type(stream)?;
    wish(guest, |wish| wish.close = true)
}

fn wish(guest: &mut Guest<'_>, make: impl FnOnce(&mut Wish)) -> Answer {
    make(guest.data_mut().wish_mut().ok_or(Status::BadArgument)?);
    Ok(())
}

/// Makes host calls act for another context: the plugin's, that of the exchange at hand, or one that shares its instance.
pub(super) fn set_effective(guest: &mut Guest<'_>, context: u32) -> Answer {
    let state = guest.data_mut();
    if context != ROOT_CONTEXT && context != state.context && !state.residents.turn_to(context) {
        return Err(Status::BadArgument.into());
    }
    state.effective = context;
    Ok(())
}

/// Ends a context that was not done when its exchange was, when the callback is over; or the plugin, which asked for time.
/// Whether another exchange is over the guest alone knows: what was wished of one under way goes nowhere.
pub(super) fn done(guest: &mut Guest<'_>) -> Answer {
    let state = guest.data_mut();
    if state.acts_for_other() {
        wish(guest, |wish| wish.done = true)?;
    } else if state.standing == Standing::Lingering {
        state.wish.done = true;
    } else if state.effective != ROOT_CONTEXT || !state.profile.orders.part() {
        return Err(Status::NotFound.into());
    }
    Ok(())
}

/// Has the plugin called every so many milliseconds from now on.
pub(super) fn set_tick_period(guest: &mut Guest<'_>, millis: u32) -> Answer {
    guest.data().profile.orders.tick_every(Duration::from_millis(millis.into()));
    Ok(())
}

/// Nanoseconds since the Unix epoch.
pub(super) fn current_time(guest: &mut Guest<'_>, out: u32) -> Answer {
    let (memory, state) = split(guest)?;
    let now = state.profile.clock.now().unix_nanos();
    memory::write(memory, out, &now.to_le_bytes())?;
    Ok(())
}
