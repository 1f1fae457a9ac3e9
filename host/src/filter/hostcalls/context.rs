//! Host calls on contexts, streams and time.

use std::time::Duration;

use super::super::abi::{ROOT_CONTEXT, Status, stream_type};
use super::super::state::Wish;
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
    let state = guest.data_mut();
    if state.notes().is_none() {
        return Err(Status::BadArgument.into());
    }
    make(&mut state.wish);
    Ok(())
}

/// Makes host calls act for another context: the plugin's, or that of the exchange at hand.
pub(super) fn set_effective(guest: &mut Guest<'_>, context: u32) -> Answer {
    let state = guest.data_mut();
    if context != ROOT_CONTEXT && context != state.context {
        return Err(Status::BadArgument.into());
    }
    state.effective = context;
    Ok(())
}

/// Lets a plugin go that asked for time when it was to end. A context of an exchange is deleted with it: nothing pends.
pub(super) fn done(guest: &mut Guest<'_>) -> Answer {
    let state = guest.data();
    if state.effective == ROOT_CONTEXT && state.profile.orders.part() { Ok(()) } else { Err(Status::NotFound.into()) }
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
